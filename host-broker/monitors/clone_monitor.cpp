#include "host-broker/monitors/clone_monitor.hpp"

#include <algorithm>

#include "host-broker/monitors/folder_watcher.hpp"
#include "host-broker/monitors/frontend.hpp"
#include "host-broker/monitors/store_watcher.hpp"
#include "system/log.hpp"

namespace zynclone::broker::monitors {
namespace {

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

// Its own changes are heard, too: it looks at them before clone-net-monitor looks at what somebody has changed by hand.
Deadline later(std::string_view) { return k_until_looked_again / 2; }

}  // namespace

void CloneMonitor::start_watching(Doorbell& doorbell) {
  spawn(executor_, "watches on XenStore", watch_store({"@introduceDomain", "@releaseDomain"}, doorbell));
  spawn(executor_, "watch on what is published", watch_store({xen::k_families_path}, doorbell, later));
  spawn(executor_, "watch on the families", watch_folder(folder_, doorbell));
}

// What someone may have changed in XenStore is not known any longer.
void CloneMonitor::forget(const Hints& hints) {
  if (hints.everything) {
    published_.clear();
    told_.clear();
    has_roots_ = false;
  }
  const std::string prefix = xen::k_families_path + "/";
  for (const std::string& path : hints.names) {
    if (!path.starts_with(prefix)) continue;
    const auto uuid = Uuid::parse(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
    if (uuid) published_.erase(uuid.value());
  }
}

Result<void> CloneMonitor::prepare_roots(xenstore::Store& store, const std::vector<PublishedFamily>& families) {
  std::set<DomainId> backends;
  for (const PublishedFamily& family : families) backends.insert(family.backends.begin(), family.backends.end());
  const bool known = readers_ == backends;
  if (known && has_roots_) return outcome::success();
  const xenstore::Permissions permissions{.owner = {0}, .readers = readers_of(backends)};
  TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    for (const std::string& path : {k_root, xen::k_families_path, xen::k_acknowledgements_path}) {
      TRY(const auto there, transaction.read(path));
      if (there && known) continue;
      TRY(transaction.write(path, "", permissions));
    }
    return outcome::success();
  }));
  readers_ = backends;
  has_roots_ = true;
  return outcome::success();
}

Result<void> CloneMonitor::publish(xenstore::Store& store, const PublishedFamily& family) {
  const std::string root = xen::k_families_path + "/" + family.uuid.text();
  const Nodes nodes = nodes_of(family);
  const xenstore::Permissions permissions{.owner = {0}, .readers = readers_of(family.backends)};
  bool changed = false;
  const auto known = published_.find(family.uuid);
  const bool is_known = known != published_.end() && known->second.backends == family.backends && known->second.generation <= family.generation;
  TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    if (is_known) {
      changed = true;
      return update_tree(transaction, root, nodes_of(known->second), nodes, permissions);
    }
    TRY(make_acknowledgement_folders(transaction, family.backends));
    TRY(remove_later_acknowledgements(transaction, family));
    // Other backends: every node has to be readable for them.
    TRY(const auto backends, transaction.read(root + "/backends"));
    const Write how = backends == nodes.at("backends") ? Write::differences : Write::everything;
    TRY(changed, write_tree(transaction, root, nodes, permissions, how));
    // What was put right must be looked at at once, though its generation is the same.
    if (!changed) return outcome::success();
    return transaction.write(root + "/generation", nodes.at("generation"), permissions);
  }));
  if (changed) log_info("published " + describe(family));
  return outcome::success();
}

Result<void> CloneMonitor::remove_unbacked(xenstore::Store& store, const std::vector<PublishedFamily>& families) {
  std::set<std::string> backed;
  for (const PublishedFamily& family : families) backed.insert(family.uuid.text());
  TRY(const auto names, store.directory(xen::k_families_path));
  for (const std::string& name : names) {
    if (backed.contains(name)) continue;
    const std::string root = xen::k_families_path + "/" + name;
    bool removed = false;
    std::string vm;
    TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
      TRY(auto published_vm, transaction.read(root + "/vm"));
      vm = std::move(published_vm).value_or("");
      removed = !files_.is_damaged(vm);
      if (!removed) return outcome::success();
      TRY(transaction.remove(root));
      if (const auto uuid = Uuid::parse(name)) published_.erase(uuid.value());
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
Result<void> CloneMonitor::remove_stale_acknowledgements(xenstore::Store& store) {
  TRY(const auto families, store.directory(xen::k_families_path));
  TRY(const auto backends, store.directory(xen::k_acknowledgements_path));
  for (const std::string& backend : backends) {
    const std::string folder = xen::k_acknowledgements_path + "/" + backend;
    const auto domain = xen::parse_domain_id(backend);
    if (!domain || !domains_.backend(backend)) {
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

Result<void> CloneMonitor::tell_members(xenstore::Store& store, const std::vector<PublishedFamily>& families) {
  std::optional<Error> error;
  std::map<DomainId, std::optional<Told>> told;
  const bool some_damaged = files_.damage().has_value();
  for (const xen::DomainEntry& domain : domains_.all()) {
    if (domain.id.value == 0) continue;
    const auto member = member_in(families, domain.uuid);
    // Of a family that cannot be read it is not known who its members are.
    if (!member && some_damaged) continue;
    std::optional<Told> now;
    if (member) {
      now = Told{.vm = domain.uuid, .nodes = frontend_nodes(*member->family, *member->member)};
    }
    if (const auto before = told_.find(domain.id); before == told_.end() || before->second != now) {
      const bool is_known = before != told_.end() && before->second && before->second->vm == domain.uuid;
      const Nodes* known = is_known ? &before->second->nodes : nullptr;
      const auto done = member ? tell_member(store, domain, *member->family, *member->member, known) : forget_member(store, domain);
      if (!done) {
        if (!error) error = done.error();  // perhaps of a domain that just went; all others are told
        continue;
      }
    }
    told.emplace(domain.id, std::move(now));
  }
  told_ = std::move(told);
  if (error) return *error;
  return outcome::success();
}

Result<void> CloneMonitor::reconcile(const Hints& hints) {
  forget(hints);
  TRY(files_.look(hints));
  TRY(auto store, xenstore::Store::open(executor_));
  const bool domains_changed = hints.everything || hints.names.contains("@introduceDomain") || hints.names.contains("@releaseDomain");
  if (domains_changed) {
    TRY(domains_, Domains::read(store));
  }
  std::vector<PublishedFamily> families;
  for (const Family& family : files_.families()) families.push_back(publication_of(family, domains_));

  TRY(prepare_roots(store, families));
  std::optional<Error> error = files_.damage();
  for (const PublishedFamily& family : families) {
    if (const auto known = published_.find(family.uuid); known != published_.end() && known->second == family) continue;
    if (auto done = publish(store, family)) {
      published_.insert_or_assign(family.uuid, family);
    } else if (!error) {
      error = with_context(std::move(done).error(), "cannot publish family '" + family.vm.text() + "'");
    }
  }
  TRY(remove_unbacked(store, families));
  if (domains_changed) {
    TRY(remove_stale_acknowledgements(store));
  }
  TRY(tell_members(store, families));
  set_status(std::to_string(families.size()) + " families published");
  if (error) return *error;
  return outcome::success();
}

}  // namespace zynclone::broker::monitors
