#pragma once
// Finds the processes that a hook started, also those that left its process group and session, by a variable in the environment that they
// inherited (proc(5): /proc/<pid>/environ).

#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace zynclone::agent {

// The process of an entry in /proc; none: it is something else.
std::optional<pid_t> pid_of(std::string_view name);

// Processes whose environment began with this assignment in it ("NAME=value"). Of other users only root sees any.
std::vector<pid_t> processes_with(const std::string& assignment);

// SIGKILL to all of them, until none is left or ten times: one that forks meanwhile is found the next time.
void kill_processes_with(const std::string& assignment);

}  // namespace zynclone::agent
