#include "system/descriptor_limit.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>

namespace zynclone {
namespace {

// The soft limit after a call that found it at `soft`; the process gets its own one back.
rlim_t raised_from(rlim_t soft) {
  rlimit before{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit lower{std::min(soft, before.rlim_max), before.rlim_max};
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &lower), 0);
  EXPECT_TRUE(raise_descriptor_limit());
  rlimit after{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_max, before.rlim_max);
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  return after.rlim_cur;
}

TEST(DescriptorLimit, IsRaisedToWhatIsWantedOrAllowed) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_EQ(raised_from(512), std::min<rlim_t>(k_wanted_descriptors, limit.rlim_max));
}

TEST(DescriptorLimit, IsNeverLowered) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  if (limit.rlim_max <= k_wanted_descriptors) GTEST_SKIP() << "the hard limit is " << limit.rlim_max;
  EXPECT_EQ(raised_from(k_wanted_descriptors + 1), k_wanted_descriptors + 1);
}

}  // namespace
}  // namespace zynclone
