#include "protocol/command.hpp"

#include <gtest/gtest.h>

#include "protocol/limits.hpp"

namespace zynclone::protocol {
namespace {

using Words = std::vector<std::string>;

TEST(Command, WithinItsLimitsMayRun) {
  EXPECT_TRUE(check_command({"/usr/bin/upgrade", "--all", ""}));
  EXPECT_TRUE(check_command(Words(k_most_command_words, "a")));
  EXPECT_TRUE(check_command(Words(16, std::string(k_longest_text, 'a'))));
}

TEST(Command, BeyondThemMayNot) {
  const std::vector<Words> wrong{{},
                                 {""},
                                 {"", "x"},
                                 Words(k_most_command_words + 1, "a"),
                                 {std::string(k_longest_text + 1, 'a')},
                                 Words(17, std::string(k_longest_text, 'a')),
                                 {"a", std::string("b\0c", 3)}};
  for (const Words& command : wrong) {
    const auto checked = check_command(command);
    ASSERT_FALSE(checked) << command.size();
    EXPECT_EQ(checked.error().code, Errc::invalid_argument);
    EXPECT_EQ(checked.error().place, "/params/command");
  }
}

TEST(Command, IsShownOnOneLine) {
  EXPECT_EQ(command_text({"upgrade", "--to=7.2"}), "upgrade --to=7.2");
  EXPECT_EQ(command_text({"sh", "-c", "exit 3", ""}), "sh -c \"exit 3\" \"\"");
  EXPECT_EQ(command_text({"a\nb\x1b[2J"}).find('\n'), std::string::npos);
  EXPECT_EQ(command_text({"a\x1b[2J"}).find('\x1b'), std::string::npos);
  const std::string cut = command_text({std::string(500, 'a')}, 40);
  EXPECT_EQ(cut, std::string(37, 'a') + "…");
}

}  // namespace
}  // namespace zynclone::protocol
