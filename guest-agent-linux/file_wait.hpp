#pragma once
// Waits for a file that somebody else makes, a device in /dev: by inotify(7), which sees what devtmpfs and udev make there. On the agent's thread.

#include <filesystem>
#include <functional>
#include <string>

#include "system/async.hpp"

namespace zynclone::agent {

// Until `is_ready` says so of the file, which is asked first and after each change in its folder. Errors: timed_out; system when the folder
// cannot be watched.
asio::awaitable<Result<void>> wait_for_file(std::filesystem::path file, std::function<bool(const std::string& file)> is_ready, Deadline limit);

}  // namespace zynclone::agent
