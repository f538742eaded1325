#pragma once
// Wakes the monitor's loop: something may have changed, and perhaps what. Rings before the wait count, and many rings are one. One thread.

#include <set>
#include <string>

#include "system/async.hpp"

namespace zynclone::broker::monitors {

// What to look at again: the names that were rung with, paths in XenStore or files, or everything. Hints only: what they name is read.
struct Hints {
  bool everything = false;
  std::set<std::string> names;

  static Hints all() { return {.everything = true, .names = {}}; }
};

class Doorbell {
 public:
  explicit Doorbell(asio::any_io_executor executor) : timer_(executor), later_timer_(executor) {}

  // With no name: everything may have changed.
  void ring(std::string name = "");
  // Once for all that is said meanwhile, `delay` after the first of it.
  void ring_after(Deadline delay, std::string name);
  // Until it rings, or did since the last wait, or `limit` has passed; that too asks for everything.
  asio::awaitable<Hints> wait(Deadline limit);

 private:
  asio::steady_timer timer_;
  bool rung_ = false;
  Hints hints_;
  asio::steady_timer later_timer_;
  std::set<std::string> later_;
};

}  // namespace zynclone::broker::monitors
