// The part of the engine that no client asks for: domains come and go, watches fire, and the host's own reads and writes.
#include "host-broker/sandbox/store/engine.hpp"
#include "host-broker/sandbox/store/path.hpp"
#include "host-broker/sandbox/store/payload.hpp"

namespace zynclone::sandbox {
namespace {

const std::string k_introduce_domain = "@introduceDomain";
const std::string k_release_domain = "@releaseDomain";

bool may_know(const std::vector<NodePermissions>& readable_by, DomainId domain) {
  for (const auto& permissions : readable_by)
    if ((permissions.access_of(domain) & k_may_read) != 0) return true;
  return is_privileged(domain);
}

Result<void> host_result(const StoreResult<void>& done, std::string_view verb, const std::string& path) {
  if (done) return outcome::success();
  return fail(Errc::xen, "cannot " + std::string(verb) + " XenStore node '" + printable(path) +
                             "': " + std::string(name_of_error(done.error())));
}

}  // namespace

StoreEngine::StoreEngine() {
  NodePermissions host_only;
  host_only.entries = {{.domain = k_host_domain}};
  special_[k_introduce_domain] = host_only;
  special_[k_release_domain] = host_only;
}

void StoreEngine::introduce(DomainId domain) {
  tree_.add_domain(domain);
  if (introduced_.insert(domain).second) fire_special(k_introduce_domain);
}

void StoreEngine::release(DomainId domain) {
  const bool was_introduced = introduced_.erase(domain) != 0;
  for (StoreSession* session : sessions_) {
    if (session->domain_ != domain) continue;
    session->watches_.clear();
    session->transactions_.clear();
  }
  fire(tree_.remove_domain(domain));
  for (auto& [name, permissions] : special_)
    for (auto& entry : permissions.entries)
      if (entry.domain == domain) entry.ignored = true;
  if (was_introduced) fire_special(k_release_domain);
  if (release_observer_) release_observer_(domain);
}

void StoreEngine::fire(const Changes& changes) {
  for (const Change& change : changes) {
    if (observer_) observer_(change.path);
    for (StoreSession* session : sessions_) {
      if (!may_know(change.readable_by, session->domain_)) continue;
      for (const auto& watch : session->watches_) {
        if (change.exact ? change.path != watch.path : !is_at_or_below(change.path, watch.path)) continue;
        session->send_event(watch.path_for_client(session->domain_, change.path), watch.token);
      }
    }
  }
}

void StoreEngine::fire_special(const std::string& name) {
  for (StoreSession* session : sessions_) {
    if (!may_know({special_.at(name)}, session->domain_)) continue;
    for (const auto& watch : session->watches_)
      if (watch.path == name) session->send_event(name, watch.token);
  }
}

std::size_t StoreEngine::count_of_watches(DomainId domain) const {
  std::size_t count = 0;
  for (const StoreSession* session : sessions_) count += session->domain_ == domain ? session->watches_.size() : 0;
  return count;
}

std::size_t StoreEngine::count_of_transactions(DomainId domain) const {
  std::size_t count = 0;
  for (const StoreSession* session : sessions_) count += session->domain_ == domain ? session->transactions_.size() : 0;
  return count;
}

Result<std::string> StoreEngine::read(const std::string& path) {
  const auto node = tree_.read({k_host_domain}, path);
  if (node) return node.value()->value;
  return host_result(node.error(), "read", path).error();
}

Result<void> StoreEngine::write(const std::string& path, std::string_view value) {
  auto changes = tree_.write({k_host_domain}, path, value);
  if (!changes) return host_result(changes.error(), "write", path);
  fire(changes.value());
  return outcome::success();
}

Result<void> StoreEngine::write(const std::string& path, std::string_view value, NodePermissions permissions) {
  StoreTransaction transaction;
  const Actor actor{k_host_domain, &transaction};
  auto changes = tree_.write(actor, path, value);
  if (changes) changes = tree_.set_permissions(actor, path, std::move(permissions));
  if (changes) changes = tree_.commit(k_host_domain, transaction);
  if (!changes) return host_result(changes.error(), "write", path);
  fire(changes.value());
  return outcome::success();
}

Result<void> StoreEngine::remove(const std::string& path) {
  auto changes = tree_.remove({k_host_domain}, path);
  if (!changes && changes.error() != StoreError::no_entry) return host_result(changes.error(), "remove", path);
  if (changes) fire(changes.value());
  return outcome::success();
}

}  // namespace zynclone::sandbox
