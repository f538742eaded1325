#pragma once
// How often a rule with rate=N/h let one VM do something, in a sliding window. Pure: time is given with each call. After a restart
// its state comes from the journal: `remember` once for each operation that is not older than a day, with its vm, decision_place and
// created. One thread.

#include <deque>
#include <map>

#include "host-broker/policy/rule_set.hpp"

namespace zynclone::broker::policy {

class RateLimiter {
 public:
  // May `vm` do one more by the rule at `place` now? Errors: rate_limited, with the time at which it may again. Does not count by
  // itself: `remember` when the operation was journalled, so that both agree after a restart.
  Result<void> check(const VmName& vm, const std::string& place, Rate rate, Timestamp now) const;

  // Counts one at `time`, in any order of times.
  void remember(const VmName& vm, const std::string& place, Timestamp time);

 private:
  std::map<std::pair<VmName, std::string>, std::deque<Timestamp>> times_;  // each ascending
};

}  // namespace zynclone::broker::policy
