#pragma once
// The xl processes that belong to one configuration file. `xl create` builds the domain and then stays, as a daemon in a session of its own, to
// watch it; an interrupted broker finds them again by their arguments.

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::broker::xen {

// For `xl`: create it paused from this file.
std::vector<std::string> create_arguments(const std::string& xl, const std::string& config_file);

// For `xl`: restore it paused from this image, with this configuration in the place of the saved one.
std::vector<std::string> restore_arguments(const std::string& xl, const std::string& config_file, const std::string& image_file);

struct XlProcesses {
  std::optional<pid_t> builder;  // still at work on the domain
  std::optional<pid_t> watcher;  // a daemon that waits for the domain's end: it was built whole; when its guest reboots, it starts it again
};
// Of this process's user: others may give themselves any arguments.
XlProcesses find_xl_processes(const std::string& config_file);

// A zynclone-save of this user's that works on the domain and is no child of this process.
std::optional<pid_t> find_save_process(DomainId domain);
// Errors: timed_out, system. One that is gone is no error.
asio::awaitable<Result<void>> wait_for_process(pid_t process, Deadline limit);
asio::awaitable<Result<void>> kill_process(pid_t process, Deadline limit);

// Until none of them is a builder. Errors: timed_out, system.
asio::awaitable<Result<XlProcesses>> wait_for_builder(std::string config_file, Deadline limit);

// Ends a watcher, so that nothing is started again. Errors: timed_out, system.
asio::awaitable<Result<void>> end_watcher(pid_t watcher, Deadline limit);

}  // namespace zynclone::broker::xen
