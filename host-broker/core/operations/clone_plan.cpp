#include "host-broker/core/operations/clone_plan.hpp"

#include <algorithm>

#include "host-broker/core/records.hpp"
#include "system/size.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneMode;

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// The backend's name for a clone's interface: the same at each start, so that its rules are there before it is. IFNAMSIZ leaves 15
// characters, and an emulated card's tap adds "-emu".
std::string interface_name(const Uuid& clone, unsigned index) {
  const std::string number = std::to_string(index);
  return 'z' + sha256_hex(clone.text()).substr(0, 9 - number.size()) + '.' + number;
}

Result<void> check_count(const Family& family, const GuestConfig& config, const CloneName& name) {
  const std::string& vm = family.vm.text();
  if (family.clones.size() >= config.most_clones) {
    return fail(Errc::limit_exceeded, "cannot create clone '" + name.text() + "': '" + vm + "' has " + std::to_string(family.clones.size()) +
                                          " clones, and at most " + std::to_string(config.most_clones) + " are allowed (key 'clones')");
  }
  return outcome::success();
}

Result<void> check_time_to_live(const std::optional<std::uint64_t>& seconds) {
  constexpr std::uint64_t k_shortest = 60;
  constexpr std::uint64_t k_longest = 3650ull * 24 * 3600;
  if (!seconds || (*seconds >= k_shortest && *seconds <= k_longest)) return outcome::success();
  return fail(Errc::invalid_argument, "cannot create a clone for " + std::to_string(*seconds) + " s: 60 s to 3650 days are allowed", "/params/ttl_s");
}

Result<void> check_mode(const Family& family, CloneMode mode, const std::optional<Domain>& running) {
  const std::string& vm = family.vm.text();
  const bool has_shut_down = running && running->state == DomainState::shut_down;
  if (mode == CloneMode::offline && has_shut_down) {
    return fail(Errc::conflict, "cannot clone '" + vm + "' offline: it has shut down, but its domain is still there; try again", "/params/mode");
  }
  if (mode == CloneMode::offline && running) {
    return fail(Errc::conflict, "cannot clone '" + vm + "' offline: it is running; shut it down, or use mode online", "/params/mode");
  }
  if (mode == CloneMode::online && (!running || has_shut_down)) {
    return fail(Errc::conflict, "cannot clone '" + vm + "' online: it is not running; use mode offline", "/params/mode");
  }
  return outcome::success();
}

// Memory goes with all that it has open, and only of what runs.
Result<void> check_live(const protocol::CloneCreate& call, const ClonePlan& plan) {
  if (call.mode != CloneMode::live) return outcome::success();
  const std::string cannot = "cannot clone '" + plan.config.vm.text() + "' live: ";
  if (!call.start) return fail(Errc::invalid_argument, cannot + "its memory is not kept, so it must be started; use mode online to have a clone that does not run", "/params/start");
  if (!plan.running || plan.running->state == DomainState::shut_down) {
    return fail(Errc::conflict, cannot + "it is not running; use mode offline", "/params/mode");
  }
  if (plan.running->state == DomainState::paused) {
    return fail(Errc::conflict, cannot + "it is paused, and a copy of its memory would let it go on; unpause it, or use mode online", "/params/mode");
  }
  for (const VmDisk& disk : plan.original.disks) {
    const auto& named = plan.config.disks;
    if (!disk.writable || named.empty() || std::find(named.begin(), named.end(), disk.device) != named.end()) continue;
    return fail(Errc::configuration, cannot + "its disk '" + disk.device + "' is not among those to be cloned (key 'disks'), but its memory goes on using it", "/params/mode");
  }
  return outcome::success();
}

// Writable disks get copies of their own (all, or those that the configuration names); what is read-only is shared; the rest is left out.
Result<std::vector<CloneDisk>> choose_disks(const OperationId& id, const GuestConfig& config, const VmConfig& original) {
  for (const std::string& wanted : config.disks) {
    const bool there = std::any_of(original.disks.begin(), original.disks.end(), [&](const VmDisk& disk) { return disk.device == wanted; });
    if (!there) {
      return fail(Errc::configuration, "cannot clone disk '" + wanted + "': " + original.file + " has no such disk (key 'disks')");
    }
  }
  for (const SharedVolume& shared : config.shared_volumes) {
    const bool is_own = std::any_of(original.disks.begin(), original.disks.end(), [&](const VmDisk& disk) { return disk.volume.path == shared.volume.path; });
    if (is_own) {
      return fail(Errc::configuration, "cannot clone '" + config.vm.text() + "': shared volume '" + shared.name.text() + "' is one of its own disks in " +
                                           original.file + "; take it out there");
    }
  }
  std::vector<CloneDisk> disks;
  for (const VmDisk& disk : original.disks) {
    const bool named = std::find(config.disks.begin(), config.disks.end(), disk.device) != config.disks.end();
    if (disk.writable && !config.disks.empty() && !named) continue;
    CloneDisk chosen{.device = disk.device, .source = disk.volume, .volume = disk.volume, .writable = disk.writable};
    if (disk.writable) {
      chosen.snapshot_name = base_name(disk.volume.path).substr(0, 64) + '.' + lower(id.text());
      chosen.volume.path.clear();  // known once it is made
    }
    disks.push_back(std::move(chosen));
  }
  return disks;
}

