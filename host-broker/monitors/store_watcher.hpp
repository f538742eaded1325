#pragma once
// Keeps watches on XenStore, over its restarts and its hiccups, and rings with the path of every event.

#include <string>
#include <string_view>
#include <vector>

#include "host-broker/monitors/doorbell.hpp"

namespace zynclone::broker::monitors {

using DelayOf = Deadline (*)(std::string_view path);
inline Deadline at_once(std::string_view) { return Deadline::zero(); }

// For what a look can wait until the member that waits for a change has long gone on.
inline constexpr std::chrono::seconds k_until_looked_again{10};

// For ever. A watched path itself asks for everything: so it does at first, and after each loss of the connection, for events were missed.
// Special paths, @..., are rung with as they are, too.
// For other paths it rings when what `delay_of` says has passed.
asio::awaitable<void> watch_store(std::vector<std::string> paths, Doorbell& doorbell, DelayOf delay_of = at_once);

}  // namespace zynclone::broker::monitors
