#pragma once
// Lets coroutines of one thread wait until another of them says that something changed. Nothing is remembered: whoever waits
// looks first at what it waits for, and again when woken.

#include <chrono>
#include <memory>
#include <vector>

#include "system/async.hpp"

namespace zynclone::channel {

class WakeUp {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // Until the next wake(). A cancelled coroutine is woken too; its next wait throws.
  asio::awaitable<void> wait();
  // The same, but gives false when `time` came first.
  asio::awaitable<bool> wait_until(Time time);
  void wake();

 private:
  using Places = std::vector<asio::steady_timer*>;
  std::shared_ptr<Places> places_ = std::make_shared<Places>();  // may outlive this in a waiting coroutine's frame
};

}  // namespace zynclone::channel
