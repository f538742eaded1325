#include "system/glob.hpp"

#include <gtest/gtest.h>

#include <string>

namespace zynclone::broker::policy {
namespace {

TEST(Glob, Matches) {
  struct Case {
    std::string_view pattern;
    std::string_view text;
    bool matches;
  };
  for (const Case& c : {Case{"", "", true}, {"*", "", true}, {"*", "anything", true}, {"a*", "a", true}, {"a*", "ba", false},
                        {"*a", "aa", true}, {"a*b*c", "aXbYbc", true}, {"a*b*c", "aXbY", false}, {"**", "x", true},
                        {"pos-*", "pos-1", true}, {"pos-*", "pos1", false}, {"pos", "pos1", false}, {"pos1", "pos", false},
                        {"*.create", "clone.create", true}, {"clone.*", "clone", false}, {"a.c", "abc", false}, {"", "x", false}}) {
    EXPECT_EQ(glob_matches(c.pattern, c.text), c.matches) << c.pattern << " " << c.text;
  }
}

TEST(Glob, ManyStarsAreNotSlow) {
  std::string pattern;
  for (int i = 0; i < 30; ++i) pattern += "a*";
  EXPECT_FALSE(glob_matches(pattern + "b", std::string(5000, 'a')));
}

TEST(Glob, Covers) {
  EXPECT_TRUE(glob_covers("*", "pos-*"));
  EXPECT_TRUE(glob_covers("pos-*", "pos-1*"));
  EXPECT_TRUE(glob_covers("pos-*", "pos-*"));
  EXPECT_TRUE(glob_covers("pos", "pos"));
  EXPECT_FALSE(glob_covers("pos-1*", "pos-*"));
  EXPECT_FALSE(glob_covers("pos", "po*"));
  EXPECT_FALSE(glob_covers("*1", "pos-*"));
}

}  // namespace
}  // namespace zynclone::broker::policy
