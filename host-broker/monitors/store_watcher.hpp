#pragma once
// Keeps watches on XenStore, over its restarts and its hiccups, and rings for every event. An event is a hint: what it names does not
// count.

#include <string>
#include <vector>

#include "host-broker/monitors/doorbell.hpp"

namespace zynclone::broker::monitors {

// For ever. After each loss of the connection it rings once it is there again, for events were missed.
asio::awaitable<void> watch_store(std::vector<std::string> paths, Doorbell& doorbell);

}  // namespace zynclone::broker::monitors
