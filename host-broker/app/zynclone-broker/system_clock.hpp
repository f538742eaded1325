#pragma once
// The clock on the wall.

#include <boost/asio/system_timer.hpp>

#include "host-broker/ports/clock.hpp"

namespace zynclone::broker {

class SystemClock : public Clock {
 public:
  Timestamp now() override { return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()); }
  std::chrono::steady_clock::time_point steady() override { return std::chrono::steady_clock::now(); }
  asio::awaitable<void> sleep_until(Timestamp time) override {
    asio::system_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(asio::use_awaitable);
  }
};

}  // namespace zynclone::broker
