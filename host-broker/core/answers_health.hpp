#pragma once
// The parts of host.health that look at what the core works with: lockdown, storage, production, peripherals. Each finding is a check of its own up to a number, so
// that a host of any size has a report that fits a message. One thread.

#include <functional>
#include <map>

#include "host-broker/core/ports.hpp"

namespace zynclone::broker {

// Have all backends acknowledged what these families' files say? One that has not is asked again after `pause`: a change takes its moment.
asio::awaitable<protocol::HealthCheck> check_lockdown(Network& network, std::vector<Family> families, Deadline pause = std::chrono::seconds(1));

// Is there room for a copy beside the reserve, at each place where configured VMs have disks: a volume group, a folder? And does none of the
// disks stand on so many layers that soon no copy of it can be made?
asio::awaitable<std::vector<protocol::HealthCheck>> check_storage(Ports ports);

// Has somebody production in each family, and has nobody a shared volume without its lease? Nothing where there are no families.
asio::awaitable<std::vector<protocol::HealthCheck>> check_production(Ports ports, std::vector<Family> families);

// Why the peripherals of a VM could not be given when that was last tried, by their names.
using PeripheralTroubles = std::function<std::map<std::string, std::string>(const VmName& vm)>;

// Does each family's production member have all peripherals that are configured for it, as far as it runs? Nothing where none are configured.
asio::awaitable<std::vector<protocol::HealthCheck>> check_peripherals(Ports ports, std::vector<Family> families, PeripheralTroubles troubles);

}  // namespace zynclone::broker
