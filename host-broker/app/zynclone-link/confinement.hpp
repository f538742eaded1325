#pragma once
// Gives up, for good, everything that a process can do but go on talking on the descriptors it has: before the first byte of a
// guest is looked at. What each part relies on: user_namespaces(7) is not needed; chroot(2), capabilities(7), seccomp(2).

#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::broker::link {

// "cannot <what>: <what errno says>".
Error failed(std::string_view what);

enum class Filter { on, off };  // off: for the self-test, which shows that the other walls stand without this one

struct ConfinementPlan {
  int event_channel = -1;             // /dev/xen/evtchn: the one descriptor on which an ioctl (notify) is allowed; -1: none
  std::size_t most_memory = 64 << 20; // bytes of address space
  std::vector<std::string> users = {"zynclone-link", "nobody"};  // the first that exists
  Filter filter = Filter::on;
};

// As root: user, groups, root folder (an empty one that is in no file system tree any more), capabilities, limits, filter. As anybody else
// user, groups and root folder stay as they are, and a line on standard error says so; the rest goes all the same. Standard error is closed
// then. Every thread of the process is bound. Errors: system; the process must end then.
Result<void> confine(const ConfinementPlan& plan);

// The filter alone: all but a list of system calls kills the process. Errors: system.
Result<void> filter_system_calls(int event_channel);

}  // namespace zynclone::broker::link
