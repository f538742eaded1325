#pragma once
// All processes of some sessions (setsid(2)): what a pretended domain consists of. A session, and not a process group, because a
// program may give its children groups of their own, as the agent does with hooks; found in /proc.

#include <set>
#include <sys/types.h>
#include <vector>

#include "system/async.hpp"

namespace zynclone::sandbox {

// Living ones; those that ended and wait to be reaped do not count.
std::vector<pid_t> processes_of(const std::set<pid_t>& sessions);

// Signals all, and again whatever appeared meanwhile, until there is nobody new.
void signal_sessions(const std::set<pid_t>& sessions, int signal);

// Waits until nobody is left.
asio::awaitable<void> wait_for_end_of(std::set<pid_t> sessions);

}  // namespace zynclone::sandbox
