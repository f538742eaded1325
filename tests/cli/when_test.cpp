#include "cli/when.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "tests/support/result_matchers.hpp"

namespace zynclone::cli {
namespace {

class When : public ::testing::Test {
 protected:
  void SetUp() override { in_zone("CET-1CEST,M3.5.0,M10.5.0/3"); }
  void TearDown() override { in_zone("UTC"); }
  static void in_zone(const char* zone) {
    ::setenv("TZ", zone, 1);
    ::tzset();
  }
  static Timestamp at(const char* text) { return parse_rfc3339(text).value(); }
  // In RFC 3339, or what is wrong.
  std::string parsed(std::string_view text) const {
    const auto time = parse_when(text, now_);
    return time ? to_rfc3339(time.value()) : time.error().message;
  }

  Timestamp now_ = at("2026-11-21T02:58:59.000Z");  // 03:58:59 in local time
};

TEST_F(When, ATimeOfDayIsTheNextThatComes) {
  EXPECT_EQ(parsed("06:00"), "2026-11-21T05:00:00.000Z");
  EXPECT_EQ(parsed("03:58"), "2026-11-22T02:58:00.000Z");
  EXPECT_EQ(parsed("03:59"), "2026-11-21T02:59:00.000Z");
  EXPECT_EQ(parsed("00:00"), "2026-11-21T23:00:00.000Z");
  EXPECT_EQ(parsed("23:59"), "2026-11-21T22:59:00.000Z");
  EXPECT_EQ(parsed("03:58:59"), "2026-11-22T02:58:59.000Z") << "now is not to come";
  now_ = at("2026-12-31T23:30:00.000Z");  // 00:30 of the new year
  EXPECT_EQ(parsed("00:15"), "2027-01-01T23:15:00.000Z");
}

TEST_F(When, ADayWithoutThatTimeIsPassedOver) {
  now_ = at("2027-03-28T00:30:00.000Z");  // 01:30 of the day on which 02:00 becomes 03:00
  EXPECT_EQ(parsed("02:30"), "2027-03-29T00:30:00.000Z");
  EXPECT_EQ(parsed("03:30"), "2027-03-28T01:30:00.000Z");
}

TEST_F(When, DateAndTimeAreLocal) {
  EXPECT_EQ(parsed("2026-11-22T06:00"), "2026-11-22T05:00:00.000Z");
  EXPECT_EQ(parsed("2026-11-22 06:00"), "2026-11-22T05:00:00.000Z");
  EXPECT_EQ(parsed("2027-07-01T06:00:30"), "2027-07-01T04:00:30.000Z") << "in summer";
  EXPECT_EQ(parsed("2026-01-01T00:00"), "2025-12-31T23:00:00.000Z") << "what has passed is a time too";
  EXPECT_EQ(parsed("2027-03-28T02:30"), "cannot use time '2027-03-28T02:30': there is no such local time: the clocks change then");
}

TEST_F(When, Rfc3339IsThatMoment) {
  EXPECT_EQ(parsed("2026-11-22T06:00:00Z"), "2026-11-22T06:00:00.000Z");
  EXPECT_EQ(parsed("2026-11-22T06:00:00.125Z"), "2026-11-22T06:00:00.125Z");
  EXPECT_EQ(parsed("2026-11-22T06:00:00.1256789Z"), "2026-11-22T06:00:00.125Z");
  EXPECT_EQ(parsed("2026-11-22T06:00:00+01:00"), "2026-11-22T05:00:00.000Z");
  EXPECT_EQ(parsed("2026-11-22T00:00:00-03:30"), "2026-11-22T03:30:00.000Z");
  EXPECT_EQ(parsed("2026-11-22T06:00Z"), "2026-11-22T06:00:00.000Z");
}

TEST_F(When, AllElseIsRefusedWithWhatIsAllowed) {
  for (const std::string text : {"", " ", "6", "6:00", "06", "06:0", "24:00", "06:60", " 06:00", "06:00 ", "06:00pm", "tomorrow", "2026-11-22", "2026-11-22T",
                                 "2026-11-22T6:00", "2026-13-01T06:00", "2026-02-29T06:00", "22-11-2026T06:00", "2026-11-22T06:00+", "2026-11-22T06:00+1",
                                 "2026-11-22T06:00+01", "2026-11-22T06:00+24:00", "2026-11-22T06:00:00.Z", "2026-11-22T06:00:", "2026-11-22T06:00:61Z",
                                 "2026-11-22T06:00.5Z", "-026-11-22T06:00", "2026-11-22T06:00ZZ", "06:00Z", "2026-11-22_06:00"}) {
    const auto time = parse_when(text, now_);
    ASSERT_FAILS(time, Errc::invalid_argument);
    EXPECT_EQ(time.error().message, "cannot use time '" + text + "': allowed are HH:MM, the next one that comes, YYYY-MM-DDTHH:MM, local time, and RFC 3339 such as "
                                    "2026-11-22T06:00:00Z");
  }
  EXPECT_EQ(parsed("\x1b[2J").find('\x1b'), std::string::npos);
  EXPECT_LT(parsed(std::string(5000, '1')).size(), 300u);
}

}  // namespace
}  // namespace zynclone::cli
