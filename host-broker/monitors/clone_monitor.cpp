#include "host-broker/monitors/clone_monitor.hpp"

#include <algorithm>

#include "host-broker/configuration/file_families.hpp"
#include "host-broker/monitors/folder_watcher.hpp"
#include "host-broker/monitors/frontend.hpp"
#include "host-broker/monitors/store_watcher.hpp"
#include "system/file.hpp"
#include "system/log.hpp"

namespace zynclone::broker::monitors {
namespace {

constexpr std::string_view k_ending = ".json";
const std::string k_root = "/zynclone";

std::vector<DomainId> readers_of(const std::set<DomainId>& backends) {
  std::vector<DomainId> readers;
  for (const DomainId backend : backends) {
    if (backend.value != 0) readers.push_back(backend);  // domain 0 owns all of it
  }
  return readers;
}

// A driver domain writes its acknowledgements itself, so their folder is its own.
Result<void> make_acknowledgement_folders(xenstore::Transaction& transaction, const std::set<DomainId>& backends) {
  for (const DomainId backend : backends) {
    if (backend.value == 0) continue;
    TRY(const auto folder, transaction.read(xen::acknowledgements_of(backend)));
    if (!folder) {
      TRY(transaction.write(xen::acknowledgements_of(backend), "", xenstore::Permissions{.owner = backend, .readers = {}}));
    }
  }
  return outcome::success();
}

// An acknowledgement of a generation that is still to come would count before anything was applied: a file was put back from a backup.
Result<void> remove_later_acknowledgements(xenstore::Transaction& transaction, const PublishedFamily& family) {
  TRY(const auto backends, transaction.directory(xen::k_acknowledgements_path));
  for (const std::string& backend : backends) {
    const std::string path = xen::k_acknowledgements_path + "/" + backend + "/" + family.uuid.text();
    TRY(const auto text, transaction.read(path));
    if (!text) continue;
    const auto generation = xen::parse_generation(*text);
    if (generation && *generation <= family.generation) continue;
    TRY(transaction.remove(path));
  }
  return outcome::success();
}

std::string describe(const PublishedFamily& family) {
  std::string text = family.vm.text() + ": generation " + std::to_string(family.generation.value) + ", backends";
  for (const DomainId backend : family.backends) text += " " + std::to_string(backend.value);
  text += ", running";
  bool any = false;
  for (const PublishedMember& member : family.members) {
    if (!member.domain) continue;
    text += " " + member.name + "=" + std::to_string(member.domain->value);
    any = true;
  }
  return any ? text : text + " nobody";
}

}  // namespace

void CloneMonitor::start_watching(Doorbell& doorbell) {
  spawn(executor_, "watches on XenStore", watch_store({"@introduceDomain", "@releaseDomain", xen::k_families_path}, doorbell));
  spawn(executor_, "watch on the families", watch_folder(folder_, doorbell));
}

// File by file: one that is damaged must not keep the lockdown of all others from being published.
Result<CloneMonitor::Files> CloneMonitor::read_files() const {
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder_, ignored)) {
    // No folder is not no family: it may not be mounted. Removing all that is published would unlock it.
    return fail(Errc::not_found, "cannot read families: there is no folder '" + folder_.string() + "'");
  }
  TRY(const auto names, list_files(folder_));
  configuration::FileFamilies loader(folder_);
  Files files;
  for (const std::string& name : names) {
    if (!name.ends_with(k_ending)) continue;
    const std::string vm_text = name.substr(0, name.size() - k_ending.size());
    const auto vm = VmName::parse(vm_text);
    auto family = vm ? loader.load(vm.value()) : Result<Family>(vm.error());
    if (family) {
      files.families.push_back(std::move(family).value());
    } else if (family.error().code != Errc::not_found) {  // else it was removed meanwhile
      files.damaged.insert(vm_text);
      if (!files.error) files.error = std::move(family).error();
    }
  }
  return files;
}

Result<void> CloneMonitor::prepare_roots(xenstore::Store& store, const std::vector<PublishedFamily>& families) {
  std::set<DomainId> backends;
  for (const PublishedFamily& family : families) backends.insert(family.backends.begin(), family.backends.end());
  const xenstore::Permissions permissions{.owner = {0}, .readers = readers_of(backends)};
  const bool known = readers_ == backends;
  TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    for (const std::string& path : {k_root, xen::k_families_path, xen::k_acknowledgements_path}) {
      TRY(const auto there, transaction.read(path));
      if (there && known) continue;
      TRY(transaction.write(path, "", permissions));
    }
    return outcome::success();
  }));
  readers_ = backends;
  return outcome::success();
}

