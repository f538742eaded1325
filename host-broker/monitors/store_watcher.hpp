#pragma once
// Keeps watches on XenStore, over its restarts and its hiccups, and rings with the path of every event.

#include <string>
#include <vector>

#include "host-broker/monitors/doorbell.hpp"

namespace zynclone::broker::monitors {

// For ever. A watched path itself asks for everything: so it does at first, and after each loss of the connection, for events were missed.
// Special paths, @..., are rung with as they are, too.
// For other paths it rings when `delay` has passed.
asio::awaitable<void> watch_store(std::vector<std::string> paths, Doorbell& doorbell, Deadline delay = Deadline::zero());

}  // namespace zynclone::broker::monitors
