#pragma once
// Peripherals as answers show them: where each is now, who has it, and what is wrong.

#include <map>

#include "host-broker/core/ports.hpp"
#include "host-broker/core/views.hpp"

namespace zynclone::broker {

// Of one family, by name. `troubles`: why one could not be given when that was last tried, by its name. Where the configuration cannot be read: its error.
asio::awaitable<Result<std::vector<protocol::PeripheralView>>> peripheral_views(Ports ports, Family family, Audience audience, std::map<std::string, std::string> troubles);

}  // namespace zynclone::broker