std::vector<CloneVif> choose_vifs(const Uuid& uuid, const GuestConfig& config, const VmConfig& original) {
  std::vector<CloneVif> vifs;
  for (const VmVif& vif : original.vifs) {
    CloneVif chosen{.index = vif.index, .mac = vif.mac, .bridge = vif.bridge, .backend = vif.backend, .interface = interface_name(uuid, vif.index)};
    if (config.macs == MacRule::fresh || vif.mac.empty()) {
      chosen.mac = MacAddress::derived(uuid.text() + " vif " + std::to_string(vif.index)).text();
    }
    vifs.push_back(std::move(chosen));
  }
  return vifs;
}

// A guest may have its clone more apart than configured, but not less.
Result<protocol::CloneNetwork> choose_network(const Context& context, const protocol::CloneCreate& call, const GuestConfig& config) {
  using protocol::CloneNetwork;
  const CloneNetwork chosen = call.network.value_or(config.clone_network);
  if (chosen == CloneNetwork::isolated || config.clone_network == CloneNetwork::original || is_of_administrator(context.record)) return chosen;
  return fail(Errc::denied, "cannot create clone '" + call.name.text() + "' on the original's network: clones of '" + config.vm.text() +
                                "' are on the isolated one (key 'clone_network')", "/params/network");
}

Result<Clone> describe_clone(const Context& context, const protocol::CloneCreate& call, const ClonePlan& plan) {
  const OperationId& id = context.record.id;
  Clone clone;
  clone.name = call.name;
  clone.uuid = Uuid::derived("clone of operation " + id.text());
  clone.made_by = id;
  clone.state = protocol::CloneState::creating;
  clone.mode = call.mode;
  clone.generation_id = Uuid::derived("generation of operation " + id.text());
  clone.awaits_identity = call.mode == CloneMode::live;
  clone.consistency = call.mode == CloneMode::offline ? protocol::Consistency::offline : protocol::Consistency::crash;
  clone.created = context.record.created;
  clone.note = call.note;
  if (call.ttl_s) clone.expires = context.record.created + std::chrono::seconds(*call.ttl_s);
  TRY(clone.network, choose_network(context, call, plan.config));
  clone.original_mask = plan.config.original_vif_mask;
  clone.clone_mask = plan.config.clone_vif_mask;
  clone.original_allowance = plan.config.original_allowance;
  clone.clone_allowance = plan.config.clone_allowance;
  TRY(clone.disks, choose_disks(id, plan.config, plan.original));
  clone.vifs = choose_vifs(clone.uuid, plan.config, plan.original);
  return clone;
}

// The memory of a live clone has the original's shared volumes open: it gets a copy of them, of the same instant and its own, at the same devices.
asio::awaitable<Result<void>> add_shared_disks(Context context, ClonePlan& plan) {
  if (plan.clone.mode != CloneMode::live) co_return outcome::success();
  const std::vector<SharedVolume> volumes = plan.config.shared_volumes;
  for (const SharedVolume& shared : volumes) {
    CO_TRY(const auto attachments, co_await context.ports.devices.attachments_of(shared.volume));
    const bool has_it = std::any_of(attachments.begin(), attachments.end(), [&](const Attachment& one) { return one.domain == plan.running->id; });
    if (!has_it) continue;
    CloneDisk copy{.device = shared.device, .source = shared.volume, .volume = shared.volume};
    copy.snapshot_name = base_name(shared.volume.path).substr(0, 64) + '.' + lower(context.record.id.text());
    copy.volume.path.clear();
    plan.clone.disks.push_back(std::move(copy));
  }
  co_return outcome::success();
}

// What the copies of the family may come to hold, if every block of them is written.
asio::awaitable<Result<void>> check_storage(Context context, ClonePlan plan) {
  if (!plan.config.most_storage) co_return outcome::success();
  CO_TRY(const Family* family, family_of(context));
  std::uint64_t all = 0;
  for (const Clone& clone : family->clones) {
    for (const CloneDisk& disk : clone.disks) all += disk.snapshot_name.empty() ? 0 : disk.size;
  }
  for (const CloneDisk& disk : plan.clone.disks) {
    if (disk.snapshot_name.empty()) continue;
    CO_TRY(const std::uint64_t size, co_await context.ports.storage.size_of(disk.source));
    all += size;
  }
  if (all <= *plan.config.most_storage) co_return outcome::success();
  co_return fail(Errc::limit_exceeded, "cannot create clone '" + plan.clone.name.text() + "': the copies of all clones could come to hold " +
                                           size_text(all) + ", and at most " + size_text(*plan.config.most_storage) + " are allowed (key 'storage')");
}

