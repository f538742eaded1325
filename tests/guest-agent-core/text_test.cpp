#include "guest-agent-core/text.hpp"

#include <gtest/gtest.h>

namespace zynclone::agent {
namespace {

TEST(Text, LastLineIsTheLastThatIsNotEmpty) {
  EXPECT_EQ(last_line(""), "");
  EXPECT_EQ(last_line("\n \n"), "");
  EXPECT_EQ(last_line("one"), "one");
  EXPECT_EQ(last_line("one\ntwo\n\n"), "two");
  EXPECT_EQ(last_line("one\r\ntwo\r\n"), "two");
}

TEST(Text, ALongLastLineIsCutAtItsBeginning) {
  const std::string text = "a" + std::string(500, 'b');
  EXPECT_EQ(last_line(text), std::string(200, 'b'));
}

TEST(Text, TailBeginsAtAWholeCharacter) {
  EXPECT_EQ(tail("abc", 5), "abc");
  EXPECT_EQ(tail("abc", 2), "bc");
  EXPECT_EQ(tail("aé", 1), "");
  EXPECT_EQ(tail("éb", 2), "b");
}

}  // namespace
}  // namespace zynclone::agent
