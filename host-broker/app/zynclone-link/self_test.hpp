#pragma once
// Shows that confinement holds on this machine: in one child process for each, confines it and tries what must not be possible.

namespace zynclone::broker::link {

// Prints one line for each attempt, "ok" or "FAILED" first. Gives 0 when all is well, else 1.
int run_self_test();

}  // namespace zynclone::broker::link
