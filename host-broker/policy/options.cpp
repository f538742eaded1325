#include <algorithm>
#include <array>
#include <charconv>
#include <map>

#include "host-broker/policy/rule_parser.hpp"
#include "system/duration.hpp"
#include "system/key_value.hpp"

namespace zynclone::broker::policy {
namespace {

constexpr std::array<std::string_view, 7> k_days = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

constexpr std::chrono::milliseconds k_longest_timeout = std::chrono::hours(24) * 7;

std::optional<unsigned> read_number(std::string_view text, unsigned least, unsigned most) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < least || number > most) return std::nullopt;
  return number;
}

auto refuse(std::string_view name, std::string_view value, std::string_view allowed) {
  return fail(Errc::configuration, "cannot use " + std::string(name) + " '" + printable(value) + "': " + std::string(allowed));
}

// HH:MM, two digits each; 24:00 only as an end.
std::optional<unsigned> read_minute(std::string_view text, unsigned most) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const auto hour = read_number(text.substr(0, 2), 0, 24);
  const auto minute = read_number(text.substr(3), 0, 59);
  if (!hour || !minute || *hour * 60 + *minute > most) return std::nullopt;
  return *hour * 60 + *minute;
}

Result<void> read_clones(std::string_view value, Options& options) {
  options.clones = read_number(value, 1, 1000);
  if (!options.clones) return refuse("clones", value, "a number from 1 to 1000 is allowed");
  return outcome::success();
}

Result<void> read_rate(std::string_view value, Options& options) {
  static const std::map<std::string_view, std::chrono::milliseconds> windows = {
      {"m", std::chrono::minutes(1)}, {"h", std::chrono::hours(1)}, {"d", std::chrono::hours(24)}};
  const std::size_t slash = value.find('/');
  const auto count = read_number(value.substr(0, slash), 1, 10'000);
  const auto window = windows.find(slash == std::string_view::npos ? "" : value.substr(slash + 1));
  if (!count || window == windows.end()) {
    return refuse("rate", value, "a number from 1 to 10000 and a unit of /m, /h, /d is allowed, such as 6/h");
  }
  options.rate = Rate{*count, window->second};
  return outcome::success();
}

Result<void> read_approvers(std::string_view value, Options& options) {
  options.approvers = read_number(value, 1, 10);
  if (!options.approvers) return refuse("approvers", value, "a number from 1 to 10 is allowed");
  return outcome::success();
}

Result<void> read_timeout(std::string_view value, Options& options) {
  auto time = parse_duration(value);
  if (!time || time.value() < std::chrono::seconds(1) || time.value() > k_longest_timeout) {
    return refuse("timeout", value, "a duration from 1s to 7d is allowed, such as 15m");
  }
  options.timeout = time.value();
  return outcome::success();
}

Result<void> read_hours(std::string_view value, Options& options) {
  constexpr std::string_view k_allowed = "HH:MM-HH:MM is allowed, several with ',' between them, such as 06:00-22:00";
  auto ranges = split_list(value);
  if (!ranges || ranges.value().empty()) return refuse("hours", value, k_allowed);
  for (const std::string& range : ranges.value()) {
    const auto from = read_minute(std::string_view(range).substr(0, 5), 23 * 60 + 59);
    const auto to = range.size() == 11 && range[5] == '-' ? read_minute(std::string_view(range).substr(6), 24 * 60) : std::nullopt;
    if (!from || !to) return refuse("hours", value, k_allowed);
    if (*from == *to) return refuse("hours", value, "a range must not end where it begins");
    options.hours.push_back({*from, *to});
  }
  return outcome::success();
}

Result<void> read_days(std::string_view value, Options& options) {
  constexpr std::string_view k_allowed = "mon, tue, wed, thu, fri, sat, sun and ranges of them are allowed, such as mon-fri,sun";
  const auto day_number = [](std::string_view day) -> std::optional<std::size_t> {
    const auto found = std::find(k_days.begin(), k_days.end(), day);
    if (found == k_days.end()) return std::nullopt;
    return static_cast<std::size_t>(found - k_days.begin());
  };
  auto ranges = split_list(value);
  if (!ranges || ranges.value().empty()) return refuse("days", value, k_allowed);
  for (const std::string& range : ranges.value()) {
    const std::size_t dash = range.find('-');
    const auto first = day_number(std::string_view(range).substr(0, dash));
    const auto last = dash == std::string::npos ? first : day_number(std::string_view(range).substr(dash + 1));
    if (!first || !last) return refuse("days", value, k_allowed);
    for (std::size_t day = *first;; day = (day + 1) % 7) {  // fri-mon goes over the week's end
      options.days.set(day);
      if (day == *last) break;
    }
  }
  return outcome::success();
}

using Reader = Result<void> (*)(std::string_view value, Options& options);

const std::vector<std::pair<std::string, Reader>>& readers() {
  static const std::vector<std::pair<std::string, Reader>> list = {{"clones", read_clones},       {"rate", read_rate},
                                                                   {"approvers", read_approvers}, {"timeout", read_timeout},
                                                                   {"hours", read_hours},         {"days", read_days}};
  return list;
}

}  // namespace

Result<void> parse_option(std::string_view word, Options& options, std::vector<std::string>& seen) {
  const std::size_t equals = word.find('=');
  const std::string name(word.substr(0, equals));
  std::vector<std::string> names;
  for (const auto& [known, reader] : readers()) {
    names.push_back(known);
    if (name != known) continue;
    if (equals == std::string_view::npos) {
      return fail(Errc::configuration, "cannot use option '" + name + "': its value is missing (" + name + "=…)");
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      return fail(Errc::configuration, "cannot use option '" + name + "' twice in one rule");
    }
    seen.push_back(name);
    return reader(word.substr(equals + 1), options);
  }
  return fail(Errc::configuration, "cannot use option '" + printable(name) + "': " + allowed_words(name, names));
}

}  // namespace zynclone::broker::policy
