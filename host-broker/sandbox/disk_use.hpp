#pragma once
// Which processes of a pretended guest have a disk's file open: what a mounted file system is on a real one. Found in /proc.

#include <filesystem>
#include <functional>
#include <set>
#include <sys/types.h>
#include <vector>

#include "system/async.hpp"

namespace zynclone::sandbox {

// Of the guest are the processes of these sessions, and those started beside them with `marker` in their environment (zynclone-sandbox exec).
struct GuestProcesses {
  std::set<pid_t> sessions;
  std::string marker;  // NAME=value
};
std::vector<pid_t> users_of(const std::filesystem::path& file, const GuestProcesses& guest);

// Waits until `users` tells of nobody; it is asked first, and again each time that somebody closes the file. Errors: timed_out; system.
asio::awaitable<Result<void>> wait_until_closed(std::filesystem::path file, std::function<std::vector<pid_t>()> users, Deadline limit);

}  // namespace zynclone::sandbox
