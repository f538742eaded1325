#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <sys/wait.h>

namespace {

// The program itself, confined as it is for a guest, tries what must not be possible.
TEST(LinkConfinement, SelfTestFindsEveryWall) {
  std::FILE* output = ::popen(TEST_BINARY_DIR "/bin/zynclone-link --self-test", "re");
  ASSERT_NE(output, nullptr);
  std::string text;
  char buffer[4096];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, output)) text.append(buffer, count);
  const int status = ::pclose(output);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0) << text;
  EXPECT_EQ(text.find("FAILED"), std::string::npos) << text;
  for (const char* attempt : {"open a file", "make an internet socket", "make a Unix socket", "execute a program", "fork"})
    EXPECT_NE(text.find(std::string("ok     ") + attempt + ": killed\n"), std::string::npos) << text;
  EXPECT_NE(text.find("ok     read, take memory and see the clock: possible\n"), std::string::npos) << text;
}

}  // namespace
