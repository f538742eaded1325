#include "system/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace zynclone {
namespace {

TEST(Log, OneLineWithTimeAndLevelAndNothingUnprintable) {
  testing::internal::CaptureStderr();
  log_warning("guest says\n<0>\x1b[2J hello");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::MatchesRegex("[0-9:]{8}\\.[0-9]{3} warning: guest says\\\\x0a<0>\\\\x1b\\[2J hello\n"));
}

TEST(Log, UnderSystemdALineBeginsWithItsPriority) {
  EXPECT_EXIT(
      {
        ::setenv("JOURNAL_STREAM", "8:1", 1);
        log_info("started");
        log_error("broken");
        ::_exit(0);
      },
      testing::ExitedWithCode(0), "^<6>started\n<3>broken\n$");
}

}  // namespace
}  // namespace zynclone
