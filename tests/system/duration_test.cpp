#include "system/duration.hpp"

#include <gtest/gtest.h>

namespace zynclone {
namespace {

using std::chrono::milliseconds;

TEST(Duration, ReadsEachUnit) {
  const std::vector<std::pair<std::string_view, milliseconds>> cases = {
      {"250ms", milliseconds(250)}, {"10s", std::chrono::seconds(10)}, {"15m", std::chrono::minutes(15)},
      {"2h", std::chrono::hours(2)}, {"1d", std::chrono::hours(24)},   {"0s", milliseconds(0)},
      {"3650d", std::chrono::hours(24 * 3650)}};
  for (const auto& [text, time] : cases) {
    auto parsed = parse_duration(text);
    ASSERT_TRUE(parsed) << text << ": " << parsed.error().message;
    EXPECT_EQ(parsed.value(), time) << text;
  }
}

TEST(Duration, RefusesWhatIsNotOne) {
  for (std::string_view text : {"", "s", "10", "-1s", "+1s", "1.5s", "10 s", " 10s", "10s ", "10S", "10min", "1h30m", "0x10s",
                                "3651d", "99999999999999999999s", "18446744073709551615d"}) {
    auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_NE(parsed.error().message.find("'" + std::string(text) + "'"), std::string::npos) << parsed.error().message;
    EXPECT_NE(parsed.error().message.find("allowed"), std::string::npos) << parsed.error().message;
  }
}

TEST(Duration, FormatIsWhatParseReads) {
  for (auto time : {milliseconds(0), milliseconds(1), milliseconds(250), milliseconds(10'000), milliseconds(90'000),
                    milliseconds(3'600'000), milliseconds(86'400'000), milliseconds(86'400'001)}) {
    EXPECT_EQ(parse_duration(format_duration(time)).value(), time);
  }
  EXPECT_EQ(format_duration(milliseconds(90'000)), "90s");
  EXPECT_EQ(format_duration(milliseconds(3'600'000)), "1h");
  EXPECT_EQ(format_duration(milliseconds(-5)), "0s");
}

TEST(Duration, ForPeople) {
  EXPECT_EQ(seconds_text(milliseconds(0)), "0.000 s");
  EXPECT_EQ(seconds_text(milliseconds(34)), "0.034 s");
  EXPECT_EQ(seconds_text(milliseconds(1'249)), "1.2 s");
  EXPECT_EQ(seconds_text(milliseconds(90'000)), "90.0 s");
}

}  // namespace
}  // namespace zynclone
