#include "host-broker/core/answers_health.hpp"

#include <algorithm>

#include "host-broker/core/peripheral_views.hpp"
#include "host-broker/core/production_views.hpp"

namespace zynclone::broker {
namespace {

using protocol::HealthCheck;

constexpr std::size_t k_most_named = 5;            // findings that are told one by one
constexpr std::size_t k_most_volumes_of_group = 20;  // a group may have several pools; which one a volume is in, only asking tells

std::string counted(std::size_t count, const std::string& one, const std::string& many) { return std::to_string(count) + ' ' + (count == 1 ? one : many); }

std::string folder_of(const Volume& volume) { return volume.path.substr(0, volume.path.rfind('/')); }

using Places = std::map<std::string, std::vector<Volume>>;  // volumes by the folder or group where they are

asio::awaitable<Places> disks_of_vms(Ports ports) {
  Places places;
  const auto guests = ports.configuration.guests();
  if (!guests) co_return places;
  const std::vector<VmName> names = guests.value();
  for (const VmName& vm : names) {
    const auto config = ports.configuration.guest(vm);
    if (!config) continue;  // `vmclone config check` says what is wrong
    const auto original = co_await ports.toolstack.read_config(vm, config.value().xl_config);
    if (!original) continue;
    for (const VmDisk& disk : original.value().disks) {
      if (disk.writable) places[folder_of(disk.volume)].push_back(disk.volume);
    }
  }
  co_return places;
}

// Three quarters of the way, while there is time for an evening on which the VM may stand still.
asio::awaitable<std::vector<HealthCheck>> check_layers(Storage& storage, Places places) {
  std::vector<HealthCheck> checks;
  for (const auto& [folder, volumes] : places) {
    for (std::size_t i = 0; i < volumes.size() && checks.size() < k_most_named; ++i) {
      const Volume volume = volumes[i];
      const auto layers = co_await storage.layers_of(volume);
      if (!layers || layers.value().most == 0 || layers.value().count < layers.value().most / 4 * 3) continue;
      checks.push_back(HealthCheck{.name = "layers of " + volume.path,
                                   .detail = "it stands on " + std::to_string(layers.value().count) + " layers, and at " +
                                             std::to_string(layers.value().most) + " no more copy of it is made: put them into one"});
    }
  }
  co_return checks;
}

// What production lacks of one VM's peripherals, and how many there are. While nobody has production, or who has it does not run, nobody lacks any.
struct Lacking {
  std::size_t count = 0;
  std::vector<HealthCheck> checks;
};

asio::awaitable<Lacking> lacking_of(Ports ports, Family family, std::map<std::string, std::string> troubles) {
  Lacking lacking;
  const auto config = ports.configuration.guest(family.vm);
  const auto producer = production_member(family);
  if (!config || config.value().peripherals.empty()) co_return lacking;
  lacking.count = config.value().peripherals.size();
  const auto domains = co_await ports.toolstack.list_domains();
  if (!domains || !producer) co_return lacking;
  const bool runs = std::any_of(domains.value().begin(), domains.value().end(), [&](const Domain& domain) { return domain.uuid == *producer && domain.state == DomainState::running; });
  if (!runs) co_return lacking;
  const std::string member = member_name(family, *producer);
  const auto views = co_await peripheral_views(ports, family, Audience::administrator, std::move(troubles));
  if (!views) {
    lacking.checks.push_back(HealthCheck{.name = "peripherals of " + family.vm.text(), .detail = views.error().message});
    co_return lacking;
  }
  for (const protocol::PeripheralView& view : views.value()) {
    if (view.problem.empty() && view.holder == member) continue;
    lacking.checks.push_back(HealthCheck{.name = "peripheral " + view.name.text() + " of " + family.vm.text(),
                                         .detail = member + ", which has production, lacks it: " + (view.problem.empty() ? "it has not been given yet" : view.problem)});
  }
  co_return lacking;
}

}  // namespace

asio::awaitable<HealthCheck> check_lockdown(Network& network, std::vector<Family> families, Deadline pause) {
  HealthCheck check{.name = "lockdown"};
  auto behind = co_await network.not_applied(families);
  if (behind && !behind.value().empty()) {
    co_await sleep_for(pause);
    behind = co_await network.not_applied(families);
  }
  if (!behind) {
    check.detail = behind.error().message;
    co_return check;
  }
  check.healthy = behind.value().empty();
  if (check.healthy) {
    check.detail = "all backends have acknowledged " + counted(families.size(), "family", "families");
    co_return check;
  }
  const std::size_t count = behind.value().size();
  check.detail = "not acknowledged: ";
  for (std::size_t i = 0; i < std::min(count, k_most_named); ++i) check.detail += (i == 0 ? "" : "; ") + behind.value()[i];
  if (count > k_most_named) check.detail += "; and " + std::to_string(count - k_most_named) + " more";
  check.detail += "; do clone-monitor and clone-net-monitor run?";
  co_return check;
}

asio::awaitable<std::vector<HealthCheck>> check_storage(Ports ports) {
  const auto places = co_await disks_of_vms(ports);
  std::vector<HealthCheck> layers = co_await check_layers(ports.storage, places);
  std::vector<HealthCheck> full;
  std::size_t unwell = 0;
  for (const auto& [folder, volumes] : places) {
    const std::size_t most = volumes.front().format == VolumeFormat::lvm_thin ? k_most_volumes_of_group : 1;
    for (std::size_t i = 0; i < std::min(volumes.size(), most); ++i) {
      const Volume volume = volumes[i];
      const auto room = co_await ports.storage.check_room(volume, SourceUse::idle);
      if (room) continue;
      ++unwell;
      if (full.size() < k_most_named) full.push_back(HealthCheck{.name = "storage in " + folder, .detail = room.error().message});
      break;
    }
  }
  HealthCheck all{.name = "storage", .healthy = unwell == 0};
  all.detail = std::to_string(places.size() - unwell) + " of " + counted(places.size(), "place", "places") + " with disks of VMs can take a copy beside the reserve";
  std::vector<HealthCheck> checks{std::move(all)};
  std::move(full.begin(), full.end(), std::back_inserter(checks));
  std::move(layers.begin(), layers.end(), std::back_inserter(checks));
  co_return checks;
}

asio::awaitable<std::vector<HealthCheck>> check_production(Ports ports, std::vector<Family> families) {
  std::vector<HealthCheck> checks;
  if (families.empty()) co_return checks;
  std::vector<HealthCheck> wrong;
  for (const Family& family : families) {
    const std::string way_out = "; 'vmclone repair " + family.vm.text() + "' leads out of this";
    if (!production_member(family)) wrong.push_back(HealthCheck{.name = "production of " + family.vm.text(), .detail = "nobody has it" + way_out});
    const auto volumes = co_await volume_views(ports, family, Audience::administrator);
    if (!volumes) {
      wrong.push_back(HealthCheck{.name = "volumes of " + family.vm.text(), .detail = volumes.error().message});
      continue;
    }
    for (const protocol::VolumeView& view : volumes.value()) {
      if (!view.problem.empty()) wrong.push_back(HealthCheck{.name = "volume " + view.name.text() + " of " + family.vm.text(), .detail = view.problem + way_out});
    }
  }
  checks.push_back(HealthCheck{.name = "production", .healthy = wrong.empty(), .detail = "production and shared volumes of " + counted(families.size(), "family", "families") + (wrong.empty() ? " are where they belong" : " were looked at")});
  if (wrong.size() > k_most_named) wrong.resize(k_most_named);
  std::move(wrong.begin(), wrong.end(), std::back_inserter(checks));
  co_return checks;
}

asio::awaitable<std::vector<HealthCheck>> check_peripherals(Ports ports, std::vector<Family> families, PeripheralTroubles troubles) {
  std::size_t count = 0;
  std::vector<HealthCheck> lacking;
  for (const Family& family : families) {
    Lacking of_one = co_await lacking_of(ports, family, troubles(family.vm));
    count += of_one.count;
    std::move(of_one.checks.begin(), of_one.checks.end(), std::back_inserter(lacking));
  }
  std::vector<HealthCheck> checks;
  if (count == 0) co_return checks;
  HealthCheck all{.name = "peripherals", .healthy = lacking.empty()};
  all.detail = std::to_string(count - std::min(count, lacking.size())) + " of " + counted(count, "peripheral is", "peripherals are") + " where production is";
  checks.push_back(std::move(all));
  if (lacking.size() > k_most_named) lacking.resize(k_most_named);
  std::move(lacking.begin(), lacking.end(), std::back_inserter(checks));
  co_return checks;
}

}  // namespace zynclone::broker
