#pragma once
// Keeps an eye on a folder by inotify(7), also on one that is not there yet, and rings with "file:<name>" whenever a file in it
// appears, is written, renamed or removed; and for everything when the folder itself does.

#include <filesystem>

#include "host-broker/monitors/doorbell.hpp"

namespace zynclone::broker::monitors {

asio::awaitable<void> watch_folder(std::filesystem::path folder, Doorbell& doorbell);

}  // namespace zynclone::broker::monitors
