#pragma once
// Time that stands still until the test moves it; whoever sleeps wakes in the order of his time. One thread.

#include <boost/asio/steady_timer.hpp>

#include <list>

#include "host-broker/ports/clock.hpp"

namespace zynclone::tests {

class FakeClock : public broker::Clock {
 public:
  explicit FakeClock(Timestamp start = Timestamp(std::chrono::seconds(1'700'000'000))) : now_(start) {}

  Timestamp now() override { return now_; }
  std::chrono::steady_clock::time_point steady() override { return steady_; }
  asio::awaitable<void> sleep_until(Timestamp time) override;

  // Moves both times on and wakes everybody whose time has come (they run when the io_context does).
  void advance(std::chrono::milliseconds by) {
    steady_ += by;
    set(now_ + by);
  }
  // As an administrator sets the clock: no time passes.
  void set(Timestamp time);

  std::size_t sleepers() const { return sleepers_.size(); }
  // The earliest time that somebody waits for; the largest Timestamp when nobody does.
  Timestamp next_wake() const;

 private:
  struct Sleeper {
    Timestamp time;
    asio::steady_timer* timer;
  };
  Timestamp now_;
  std::chrono::steady_clock::time_point steady_{std::chrono::hours(1)};
  std::list<Sleeper> sleepers_;
};

}  // namespace zynclone::tests
