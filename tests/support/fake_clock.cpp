#include "tests/support/fake_clock.hpp"

#include <boost/asio/as_tuple.hpp>

#include <algorithm>

namespace zynclone::tests {

asio::awaitable<void> FakeClock::sleep_until(Timestamp time) {
  if (time <= now_) co_return;
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  const auto place = sleepers_.insert(sleepers_.end(), Sleeper{time, &timer});
  // Also when the coroutine is destroyed or cancelled while it sleeps.
  struct Leave {
    std::list<Sleeper>& sleepers;
    std::list<Sleeper>::iterator place;
    ~Leave() { sleepers.erase(place); }
  } leave{sleepers_, place};
  while (now_ < time) {
    const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error && now_ < time) co_return;  // cancelled by who awaits
  }
}

void FakeClock::set(Timestamp time) {
  now_ = time;
  std::vector<Sleeper> due;
  std::copy_if(sleepers_.begin(), sleepers_.end(), std::back_inserter(due), [&](const Sleeper& s) { return s.time <= now_; });
  std::stable_sort(due.begin(), due.end(), [](const Sleeper& a, const Sleeper& b) { return a.time < b.time; });
  for (const Sleeper& sleeper : due) sleeper.timer->cancel();
}

Timestamp FakeClock::next_wake() const {
  Timestamp earliest = Timestamp::max();
  for (const Sleeper& sleeper : sleepers_) earliest = std::min(earliest, sleeper.time);
  return earliest;
}

}  // namespace zynclone::tests
