#pragma once
// Time and waiting for it, so that tests need not wait. Real: SystemClock. Tests: FakeClock.

#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() = 0;  // on the wall: somebody may set it
  // Time that nobody sets, for spans (CLOCK_MONOTONIC).
  virtual std::chrono::steady_clock::time_point steady() = 0;
  virtual asio::awaitable<void> sleep_until(Timestamp time) = 0;
};

}  // namespace zynclone::broker
