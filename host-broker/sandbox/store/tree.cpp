#include "host-broker/sandbox/store/tree.hpp"

#include <algorithm>

#include "host-broker/sandbox/store/limits.hpp"
#include "host-broker/sandbox/store/path.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::size_t k_node_header = 20;      // struct xs_tdb_record_hdr
constexpr std::size_t k_permission_size = 8;   // struct xs_permissions

std::size_t size_of(const Node& node) {
  std::size_t size = k_node_header + k_permission_size * node.permissions.entries.size() + node.value.size();
  for (const std::string& child : node.children) size += child.size() + 1;
  return size;
}

}  // namespace

StoreTree::StoreTree() {
  auto root = std::make_shared<Node>();
  root->permissions.entries = {{.domain = k_host_domain}};
  nodes_["/"] = std::move(root);
}

NodePointer StoreTree::find(const std::string& path) const {
  const auto found = nodes_.find(path);
  return found == nodes_.end() ? nullptr : found->second;
}

// What `actor` sees at `path`; a transaction remembers it, also that nothing is there.
StoreResult<NodePointer> StoreTree::look(Actor actor, const std::string& path) {
  if (actor.transaction == nullptr) return find(path);
  StoreTransaction& transaction = *actor.transaction;
  if (const auto known = transaction.nodes_.find(path); known != transaction.nodes_.end()) return known->second.current;
  if (!is_privileged(actor.domain) && transaction.nodes_.size() >= k_most_transaction_nodes) {
    transaction.failed_ = true;
    return StoreError::no_space;
  }
  const NodePointer node = find(path);
  transaction.nodes_[path] = {.original = node, .current = node};
  transaction.order_.push_back(path);
  return node;
}

// Puts a node, or with null takes it away, and keeps the owners' counts. The path has been looked at before.
void StoreTree::put(Actor actor, const std::string& path, NodePointer node) {
  const bool direct = actor.transaction == nullptr;
  NodePointer& place = direct ? nodes_[path] : actor.transaction->nodes_.at(path).current;
  auto& ownership = direct ? ownership_ : actor.transaction->ownership_;
  if (place) --ownership[place->permissions.owner()];
  if (node) ++ownership[node->permissions.owner()];
  place = std::move(node);
  if (!direct) actor.transaction->nodes_.at(path).modified = true;
  if (direct && !place) nodes_.erase(path);
}

// The access that the nearest node above gives: it decides whether a client is told that something is not there.
StoreResult<unsigned> StoreTree::access_of_nearest(Actor actor, std::string path) {
  while (path != "/") {
    path = parent_of(path);
    TRY(const auto node, look(actor, path));
    if (node) return node->permissions.access_of(actor.domain);
  }
  return k_no_access;
}

StoreResult<NodePointer> StoreTree::get(Actor actor, const std::string& path, unsigned access) {
  if (!is_valid_path(path)) return StoreError::invalid;
  TRY(const auto node, look(actor, path));
  if (node && (node->permissions.access_of(actor.domain) & access) == access) return node;
  TRY(const unsigned above, access_of_nearest(actor, path));
  const StoreError reason = node ? StoreError::no_access : StoreError::no_entry;
  return (above & access) != 0 ? reason : StoreError::no_access;
}

StoreResult<void> StoreTree::check_size(Actor actor, const Node& node) const {
  if (!is_privileged(actor.domain) && size_of(node) >= k_largest_node) return StoreError::no_space;
  return outcome::success();
}

StoreResult<NodePointer> StoreTree::read(Actor actor, const std::string& path) { return get(actor, path, k_may_read); }

// Notes for the commit that watches are to be told, or says at once who may know: whoever could or can read the node, or its parent.
Changes StoreTree::changed(Actor actor, const std::string& path, bool exact, NodePointer old) {
  if (actor.transaction != nullptr) {
    auto& accessed = actor.transaction->nodes_.at(path);
    accessed.exact = accessed.told ? accessed.exact && exact : exact;
    accessed.told = true;
    return {};
  }
  Change change{path, exact, {}};
  for (const NodePointer& node : {old, find(path), path == "/" ? nullptr : find(parent_of(path))})
    if (node) change.readable_by.push_back(node->permissions);
  return {std::move(change)};
}

