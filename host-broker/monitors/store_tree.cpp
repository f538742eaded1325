#include "host-broker/monitors/store_tree.hpp"

namespace zynclone::broker::monitors {
namespace {

constexpr unsigned k_deepest = 8;

std::string joined(const std::string& path, const std::string& name) { return path.empty() ? name : path + "/" + name; }

Result<void> read_children(xenstore::Transaction& transaction, const std::string& root, const std::string& path, unsigned depth, Nodes& nodes) {
  const std::string absolute = path.empty() ? root : root + "/" + path;
  TRY(const auto names, transaction.directory(absolute));
  if (!names.empty() && depth == k_deepest) {
    return fail(Errc::limit_exceeded, "cannot read XenStore node '" + root + "': it is more than " + std::to_string(k_deepest) + " deep");
  }
  for (const std::string& name : names) {
    if (nodes.size() >= k_most_nodes) {
      return fail(Errc::limit_exceeded, "cannot read XenStore node '" + root + "': more than " + std::to_string(k_most_nodes) + " nodes are below it");
    }
    const std::string child = joined(path, name);
    TRY(auto value, transaction.read(root + "/" + child));
    if (!value) continue;
    const bool is_leaf = !value->empty();
    nodes.emplace(child, std::move(*value));
    if (is_leaf) continue;
    TRY(read_children(transaction, root, child, depth + 1, nodes));
  }
  return outcome::success();
}

}  // namespace

Result<std::optional<Nodes>> read_tree(xenstore::Transaction& transaction, const std::string& root) {
  TRY(auto value, transaction.read(root));
  if (!value) return std::optional<Nodes>();
  Nodes nodes{{"", std::move(*value)}};
  TRY(read_children(transaction, root, "", 0, nodes));
  return std::optional<Nodes>(std::move(nodes));
}

namespace {

// What is above comes first in the order of the map, and its removal takes along what is below.
Result<bool> remove_unwanted(xenstore::Transaction& transaction, const std::string& root, const Nodes& existing, const Nodes& desired) {
  std::string removed;
  bool changed = false;
  for (const auto& [path, value] : existing) {
    if (desired.contains(path) || (!removed.empty() && path.starts_with(removed + "/"))) continue;
    TRY(transaction.remove(path.empty() ? root : root + "/" + path));
    removed = path;
    changed = true;
  }
  return changed;
}

}  // namespace

Result<bool> write_tree(xenstore::Transaction& transaction, const std::string& root, const Nodes& desired,
                        const xenstore::Permissions& permissions, Write how) {
  TRY(auto found, read_tree(transaction, root));
  const Nodes existing = found.value_or(Nodes());
  TRY(bool changed, remove_unwanted(transaction, root, existing, desired));
  for (const auto& [path, value] : desired) {
    const auto same = existing.find(path);
    if (how == Write::differences && same != existing.end() && same->second == value) continue;
    TRY(transaction.write(path.empty() ? root : root + "/" + path, value, permissions));
    changed = true;
  }
  return changed;
}

Result<void> update_tree(xenstore::Transaction& transaction, const std::string& root, const Nodes& known, const Nodes& desired,
                         const xenstore::Permissions& permissions) {
  TRY(remove_unwanted(transaction, root, known, desired));
  for (const auto& [path, value] : desired) {
    const auto before = known.find(path);
    if (before != known.end() && before->second == value) continue;
    const std::string absolute = path.empty() ? root : root + "/" + path;
    TRY(before != known.end() ? transaction.write(absolute, value) : transaction.write(absolute, value, permissions));
  }
  return outcome::success();
}

Nodes below(const Nodes& nodes, const std::string& path) {
  Nodes part;
  if (const auto root = nodes.find(path); root != nodes.end()) part.emplace("", root->second);
  const std::string prefix = path + "/";
  for (auto at = nodes.lower_bound(prefix); at != nodes.end() && at->first.starts_with(prefix); ++at) {
    part.emplace(at->first.substr(prefix.size()), at->second);
  }
  return part;
}

void put_below(Nodes& nodes, const std::string& path, const Nodes& part) {
  for (const auto& [name, value] : part) nodes[name.empty() ? path : path + "/" + name] = value;
}

std::vector<std::string> children(const Nodes& nodes, const std::string& path) {
  std::vector<std::string> names;
  const std::string prefix = path.empty() ? "" : path + "/";
  for (auto at = nodes.lower_bound(prefix); at != nodes.end() && at->first.starts_with(prefix); ++at) {
    std::string name = at->first.substr(prefix.size());
    if (!name.empty() && name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return names;
}

}  // namespace zynclone::broker::monitors
