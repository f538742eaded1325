#include "host-broker/policy/rate_limiter.hpp"

#include <gtest/gtest.h>

namespace zynclone::broker::policy {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;

const Timestamp k_start = parse_rfc3339("2026-03-02T10:00:00.000Z").value();
const Rate k_two_an_hour{2, std::chrono::hours(1)};
const VmName k_vm = VmName::parse("pos1").value();

TEST(RateLimiter, CountsInASlidingWindow) {
  RateLimiter limiter;
  EXPECT_TRUE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start));
  limiter.remember(k_vm, "p:1", k_start);
  limiter.remember(k_vm, "p:1", k_start + minutes(30));
  EXPECT_FALSE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start + minutes(59)));
  EXPECT_TRUE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start + minutes(60)));
  limiter.remember(k_vm, "p:1", k_start + minutes(60));
  EXPECT_FALSE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start + minutes(89)));
  EXPECT_TRUE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start + minutes(90)));
}

TEST(RateLimiter, SaysWhenTheNextIsAllowed) {
  RateLimiter limiter;
  for (int i : {0, 10, 20}) limiter.remember(k_vm, "p:1", k_start + minutes(i));
  auto checked = limiter.check(k_vm, "p:1", k_two_an_hour, k_start + minutes(21));
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, Errc::rate_limited);
  EXPECT_NE(checked.error().message.find("2026-03-02T11:10:00.000Z"), std::string::npos) << checked.error().message;
  EXPECT_TRUE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start + minutes(70)));
}

TEST(RateLimiter, EachVmAndRuleCountsForItself) {
  RateLimiter limiter;
  for (int i = 0; i < 2; ++i) limiter.remember(k_vm, "p:1", k_start);
  EXPECT_FALSE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start));
  EXPECT_TRUE(limiter.check(k_vm, "p:2", k_two_an_hour, k_start));
  EXPECT_TRUE(limiter.check(VmName::parse("pos2").value(), "p:1", k_two_an_hour, k_start));
}

TEST(RateLimiter, IsTheSameRememberedInAnyOrder) {
  RateLimiter first;
  RateLimiter second;
  for (int i : {1, 2, 3, 50}) first.remember(k_vm, "p:1", k_start + minutes(i));
  for (int i : {50, 3, 1, 2}) second.remember(k_vm, "p:1", k_start + minutes(i));
  for (int i = 50; i < 120; ++i) {
    const auto now = k_start + minutes(i);
    EXPECT_EQ(first.check(k_vm, "p:1", k_two_an_hour, now).has_value(), second.check(k_vm, "p:1", k_two_an_hour, now).has_value());
  }
}

TEST(RateLimiter, AClockThatWasFarAheadDoesNotLockOut) {
  RateLimiter limiter;
  for (int i = 0; i < 5; ++i) limiter.remember(k_vm, "p:1", k_start + std::chrono::hours(24 * 365));
  EXPECT_TRUE(limiter.check(k_vm, "p:1", k_two_an_hour, k_start));
}

TEST(RateLimiter, KeepsABoundedNumber) {
  RateLimiter limiter;
  for (int i = 0; i < 20'000; ++i) limiter.remember(k_vm, "p:1", k_start + milliseconds(i));
  EXPECT_FALSE(limiter.check(k_vm, "p:1", Rate{10'000, std::chrono::hours(24)}, k_start + minutes(1)));
}

}  // namespace
}  // namespace zynclone::broker::policy