// Makes the node and what is missing above it, all or nothing.
StoreResult<void> StoreTree::create(Actor actor, const std::string& path, std::string_view value) {
  std::vector<std::string> missing{path};
  NodePointer above;
  while (!above) {
    TRY(above, look(actor, parent_of(missing.back())));
    if (!above) missing.push_back(parent_of(missing.back()));
  }

  if (!is_privileged(actor.domain)) {
    const auto in_transaction = actor.transaction == nullptr ? 0 : actor.transaction->ownership_[actor.domain];
    if (ownership_[actor.domain] + in_transaction + static_cast<std::int64_t>(missing.size()) >
        static_cast<std::int64_t>(k_most_nodes))
      return StoreError::no_space;
  }

  std::vector<std::pair<std::string, std::shared_ptr<Node>>> made{{parent_of(missing.back()), std::make_shared<Node>(*above)}};
  for (auto name = missing.rbegin(); name != missing.rend(); ++name) {
    auto node = std::make_shared<Node>();
    node->permissions = made.back().second->permissions;
    if (!is_privileged(actor.domain)) node->permissions.entries.front().domain = actor.domain;
    made.back().second->children.emplace(name_of(*name));
    made.emplace_back(*name, std::move(node));
  }
  made.back().second->value = value;
  for (const auto& [name, node] : made) {
    TRY(check_size(actor, *node));
  }
  for (auto& [name, node] : made) {
    node->generation = ++generation_;
    put(actor, name, std::move(node));
  }
  return outcome::success();
}

StoreResult<Changes> StoreTree::write(Actor actor, const std::string& path, std::string_view value) {
  const auto found = get(actor, path, k_may_write);
  if (!found && found.error() != StoreError::no_entry) return found.error();
  if (found) {
    auto node = std::make_shared<Node>(*found.value());
    node->value = value;
    node->generation = ++generation_;
    TRY(check_size(actor, *node));
    put(actor, path, std::move(node));
  } else {
    TRY(create(actor, path, value));
  }
  return changed(actor, path, false);
}

StoreResult<Changes> StoreTree::make(Actor actor, const std::string& path) {
  const auto found = get(actor, path, k_may_write);
  if (found) return Changes();
  if (found.error() != StoreError::no_entry) return found.error();
  return write(actor, path, {});
}

// Children before their parents, as xenstored removes them.
StoreResult<std::vector<std::string>> StoreTree::subtree(Actor actor, const std::string& path) {
  std::vector<std::string> paths{path};
  for (std::size_t at = 0; at < paths.size(); ++at) {
    TRY(const auto node, look(actor, paths[at]));
    for (const std::string& child : node->children) paths.push_back(child_of(paths[at], child));
  }
  std::reverse(paths.begin(), paths.end());
  return paths;
}

StoreResult<Changes> StoreTree::remove_subtree(Actor actor, const std::string& path) {
  const std::string parent_path = parent_of(path);
  TRY(const auto paths, subtree(actor, path));
  Changes changes;
  for (const std::string& each : paths) {
    auto change = changed(actor, each, each != path);
    std::move(change.begin(), change.end(), std::back_inserter(changes));
  }
  for (const std::string& each : paths) put(actor, each, nullptr);

  TRY(const auto above, look(actor, parent_path));
  auto parent = std::make_shared<Node>(*above);
  parent->children.erase(std::string(name_of(path)));
  parent->generation = ++generation_;
  put(actor, parent_path, std::move(parent));
  return changes;
}

