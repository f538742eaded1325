#include "host-broker/core/operations/clone_plan.hpp"

#include <algorithm>

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

Result<void> check_free(const Family& family, const GuestConfig& config, const CloneName& name,
                        const std::vector<Domain>& domains) {
  const std::string& vm = family.vm.text();
  if (find_clone(family, name) != nullptr || name.text() == vm) {
    return fail(Errc::already_exists, "cannot create clone '" + name.text() + "': the name is in use in the family of '" + vm + "'", "/params/name");
  }
  const std::string domain = domain_name(family.vm, name);
  for (const Domain& other : domains) {
    if (other.name == domain) {
      return fail(Errc::already_exists, "cannot create clone '" + name.text() + "': a domain '" + domain + "' is there already", "/params/name");
    }
  }
  if (family.clones.size() >= config.most_clones) {
    return fail(Errc::limit_exceeded, "cannot create clone '" + name.text() + "': '" + vm + "' has " + std::to_string(family.clones.size()) +
                                          " clones, and at most " + std::to_string(config.most_clones) + " are allowed (key 'clones')");
  }
  return outcome::success();
}

Result<void> check_mode(const Family& family, CloneMode mode, const std::optional<Domain>& running) {
  const std::string& vm = family.vm.text();
  if (mode == CloneMode::offline && running) {
    return fail(Errc::conflict, "cannot clone '" + vm + "' offline: it is running; shut it down, or use mode online", "/params/mode");
  }
  if (mode == CloneMode::online && !running) {
    return fail(Errc::conflict, "cannot clone '" + vm + "' online: it is not running; use mode offline", "/params/mode");
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

Result<Clone> describe_clone(const Context& context, const protocol::CloneCreate& call, const ClonePlan& plan) {
  const OperationId& id = context.record.id;
  Clone clone;
  clone.name = call.name;
  clone.uuid = Uuid::derived("clone of operation " + id.text());
  clone.made_by = id;
  clone.state = protocol::CloneState::creating;
  clone.mode = call.mode;
  clone.consistency = call.mode == CloneMode::offline ? protocol::Consistency::offline : protocol::Consistency::crash;
  clone.created = context.record.created;
  clone.note = call.note;
  clone.original_mask = plan.config.original_vif_mask;
  clone.clone_mask = plan.config.clone_vif_mask;
  clone.original_allowance = plan.config.original_allowance;
  clone.clone_allowance = plan.config.clone_allowance;
  TRY(clone.disks, choose_disks(id, plan.config, plan.original));
  clone.vifs = choose_vifs(clone.uuid, plan.config, plan.original);
  return clone;
}

const Clone* made_by(const Family& family, const OperationId& id) {
  for (const Clone& clone : family.clones) {
    if (clone.made_by == id) return &clone;
  }
  return nullptr;
}

}  // namespace

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
  CO_TRY(check_free(*family, plan.config, call.name, domains));
  CO_TRY(check_mode(*family, call.mode, plan.running));
  CO_TRY(plan.clone, describe_clone(context, call, plan));
  const std::vector<CloneDisk> disks = plan.clone.disks;
  for (const CloneDisk& disk : disks) {
    if (disk.snapshot_name.empty()) continue;
    CO_TRY(co_await context.ports.storage.check_room(disk.source));
  }
  co_return plan;
}

}  // namespace zynclone::broker
