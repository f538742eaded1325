// No volume is with two members of a family: xl gives a domain whose guest reboots what it had when xl looked (xl_vmcontrol.c), seconds before, and a
// volume that has passed to another member meanwhile with it; where a QEMU serves its image, no script sees that it is in use. A guest that reboots while
// it gives a volume up can have that so. The lease decides who keeps it. A stranger's is reported, and nobody else gets it: vm.repair takes it away.
#include <algorithm>

#include "host-broker/core/broker.hpp"
#include "host-broker/core/context.hpp"
#include "host-broker/core/records.hpp"
#include "system/log.hpp"

namespace zynclone::broker {
namespace {

constexpr std::chrono::seconds k_part_limit{15};

}  // namespace

// Also while an operation works there: who has not the lease has nothing to do with the volume at any step. Each family by itself, as a guest that holds on
// to a device takes its time.
void Broker::part_volumes() {
  for (const auto& [vm, family] : registry_.all()) {
    const auto config = ports_.configuration.guest(vm);
    if (!config || config.value().shared_volumes.empty() || !parting_.insert(vm).second) continue;
    spawn(executor_, "shared volumes of " + vm.text(), part_volumes_of(vm, config.value().shared_volumes));
  }
}

asio::awaitable<void> Broker::part_volumes_of(VmName vm, std::vector<SharedVolume> volumes) {
  for (const SharedVolume& volume : volumes) co_await part_volume(vm, volume);
  parting_.erase(vm);
}

asio::awaitable<void> Broker::part_volume(VmName vm, SharedVolume volume) {
  const auto attached = co_await ports_.devices.attachments_of(volume.volume);
  if (!attached) co_return;
  const std::vector<Attachment> attachments = attached.value();
  const auto listed = co_await ports_.toolstack.list_domains();
  const Family* found = registry_.find(vm);
  if (!listed || found == nullptr) co_return;
  const std::vector<Domain> domains = listed.value();
  const Family family = *found;
  // After it was seen who has it: nobody gets it before he has the lease, nor loses the lease before it is gone from him.
  const auto lease = co_await ports_.leases.find_lease(volume_of(family.uuid, volume.name));
  if (!lease) co_return;
  const auto holder = holder_of(lease.value(), family.uuid);
  const auto is_holders = [&](const Attachment& one) { return holder && member_of(family, domains, one.domain) == holder; };
  const bool has_holder = std::any_of(attachments.begin(), attachments.end(), is_holders);
  std::string strangers;
  for (const Attachment& one : attachments) {
    const auto member = member_of(family, domains, one.domain);
    if (member && member == holder) continue;
    if (!member || !has_holder) {
      strangers += (strangers.empty() ? "domain " : ", domain ") + std::to_string(one.domain.value) + " (" + one.device + ')';
      continue;
    }
    const std::string what = vm.text() + " volume " + volume.name.text() + " from " + member_name(family, *member) + ", which had it beside " + member_name(family, *holder);
    const VmDisk disk{.device = one.device, .volume = volume.volume};
    auto taken = co_await ports_.devices.detach(one.domain, disk, Detach::force, k_part_limit);
    log_error(taken ? what + ": taken by force" : what + ": it could not be taken: " + taken.error().message);
    if (taken) (void)co_await ports_.audit.append(std::string(k_broker), "taken", "", what + ", without its lease");
  }
  co_await report_strangers(std::move(vm), std::move(volume), family.uuid, std::move(strangers));
}

// Once for each change, and what is seen twice: between two looks, at the backends and at the lease, an operation may have moved it.
asio::awaitable<void> Broker::report_strangers(VmName vm, SharedVolume volume, Uuid family, std::string strangers) {
  const std::string key = volume_of(family, volume.name);
  if (strangers.empty()) {
    strangers_.erase(key);
    co_return;
  }
  Strangers& seen = strangers_[key];
  if (seen.who != strangers) {
    seen = Strangers{.who = std::move(strangers)};
    co_return;
  }
  if (std::exchange(seen.is_reported, true)) co_return;
  const std::string what = vm.text() + " volume " + volume.name.text() + ": " + seen.who + " has it without its lease, and nobody else gets it";
  log_error(what + "; 'vmclone repair " + vm.text() + "' leads out of this");
  (void)co_await ports_.audit.append(std::string(k_broker), "found", "", what);
}

}  // namespace zynclone::broker
