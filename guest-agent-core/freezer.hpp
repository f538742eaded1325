#pragma once
// Stops and resumes writes to file systems. Real: agent::linux FilesystemFreezer. Sandbox: PretendedFreezer. Tests: FakeFreezer.

#include <string>
#include <vector>

#include "system/async.hpp"

namespace zynclone::agent {

enum class Thaw {
  held,  // all of them were frozen until now
  lost,  // at least one was not frozen any more: its time limit ended, or somebody else thawed it
};

class Freezer {
 public:
  virtual ~Freezer() = default;

  // The mount points that `freeze` freezes, as configured; empty: none.
  virtual std::vector<std::string> mounts() = 0;

  // Freezes all of `mounts()` within `limit`. Even if the agent hangs, all are thawed `longest` after the call. After timed_out and after a
  // cancellation some may be frozen, or will yet be: `thaw` is to be called then. After any other error none is frozen, but for those
  // that were before. Errors: conflict when one is frozen already; configuration; system; timed_out.
  virtual asio::awaitable<Result<void>> freeze(Deadline limit, Deadline longest) = 0;

  // Thaws what an earlier call, perhaps of an earlier process, froze. One that is not frozen is no error. Errors: system.
  virtual asio::awaitable<Result<Thaw>> thaw(std::vector<std::string> mounts) = 0;
};

}  // namespace zynclone::agent
