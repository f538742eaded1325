#include <charconv>
#include <cstdio>

#include "protocol/names.hpp"

namespace zynclone {

std::string to_rfc3339(Timestamp time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()), static_cast<int>(clock.seconds().count()),
                static_cast<int>(clock.subseconds().count()));
  return text;
}

Result<Timestamp> parse_rfc3339(std::string_view untrusted_text) {
  const auto wrong = [&] {
    return fail(Errc::invalid_argument, "cannot use time '" + printable(untrusted_text.substr(0, 80)) +
                                            "': expected YYYY-MM-DDThh:mm:ss.mmmZ");
  };
  constexpr std::string_view k_shape = "0000-00-00T00:00:00.000Z";
  if (untrusted_text.size() != k_shape.size()) return wrong();
  for (std::size_t i = 0; i < k_shape.size(); ++i) {
    const char c = untrusted_text[i];
    if (k_shape[i] == '0' ? (c < '0' || c > '9') : c != k_shape[i]) return wrong();
  }
  const auto number = [&](std::size_t from, std::size_t length) {
    int value = 0;
    std::from_chars(untrusted_text.data() + from, untrusted_text.data() + from + length, value);
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)), std::chrono::month(static_cast<unsigned>(number(5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(8, 2)))};
  const int hours = number(11, 2), minutes = number(14, 2), seconds = number(17, 2);
  if (!date.ok() || hours > 23 || minutes > 59 || seconds > 60) return wrong();
  return Timestamp(std::chrono::sys_days(date).time_since_epoch() + std::chrono::hours(hours) + std::chrono::minutes(minutes) +
                   std::chrono::seconds(seconds) + std::chrono::milliseconds(number(20, 3)));
}

}  // namespace zynclone
