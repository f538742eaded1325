#include "protocol/channel/hello.hpp"

#include <gtest/gtest.h>

namespace zynclone::channel {
namespace {

protocol::Hello speaks(unsigned oldest, unsigned newest) { return {.oldest_version = oldest, .newest_version = newest}; }

TEST(Hello, LowerOfTheTwoNewestVersionsCounts) {
  EXPECT_EQ(agree_on_version(speaks(1, 1), speaks(1, 1)).value(), 1u);
  EXPECT_EQ(agree_on_version(speaks(1, 5), speaks(2, 3)).value(), 3u);
  EXPECT_EQ(agree_on_version(speaks(2, 3), speaks(1, 5)).value(), 3u);
  EXPECT_EQ(agree_on_version(speaks(3, 5), speaks(1, 3)).value(), 3u);
}

TEST(Hello, NoCommonVersionNamesBothRanges) {
  for (const auto& [ours, theirs] : {std::pair(speaks(1, 1), speaks(2, 3)), std::pair(speaks(2, 3), speaks(1, 1))}) {
    auto version = agree_on_version(ours, theirs);
    ASSERT_FALSE(version);
    EXPECT_EQ(version.error().code, Errc::unsupported_version);
    EXPECT_NE(version.error().message.find("2 to 3"), std::string::npos);
    EXPECT_NE(version.error().message.find("1 to 1"), std::string::npos);
  }
}

TEST(Hello, RangeThatIsUpsideDownIsNoVersion) {
  EXPECT_EQ(agree_on_version(speaks(1, 4), speaks(3, 2)).error().code, Errc::unsupported_version);
}

}  // namespace
}  // namespace zynclone::channel