StoreResult<Changes> StoreTree::remove(Actor actor, const std::string& path) {
  const auto found = get(actor, path, k_may_write);
  if (!found) {
    if (found.error() != StoreError::no_entry) return found.error();
    TRY(const auto parent, look(actor, parent_of(path)));
    if (!parent) return StoreError::no_entry;
    return Changes();
  }
  if (path == "/") return StoreError::invalid;
  return remove_subtree(actor, path);
}

StoreResult<Changes> StoreTree::set_permissions(Actor actor, const std::string& path, NodePermissions permissions) {
  if (!is_privileged(actor.domain) && permissions.entries.size() > k_most_permissions) return StoreError::no_space;
  if (!has_domain(permissions.owner())) return StoreError::no_entry;
  for (auto& entry : permissions.entries) entry.ignored = !has_domain(entry.domain);

  TRY(const auto old, get(actor, path, k_may_write | k_is_owner));
  if (!is_privileged(actor.domain) && permissions.owner() != old->permissions.owner()) return StoreError::not_permitted;
  auto node = std::make_shared<Node>(*old);
  node->permissions = std::move(permissions);
  node->generation = ++generation_;
  TRY(check_size(actor, *node));
  put(actor, path, std::move(node));
  return changed(actor, path, false, old);
}

StoreResult<Changes> StoreTree::commit(DomainId domain, StoreTransaction& transaction) {
  if (transaction.failed_) return StoreError::no_memory;  // what xenstored says of one that hit a limit on its way
  for (const auto& [path, accessed] : transaction.nodes_)
    if (find(path) != accessed.original) return StoreError::conflict;
  if (!is_privileged(domain) && transaction.ownership_[domain] > 0 &&
      ownership_[domain] + transaction.ownership_[domain] > static_cast<std::int64_t>(k_most_nodes))
    return StoreError::no_space;

  for (const std::string& path : transaction.order_) {
    const auto& accessed = transaction.nodes_.at(path);
    if (accessed.modified && (accessed.current || find(path))) put({domain, nullptr}, path, accessed.current);
  }
  Changes changes;
  for (const std::string& path : transaction.order_) {
    const auto& accessed = transaction.nodes_.at(path);
    if (!accessed.told) continue;
    auto change = changed({domain, nullptr}, path, accessed.exact, accessed.original);
    if (!accessed.current) change.front().readable_by.resize(accessed.original ? 1 : 0);  // as xenstored: of one that is gone, who could read it
    std::move(change.begin(), change.end(), std::back_inserter(changes));
  }
  return changes;
}

// A later domain of the same number must not get what was granted to this one.
void StoreTree::disregard_grants_to(DomainId domain) {
  for (auto& [path, node] : nodes_) {
    const auto& entries = node->permissions.entries;
    const auto is_grant = [&](const auto& entry) { return &entry != &entries.front() && entry.domain == domain && !entry.ignored; };
    if (std::none_of(entries.begin(), entries.end(), is_grant)) continue;
    auto changed_node = std::make_shared<Node>(*node);
    for (auto& entry : changed_node->permissions.entries)
      if (entry.domain == domain) entry.ignored = true;
    node = std::move(changed_node);
  }
}

Changes StoreTree::remove_domain(DomainId domain) {
  domains_.erase(domain);
  std::vector<std::string> owned;
  for (const auto& [path, node] : nodes_)
    if (node->permissions.owner() == domain && path != "/") owned.push_back(path);
  std::sort(owned.begin(), owned.end());  // a node before what is below it
  Changes changes;
  for (const std::string& path : owned) {
    if (!find(path)) continue;
    auto removed = remove_subtree({k_host_domain, nullptr}, path);
    if (removed) std::move(removed.value().begin(), removed.value().end(), std::back_inserter(changes));
  }
  disregard_grants_to(domain);
  ownership_.erase(domain);
  return changes;
}

std::size_t StoreTree::nodes_owned_by(DomainId domain) const {
  const auto found = ownership_.find(domain);
  return found == ownership_.end() ? 0 : static_cast<std::size_t>(found->second);
}

}  // namespace zynclone::sandbox
