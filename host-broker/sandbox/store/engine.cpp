#include "host-broker/sandbox/store/engine.hpp"

#include "host-broker/sandbox/store/limits.hpp"
#include "host-broker/sandbox/store/path.hpp"
#include "host-broker/sandbox/store/payload.hpp"

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::sandbox {
namespace {

constexpr unsigned k_domain_self = 0x7FF0;  // DOMID_SELF

bool needs_privilege(std::uint32_t type) { return type == XS_INTRODUCE || type == XS_RELEASE; }

bool takes_transaction(std::uint32_t type) {
  return type != XS_WATCH && type != XS_UNWATCH && type != XS_TRANSACTION_START;
}

bool is_known(std::uint32_t type) {
  switch (type) {
    case XS_DIRECTORY:
    case XS_DIRECTORY_PART:
    case XS_READ:
    case XS_GET_PERMS:
    case XS_SET_PERMS:
    case XS_WRITE:
    case XS_MKDIR:
    case XS_RM:
    case XS_WATCH:
    case XS_UNWATCH:
    case XS_RESET_WATCHES:
    case XS_TRANSACTION_START:
    case XS_TRANSACTION_END:
    case XS_GET_DOMAIN_PATH:
    case XS_IS_DOMAIN_INTRODUCED:
    case XS_INTRODUCE:
    case XS_RELEASE: return true;
    default: return false;
  }
}

}  // namespace

void StoreEngine::handle(StoreSession& session, const StoreMessage& untrusted_request) {
  StoreMessage reply{untrusted_request.type, untrusted_request.request, untrusted_request.transaction, {}};
  auto payload = answer(session, untrusted_request);
  if (payload && payload.value().size() > XENSTORE_PAYLOAD_MAX) payload = StoreError::too_big;
  reply.payload = payload ? std::move(payload.value()) : with_nul(std::string(name_of_error(payload.error())));
  if (!payload) reply.type = XS_ERROR;
  session.send_reply(reply);
  // A new watch fires once, so that a client that starts need not look first.
  if (payload && untrusted_request.type == XS_WATCH) {
    const auto& watch = session.watches_.back();
    session.send_event(watch.path_for_client(session.domain_, watch.path), watch.token);
  }
}

StoreEngine::Reply StoreEngine::answer(StoreSession& session, const StoreMessage& request) {
  if (!is_known(request.type)) return StoreError::not_implemented;
  if (needs_privilege(request.type) && !is_privileged(session.domain_)) return StoreError::no_access;
  Actor actor{session.domain_, nullptr};
  if (request.transaction != 0 && takes_transaction(request.type)) {
    const auto found = session.transactions_.find(request.transaction);
    if (found == session.transactions_.end()) return StoreError::no_entry;
    actor.transaction = &found->second;
  }
  return dispatch(session, actor, request);
}

StoreEngine::Reply StoreEngine::dispatch(StoreSession& session, Actor actor, const StoreMessage& request) {
  const std::string_view payload = request.payload;
  switch (request.type) {
    case XS_DIRECTORY: return list(actor, payload);
    case XS_DIRECTORY_PART: return list_part(actor, payload);
    case XS_READ: return read_node(actor, payload);
    case XS_GET_PERMS: return get_permissions(actor, payload);
    case XS_SET_PERMS: return set_permissions(actor, payload);
    case XS_WRITE: return write_node(actor, payload);
    case XS_WATCH: return watch(session, payload);
    case XS_UNWATCH: return unwatch(session, payload);
    case XS_TRANSACTION_START: return start_transaction(session);
    case XS_TRANSACTION_END: return end_transaction(session, request);
    case XS_INTRODUCE: return introduce_on_request(payload);
    case XS_RELEASE: return release_on_request(payload);
    case XS_MKDIR: {
      TRY(const auto path, one_string(payload));
      return acknowledge(tree_.make(actor, absolute_path(actor.domain, path)));
    }
    case XS_RM: {
      TRY(const auto path, one_string(payload));
      return acknowledge(tree_.remove(actor, absolute_path(actor.domain, path)));
    }
    case XS_GET_DOMAIN_PATH: {
      TRY(const auto domain, domain_of(payload));
      return with_nul(home_of(domain));
    }
    case XS_IS_DOMAIN_INTRODUCED: {
      TRY(const auto domain, domain_of(payload));
      return with_nul(domain.value == k_domain_self || is_introduced(domain) ? "T" : "F");
    }
    case XS_RESET_WATCHES: {
      session.watches_.clear();
      session.transactions_.clear();
      return acknowledgement();
    }
    default: return StoreError::not_implemented;
  }
}

StoreEngine::Reply StoreEngine::acknowledge(StoreResult<Changes> changes) {
  if (!changes) return changes.error();
  fire(changes.value());
  return acknowledgement();
}

StoreEngine::Reply StoreEngine::read_node(Actor actor, std::string_view payload) {
  TRY(const auto path, one_string(payload));
  TRY(const auto node, tree_.read(actor, absolute_path(actor.domain, path)));
  return node->value;
}

StoreEngine::Reply StoreEngine::list(Actor actor, std::string_view payload) {
  TRY(const auto path, one_string(payload));
  TRY(const auto node, tree_.read(actor, absolute_path(actor.domain, path)));
  std::string names;
  for (const std::string& child : node->children) names += with_nul(child);
  return names;
}

// The node's generation and as many names, from an offset in bytes, as a payload holds; an empty name ends the list.
StoreEngine::Reply StoreEngine::list_part(Actor actor, std::string_view payload) {
  const auto arguments = strings_of(payload);
  if (arguments.size() != 2) return StoreError::invalid;
  TRY(const auto node, tree_.read(actor, absolute_path(actor.domain, arguments[0])));
  TRY(const auto offset, number_of<std::uint32_t>(arguments[1]));
  std::string reply = with_nul(std::to_string(node->generation));
  std::size_t at = 0;
  bool complete = true;
  for (const std::string& child : node->children) {
    if (at >= offset) {
      complete = reply.size() + child.size() + 2 <= XENSTORE_PAYLOAD_MAX;
      if (!complete) break;
      reply += with_nul(child);
    }
    at += child.size() + 1;
  }
  return complete ? with_nul(std::move(reply)) : reply;
}

StoreEngine::Reply StoreEngine::get_permissions(Actor actor, std::string_view payload) {
  TRY(const auto path, one_string(payload));
  TRY(const auto node, tree_.read(actor, absolute_path(actor.domain, path)));
  return to_strings(node->permissions);
}

StoreEngine::Reply StoreEngine::set_permissions(Actor actor, std::string_view payload) {
  const std::size_t end = payload.find('\0');
  if (end == std::string_view::npos) return StoreError::invalid;
  const std::string path(payload.substr(0, end));
  TRY(auto permissions, parse_permissions(payload.substr(end + 1)));
  if (path.starts_with('@')) return set_special_permissions(actor, path, std::move(permissions));
  return acknowledge(tree_.set_permissions(actor, absolute_path(actor.domain, path), std::move(permissions)));
}

StoreEngine::Reply StoreEngine::set_special_permissions(Actor actor, const std::string& name, NodePermissions permissions) {
  const auto found = special_.find(name);
  if (found == special_.end()) return StoreError::invalid;
  constexpr unsigned k_needed = k_may_write | k_is_owner;
  if ((found->second.access_of(actor.domain) & k_needed) != k_needed) return StoreError::no_access;
  if (!tree_.has_domain(permissions.owner())) return StoreError::no_entry;
  found->second = std::move(permissions);
  return acknowledgement();
}

StoreEngine::Reply StoreEngine::write_node(Actor actor, std::string_view payload) {
  const std::size_t end = payload.find('\0');
  if (end == std::string_view::npos) return StoreError::invalid;
  return acknowledge(tree_.write(actor, absolute_path(actor.domain, payload.substr(0, end)), payload.substr(end + 1)));
}

StoreEngine::Reply StoreEngine::watch(StoreSession& session, std::string_view payload) {
  const auto arguments = strings_of(payload);
  if (arguments.size() != 2) return StoreError::invalid;
  StoreSession::Watch watch{absolute_path(session.domain_, arguments[0]), arguments[1], false};
  watch.relative = watch.path != arguments[0];
  if (watch.path.starts_with('@') ? watch.path.size() > XENSTORE_REL_PATH_MAX : !is_valid_path(watch.path))
    return StoreError::invalid;
  for (const auto& other : session.watches_)
    if (other.path == watch.path && other.token == watch.token) return StoreError::exists;
  if (!is_privileged(session.domain_) && count_of_watches(session.domain_) >= k_most_watches) return StoreError::too_big;
  session.watches_.push_back(std::move(watch));
  return acknowledgement();
}

StoreEngine::Reply StoreEngine::unwatch(StoreSession& session, std::string_view payload) {
  const auto arguments = strings_of(payload);
  if (arguments.size() != 2) return StoreError::invalid;
  const std::string path = absolute_path(session.domain_, arguments[0]);
  const auto removed = std::erase_if(
      session.watches_, [&](const auto& watch) { return watch.path == path && watch.token == arguments[1]; });
  if (removed == 0) return StoreError::no_entry;
  return acknowledgement();
}

StoreEngine::Reply StoreEngine::start_transaction(StoreSession& session) {
  if (!is_privileged(session.domain_) && count_of_transactions(session.domain_) >= k_most_transactions)
    return StoreError::no_space;
  auto& next = session.next_transaction_;
  while (next == 0 || session.transactions_.contains(next)) ++next;
  session.transactions_[next];
  return with_nul(std::to_string(next++));
}

StoreEngine::Reply StoreEngine::end_transaction(StoreSession& session, const StoreMessage& request) {
  TRY(const auto word, one_string(request.payload));
  if (word != "T" && word != "F") return StoreError::invalid;
  auto ended = session.transactions_.extract(request.transaction);
  if (ended.empty()) return StoreError::no_entry;
  return acknowledge(word == "T" ? tree_.commit(session.domain_, ended.mapped()) : StoreResult<Changes>(Changes()));
}

StoreEngine::Reply StoreEngine::introduce_on_request(std::string_view payload) {
  const auto arguments = strings_of(payload);
  if (arguments.size() < 3) return StoreError::invalid;
  TRY(const auto domain, number_of<std::uint16_t>(arguments[0]));
  TRY(const auto event_channel, number_of<std::uint32_t>(arguments[2]));
  if (event_channel == 0) return StoreError::invalid;
  introduce({domain});
  return acknowledgement();
}

StoreEngine::Reply StoreEngine::release_on_request(std::string_view payload) {
  TRY(const auto domain, domain_of(payload));
  if (is_privileged(domain)) return StoreError::invalid;
  if (!is_introduced(domain)) return StoreError::no_entry;
  release(domain);
  return acknowledgement();
}

}  // namespace zynclone::sandbox
