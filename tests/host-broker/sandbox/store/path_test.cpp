#include "host-broker/sandbox/store/path.hpp"

#include <gtest/gtest.h>

namespace zynclone::sandbox {
namespace {

TEST(StorePath, RelativePathsBeginInTheDomainsHome) {
  EXPECT_EQ(absolute_path({7}, "data/x"), "/local/domain/7/data/x");
  EXPECT_EQ(absolute_path({7}, "/data/x"), "/data/x");
  EXPECT_EQ(absolute_path({7}, "@releaseDomain"), "@releaseDomain");
}

TEST(StorePath, ValidPathsAreAccepted) {
  for (const char* path : {"/", "/a", "/local/domain/7/data", "/vm/1a2b-3c", "/a_b/c@d/E-9"}) EXPECT_TRUE(is_valid_path(path)) << path;
}

TEST(StorePath, BadPathsAreRefused) {
  for (const char* path : {"", "a", "/a/", "//", "/a//b", "/a b", "/a.b", "/a\n", "/caf\xc3\xa9", "@introduceDomain", "/a*"})
    EXPECT_FALSE(is_valid_path(path)) << path;
  EXPECT_FALSE(is_valid_path(std::string("/a\0b", 4)));
}

TEST(StorePath, LengthCountsFromTheDomainsHome) {
  const std::string longest(2047, 'a');
  EXPECT_TRUE(is_valid_path("/" + longest));
  EXPECT_FALSE(is_valid_path("/a" + longest));
  EXPECT_TRUE(is_valid_path("/local/domain/12345/a" + longest));
  EXPECT_FALSE(is_valid_path("/local/domain/12345/aa" + longest));
  EXPECT_FALSE(is_valid_path("/local/domain/123456/a" + longest)) << "no domain has so many digits";
}

TEST(StorePath, PartsOfAPath) {
  EXPECT_EQ(parent_of("/a/b"), "/a");
  EXPECT_EQ(parent_of("/a"), "/");
  EXPECT_EQ(name_of("/a/b"), "b");
  EXPECT_EQ(child_of("/", "a"), "/a");
  EXPECT_EQ(child_of("/a", "b"), "/a/b");
}

TEST(StorePath, BelowIsByComponents) {
  EXPECT_TRUE(is_at_or_below("/a/b", "/a"));
  EXPECT_TRUE(is_at_or_below("/a", "/a"));
  EXPECT_TRUE(is_at_or_below("/a", "/"));
  EXPECT_FALSE(is_at_or_below("/ab", "/a"));
  EXPECT_FALSE(is_at_or_below("/a", "/a/b"));
}

}  // namespace
}  // namespace zynclone::sandbox
