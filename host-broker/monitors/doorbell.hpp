#pragma once
// Wakes the monitor's loop: something may have changed. Rings before the wait count, and many rings are one. One thread.

#include "system/async.hpp"

namespace zynclone::broker::monitors {

class Doorbell {
 public:
  explicit Doorbell(asio::any_io_executor executor) : timer_(executor) {}

  void ring();
  // Until it rings, or did since the last wait, or `limit` has passed.
  asio::awaitable<void> wait(Deadline limit);

 private:
  asio::steady_timer timer_;
  bool rung_ = false;
};

}  // namespace zynclone::broker::monitors
