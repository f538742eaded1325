#include "host-broker/monitors/published_families.hpp"

namespace zynclone::broker::monitors {

// One transaction a family: it is read as it stood at one instant, and many of them do not make one that never commits.
Result<void> PublishedFamilies::read(xenstore::Store& store, const std::string& untrusted_uuid) {
  std::optional<Nodes> nodes;
  auto done = store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    TRY(nodes, read_tree(transaction, xen::k_families_path + "/" + untrusted_uuid));
    return outcome::success();
  });
  if (!done && done.error().code == Errc::unavailable) return done;
  read_.erase(untrusted_uuid);
  if (done && !nodes) return outcome::success();  // it is gone
  auto family = done ? parse_published(untrusted_uuid, *nodes) : Result<PublishedFamily>(std::move(done).error());
  if (!family) family = with_context(family.error(), "family '" + printable(untrusted_uuid) + "' is refused and its interfaces stay as they are");
  read_.emplace(untrusted_uuid, std::move(family));
  return outcome::success();
}

Result<bool> PublishedFamilies::look(xenstore::Store& store, const Hints& hints) {
  TRY(const auto root, store.read(xen::k_families_path));
  if (!root) {
    read_.clear();
    return false;
  }
  std::set<std::string> names;
  if (hints.everything) {
    read_.clear();
    TRY(const auto all, store.directory(xen::k_families_path));
    names.insert(all.begin(), all.end());
  }
  const std::string prefix = xen::k_families_path + "/";
  for (const std::string& path : hints.names) {
    if (path.starts_with(prefix)) names.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
  }
  for (const std::string& name : names) {
    TRY(read(store, name));
  }
  return true;
}

std::vector<PublishedFamily> PublishedFamilies::families() const {
  std::vector<PublishedFamily> families;
  for (const auto& [name, family] : read_) {
    if (family) families.push_back(family.value());
  }
  return families;
}

std::optional<Error> PublishedFamilies::refused() const {
  for (const auto& [name, family] : read_) {
    if (!family) return family.error();
  }
  return std::nullopt;
}

}  // namespace zynclone::broker::monitors
