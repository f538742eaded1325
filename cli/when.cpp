#include "cli/when.hpp"

#include <ctime>
#include <optional>

namespace zynclone::cli {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

struct Clock {
  int hour = 0;
  int minute = 0;
  int second = 0;
  int millisecond = 0;
};

// Reads from the front of a text; what does not fit stays there.
class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}
  bool at_end() const { return rest_.empty() && !failed_; }
  bool take(std::string_view letters) {
    if (rest_.empty() || letters.find(rest_.front()) == std::string_view::npos) return false;
    rest_.remove_prefix(1);
    return true;
  }
  // Exactly so many digits.
  std::optional<int> number(std::size_t digits) {
    const std::string_view text = rest_.substr(0, digits);
    if (text.size() < digits || text.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
    int value = 0;
    for (const char digit : text) value = value * 10 + (digit - '0');
    rest_.remove_prefix(digits);
    return value;
  }
  // "06:00", or with seconds, and a fraction of them.
  std::optional<Clock> clock() {
    const auto hour = number(2);
    if (!hour || *hour > 23 || !take(":")) return std::nullopt;
    const auto minute = number(2);
    if (!minute || *minute > 59) return std::nullopt;
    Clock clock{.hour = *hour, .minute = *minute};
    if (!take(":")) return clock;
    const auto second = number(2);
    if (!second || *second > 59) return std::nullopt;
    clock.second = *second;
    if (take(".")) clock.millisecond = fraction();
    return clock;
  }
  std::optional<std::chrono::year_month_day> date() {
    const auto year = number(4);
    if (!year || !take("-")) return std::nullopt;
    const auto month = number(2);
    if (!month || !take("-")) return std::nullopt;
    const auto day = number(2);
    if (!day) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                           std::chrono::day(static_cast<unsigned>(*day))};
    return date.ok() ? std::optional(date) : std::nullopt;
  }
  // "Z", "+01:00": what local time is ahead of UTC by; nothing where there is neither.
  std::optional<minutes> zone() {
    if (take("Zz")) return minutes(0);
    const bool is_ahead = take("+");
    if (!is_ahead && !take("-")) return std::nullopt;
    const auto hour = number(2);
    const auto minute = hour && take(":") ? number(2) : std::nullopt;
    failed_ = !minute || *hour > 23 || *minute > 59;
    if (failed_) return std::nullopt;
    const minutes length = hours(*hour) + minutes(*minute);
    return is_ahead ? length : -length;
  }

 private:
  // In milliseconds; digits beyond those are passed over.
  int fraction() {
    int value = 0, unit = 100;
    failed_ = failed_ || rest_.empty() || rest_.front() < '0' || rest_.front() > '9';
    for (auto digit = number(1); digit; digit = number(1), unit /= 10) value += *digit * unit;
    return value;
  }

  std::string_view rest_;
  bool failed_ = false;  // something began that did not go on
};

auto refuse(std::string_view text, const std::string& cause) {
  return fail(Errc::invalid_argument, "cannot use time '" + printable(text.substr(0, 80)) + "': " + cause);
}

std::optional<Timestamp> local_time(const std::chrono::year_month_day& date, const Clock& clock) {
  std::tm fields{};
  fields.tm_year = static_cast<int>(date.year()) - 1900;
  fields.tm_mon = static_cast<int>(static_cast<unsigned>(date.month())) - 1;
  const int day = static_cast<int>(static_cast<unsigned>(date.day()));
  fields.tm_mday = day;
  fields.tm_hour = clock.hour;
  fields.tm_min = clock.minute;
  fields.tm_sec = clock.second;
  fields.tm_isdst = -1;  // whichever counts then
  const std::time_t time = std::mktime(&fields);
  // mktime moves a time that the change to summer time leaves out.
  if (time == -1 || fields.tm_hour != clock.hour || fields.tm_min != clock.minute || fields.tm_mday != day) return std::nullopt;
  return std::chrono::time_point_cast<Timestamp::duration>(std::chrono::system_clock::from_time_t(time)) + std::chrono::milliseconds(clock.millisecond);
}

std::chrono::sys_days local_day(Timestamp now) {
  const std::time_t time = std::chrono::system_clock::to_time_t(now);
  std::tm fields{};
  ::localtime_r(&time, &fields);
  return std::chrono::year(fields.tm_year + 1900) / (fields.tm_mon + 1) / fields.tm_mday;
}

}  // namespace

Result<Timestamp> parse_when(std::string_view text, Timestamp now) {
  Reader reader(text);
  if (const auto clock = reader.clock(); clock && reader.at_end()) {
    // A day on which the clocks change may have no such time.
    for (auto day = local_day(now), last = day + days(2); day <= last; day += days(1)) {
      if (const auto time = local_time(day, *clock); time && *time > now) return *time;
    }
  }
  reader = Reader(text);
  const auto date = reader.date();
  const auto clock = date && reader.take("T ") ? reader.clock() : std::nullopt;
  if (clock) {
    const auto zone = reader.zone();
    if (reader.at_end() && zone) {
      const auto time_of_day = hours(clock->hour) + minutes(clock->minute) + seconds(clock->second) + std::chrono::milliseconds(clock->millisecond);
      return Timestamp(std::chrono::sys_days(*date).time_since_epoch() + time_of_day - *zone);
    }
    if (reader.at_end()) {
      if (const auto time = local_time(*date, *clock)) return *time;
      return refuse(text, "there is no such local time: the clocks change then");
    }
  }
  return refuse(text, "allowed are HH:MM, the next one that comes, YYYY-MM-DDTHH:MM, local time, and RFC 3339 such as 2026-11-22T06:00:00Z");
}

}  // namespace zynclone::cli
