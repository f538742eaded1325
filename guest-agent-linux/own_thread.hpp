#pragma once
// Runs one system call that may hang, a mount or a sync, on a thread of its own: whatever it waits for, the agent's thread goes on, and other
// calls have theirs. A pool would be full of hanging calls, or be threads that lie idle in every guest.

#include <functional>
#include <string>

#include "system/async.hpp"

namespace zynclone::agent {

inline constexpr Deadline k_no_limit = std::chrono::hours(24 * 365);

struct OwnThreadWork {
  std::function<Result<void>()> work;       // both must own all that they use
  std::function<void()> undo_if_late = {};  // on the same thread, when the work succeeded after nobody waited for it any more
  std::function<void()> ended = {};         // on the executor, always; the program does not end before
};

// Errors: those of the work; timed_out.
asio::awaitable<Result<void>> run_on_own_thread(OwnThreadWork call, Deadline limit, std::string what);

}  // namespace zynclone::agent
