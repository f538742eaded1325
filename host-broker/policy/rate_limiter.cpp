#include "host-broker/policy/rate_limiter.hpp"

#include <algorithm>

namespace zynclone::broker::policy {
namespace {

constexpr std::chrono::hours k_longest_window{24};  // of Rate: /d
constexpr std::size_t k_most_times = 10'000;        // the largest N of rate=N/…

}  // namespace

Result<void> RateLimiter::check(const VmName& vm, const std::string& place, Rate rate, Timestamp now) const {
  const auto found = times_.find({vm, place});
  if (found == times_.end()) return outcome::success();
  // A time far ahead was noted while the host's clock was wrong; it must not lock the VM out until then.
  std::deque<Timestamp> counted;
  for (Timestamp time : found->second) {
    if (time > now - rate.window && time <= now + rate.window) counted.push_back(time);
  }
  if (counted.size() < rate.count) return outcome::success();
  const Timestamp free_again = counted[counted.size() - rate.count] + rate.window;
  return fail(Errc::rate_limited, "cannot do more than " + to_string(rate) + " for VM '" + vm.text() + "': the next is allowed at " +
                                      to_rfc3339(free_again), place);
}

void RateLimiter::remember(const VmName& vm, const std::string& place, Timestamp time) {
  std::deque<Timestamp>& times = times_[{vm, place}];
  times.insert(std::upper_bound(times.begin(), times.end(), time), time);
  while (times.size() > k_most_times || times.front() < times.back() - k_longest_window) times.pop_front();
}

}  // namespace zynclone::broker::policy