const Clone* made_by(const Family& family, const OperationId& id) {
  for (const Clone& clone : family.clones) {
    if (clone.made_by == id) return &clone;
  }
  return nullptr;
}

}  // namespace

asio::awaitable<Result<void>> check_name_free(Context context, CloneName name, std::string cannot, std::string place) {
  CO_TRY(const auto domains, co_await context.ports.toolstack.list_domains());
  CO_TRY(const auto configured, context.ports.configuration.guests());
  CO_TRY(const Family* family, family_of(context));
  const std::string failed = "cannot " + cannot + ": ";
  if (find_clone(*family, name) != nullptr || name.text() == family->vm.text()) {
    co_return fail(Errc::already_exists, failed + "'" + name.text() + "' is in use in the family of '" + family->vm.text() + "'", std::move(place));
  }
  const std::string domain = domain_name(family->vm, name);
  const bool runs = std::any_of(domains.begin(), domains.end(), [&](const Domain& other) { return other.name == domain; });
  const bool is_vm = std::any_of(configured.begin(), configured.end(), [&](const VmName& vm) { return vm.text() == domain; });
  if (runs || is_vm) co_return fail(Errc::already_exists, failed + "a domain '" + domain + "' is there already", std::move(place));
  co_return outcome::success();
}

asio::awaitable<Result<SourceUse>> use_while_paused(Context context, Volume source) {
  constexpr std::uint64_t k_largest = 256ull << 20;  // bytes: a second or so, where its file system shares no blocks
  if (source.format != VolumeFormat::raw) co_return SourceUse::in_use;
  CO_TRY(const std::uint64_t size, co_await context.ports.storage.size_of(source));
  co_return size <= k_largest ? SourceUse::idle : SourceUse::in_use;
}

asio::awaitable<Result<ClonePlan>> plan_clone(Context context, protocol::CloneCreate call) {
  ClonePlan plan;
  CO_TRY(plan.config, context.ports.configuration.guest(context.record.vm));
  CO_TRY(plan.original, co_await context.ports.toolstack.read_config(context.record.vm, plan.config.xl_config));
  if (!plan.original.uuid) {
    co_return fail(Errc::configuration, "cannot clone '" + context.record.vm.text() + "': " + plan.original.file +
                                            " has no uuid, by which its family is known; add a line uuid = \"…\"");
  }
  CO_TRY(const auto domains, co_await context.ports.toolstack.list_domains());
  CO_TRY(const Family* family, family_of(context));
  if (family->uuid != *plan.original.uuid) {
    co_return fail(Errc::configuration, "cannot clone '" + family->vm.text() + "': " + plan.original.file + " says uuid " +
                                            plan.original.uuid->text() + ", but its family is " + family->uuid.text());
  }
  for (const Domain& domain : domains) {
    if (domain.uuid == family->uuid && domain.state != DomainState::dying) plan.running = domain;
  }
  const Clone* begun = made_by(*family, context.record.id);
  if (context.making == Making::taken_up && begun != nullptr) {
    plan.clone = *begun;
    co_return plan;
  }
  CO_TRY(co_await check_name_free(context, call.name, "create clone '" + call.name.text() + "'", "/params/name"));
  CO_TRY(family, family_of(context));
  CO_TRY(check_count(*family, plan.config, call.name));
  CO_TRY(check_time_to_live(call.ttl_s));
  CO_TRY(check_mode(*family, call.mode, plan.running));
  CO_TRY(check_live(call, plan));
  CO_TRY(plan.clone, describe_clone(context, call, plan));
  CO_TRY(co_await add_shared_disks(context, plan));
  CO_TRY(co_await check_storage(context, plan));
  const std::vector<CloneDisk> disks = plan.clone.disks;
  for (const CloneDisk& disk : disks) {
    if (disk.snapshot_name.empty()) continue;
    SourceUse use = plan.running ? SourceUse::in_use : SourceUse::idle;
    if (call.mode == CloneMode::live) {
      CO_TRY(use, co_await use_while_paused(context, disk.source));
    }
    CO_TRY(co_await context.ports.storage.check_room(disk.source, use));
  }
  if (call.mode == CloneMode::live) {
    CO_TRY(co_await context.ports.memories.check_room(plan.running->id));
  }
  co_return plan;
}

}  // namespace zynclone::broker