Result<void> CloneMonitor::publish(xenstore::Store& store, const PublishedFamily& family) {
  const std::string root = xen::k_families_path + "/" + family.uuid.text();
  const Nodes nodes = nodes_of(family);
  const xenstore::Permissions permissions{.owner = {0}, .readers = readers_of(family.backends)};
  bool changed = false;
  TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    TRY(make_acknowledgement_folders(transaction, family.backends));
    TRY(remove_later_acknowledgements(transaction, family));
    // Other backends: every node has to be readable for them.
    TRY(const auto backends, transaction.read(root + "/backends"));
    const Write how = backends == nodes.at("backends") ? Write::differences : Write::everything;
    TRY(changed, write_tree(transaction, root, nodes, permissions, how));
    return outcome::success();
  }));
  if (changed) log_info("published " + describe(family));
  return outcome::success();
}

Result<void> CloneMonitor::remove_unbacked(xenstore::Store& store, const Files& files) {
  std::set<std::string> backed;
  for (const Family& family : files.families) backed.insert(family.uuid.text());
  TRY(const auto names, store.directory(xen::k_families_path));
  for (const std::string& name : names) {
    if (backed.contains(name)) continue;
    const std::string root = xen::k_families_path + "/" + name;
    bool removed = false;
    std::string vm;
    TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
      TRY(auto published_vm, transaction.read(root + "/vm"));
      vm = std::move(published_vm).value_or("");
      removed = !files.damaged.contains(vm);
      if (!removed) return outcome::success();
      TRY(transaction.remove(root));
      TRY(const auto backends, transaction.directory(xen::k_acknowledgements_path));
      for (const std::string& backend : backends) {
        TRY(transaction.remove(xen::k_acknowledgements_path + "/" + backend + "/" + name));
      }
      return outcome::success();
    }));
    if (removed) log_info("removed family " + name + " (" + vm + "): it has no file");
  }
  return outcome::success();
}

// Of domains that are gone: another domain may get their number, and did not apply anything yet. And of families that are gone.
Result<void> CloneMonitor::remove_stale_acknowledgements(xenstore::Store& store, const Domains& domains) {
  TRY(const auto families, store.directory(xen::k_families_path));
  TRY(const auto backends, store.directory(xen::k_acknowledgements_path));
  for (const std::string& backend : backends) {
    const std::string folder = xen::k_acknowledgements_path + "/" + backend;
    const auto domain = xen::parse_domain_id(backend);
    if (!domain || !domains.backend(backend)) {
      TRY(store.remove(folder));
      log_info("removed acknowledgements of domain " + backend + ": it is gone");
      continue;
    }
    TRY(const auto names, store.directory(folder));
    for (const std::string& name : names) {
      if (std::find(families.begin(), families.end(), name) != families.end()) continue;
      TRY(store.remove(folder + "/" + name));
    }
  }
  return outcome::success();
}

Result<void> CloneMonitor::tell_members(xenstore::Store& store, const std::vector<PublishedFamily>& families, const Domains& domains, const Files& files) {
  std::optional<Error> error;
  for (const xen::DomainEntry& domain : domains.all()) {
    if (domain.id.value == 0) continue;
    Result<void> told = outcome::success();
    const auto member = member_in(families, domain.uuid);
    if (member) {
      told = tell_member(store, domain, *member->family, *member->member);
    } else if (files.damaged.empty()) {  // else it may be a member of a family that cannot be read
      told = forget_member(store, domain);
    }
    if (!told && !error) error = told.error();  // of a domain that just went; all others are told
  }
  if (error) return *error;
  return outcome::success();
}

Result<void> CloneMonitor::reconcile() {
  TRY(const Files files, read_files());
  TRY(auto store, xenstore::Store::open(executor_));
  TRY(const auto domains, Domains::read(store));
  std::vector<PublishedFamily> families;
  for (const Family& family : files.families) families.push_back(publication_of(family, domains));

  TRY(prepare_roots(store, families));
  std::optional<Error> error = files.error;
  for (const PublishedFamily& family : families) {
    if (auto published = publish(store, family); !published && !error) {
      error = with_context(std::move(published).error(), "cannot publish family '" + family.vm.text() + "'");
    }
  }
  TRY(remove_unbacked(store, files));
  TRY(remove_stale_acknowledgements(store, domains));
  TRY(tell_members(store, families, domains, files));
  set_status(std::to_string(families.size()) + " families published");
  if (error) return *error;
  return outcome::success();
}

}  // namespace zynclone::broker::monitors
