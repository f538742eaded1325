#include "cli/screen.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace zynclone::cli {
namespace {

TEST(Screen, AsciiReplacesWhatATerminalWithoutUtf8CouldTakeForControl) {
  EXPECT_EQ(ascii("✓ a → b…"), "+ a -> b...");
  EXPECT_EQ(ascii("✗ ↶ ü"), "x < ?");
  EXPECT_EQ(ascii("plain\n"), "plain\n");
  // U+009B alone would be CSI to an 8-bit terminal.
  EXPECT_EQ(ascii("\xc2\x9b"), "?");
}

TEST(Screen, CutsByCodePoints) {
  EXPECT_EQ(cut_to("abc", 3), "abc");
  EXPECT_EQ(cut_to("abcd", 3), "ab…");
  EXPECT_EQ(cut_to("äöüß", 4), "äöüß");
  EXPECT_EQ(cut_to("äöüßx", 4), "äöü…");
  EXPECT_EQ(width_of("→ ✓"), 3u);
}

TEST(Screen, EachStreamGetsTheLettersItCanShow) {
  char* data[2] = {};
  std::size_t size[2] = {};
  std::FILE* out = ::open_memstream(&data[0], &size[0]);
  std::FILE* errors = ::open_memstream(&data[1], &size[1]);
  Screen screen(out, errors, Display::pipe, Letters::utf8, Letters::ascii);
  screen.write("✓ \u011b\n");
  screen.write_error("✗ \u011b");
  std::fclose(out);
  std::fclose(errors);
  EXPECT_EQ(std::string(data[0], size[0]), "✓ \u011b\n");
  EXPECT_EQ(std::string(data[1], size[1]), "x ?\n");
  std::free(data[0]);
  std::free(data[1]);
}

TEST(Screen, FullDiskIsNoticed) {
  std::FILE* full = std::fopen("/dev/full", "w");
  ASSERT_NE(full, nullptr);
  Screen screen(full, stderr, Display::pipe);
  screen.write("text\n");
  EXPECT_FALSE(screen.all_written());
  std::fclose(full);
}

}  // namespace
}  // namespace zynclone::cli
