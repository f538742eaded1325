#pragma once
// The parts of host.health that look at what the core works with: lockdown, storage. Each finding is a check of its own up to a number, so
// that a host of any size has a report that fits a message. One thread.

#include "host-broker/core/ports.hpp"

namespace zynclone::broker {

// Have all backends acknowledged what these families' files say? One that has not is asked again after `pause`: a change takes its moment.
asio::awaitable<protocol::HealthCheck> check_lockdown(Network& network, std::vector<Family> families, Deadline pause = std::chrono::seconds(1));

// Is there room for a copy beside the reserve, at each place where configured VMs have disks: a volume group, a folder? And does none of the
// disks stand on so many layers that soon no copy of it can be made?
asio::awaitable<std::vector<protocol::HealthCheck>> check_storage(Ports ports);

}  // namespace zynclone::broker
