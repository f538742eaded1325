#pragma once
// Brings up everything that a newcomer needs to try ZynClone, and takes it down again: the host in the background, its services,
// and originals with running agents. Waits for what each part says, never for a time.

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "host-broker/sandbox/layout.hpp"
#include "system/async.hpp"

namespace zynclone::sandbox {

struct BringUpOptions {
  std::vector<VmName> vms = {};               // none: those that are there, or one called pos1
  std::uint64_t disk_size = 1ull << 30;       // bytes of a new original's disk
};

struct RunningOriginal {
  VmName vm;
  DomainId domain;
};

// When something fails, what was started is ended again. `say` gets a line for each step. Errors: conflict when a sandbox runs in the
// folder; not_found for a program; what the parts say.
asio::awaitable<Result<std::vector<RunningOriginal>>> bring_up(Layout layout, BringUpOptions options,
                                                               std::function<void(const std::string&)> say);

// Ends the sandbox and waits until its process is gone, and with it all others. Errors: unavailable when none runs.
asio::awaitable<Result<void>> bring_down(Layout layout);

// Environment for commands on the pretended control domain.
std::map<std::string, std::string> host_environment(const Layout& layout);

}  // namespace zynclone::sandbox
