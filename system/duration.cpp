#include "system/duration.hpp"

#include <cstdio>

#include <array>
#include <charconv>

#include "protocol/names.hpp"

namespace zynclone {
namespace {

struct Unit {
  std::string_view name;
  std::chrono::milliseconds length;
};

// The longest first, as format_duration tries them.
constexpr std::array<Unit, 5> k_units{{
    {"d", std::chrono::hours(24)},
    {"h", std::chrono::hours(1)},
    {"m", std::chrono::minutes(1)},
    {"s", std::chrono::seconds(1)},
    {"ms", std::chrono::milliseconds(1)},
}};

constexpr std::chrono::milliseconds k_longest = std::chrono::hours(24) * 3650;

auto refuse(std::string_view text, std::string_view cause) {
  return fail(Errc::invalid_argument, "cannot read duration '" + printable(text) + "': " + std::string(cause));
}

}  // namespace

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range) return refuse(text, "at most 3650d is allowed");
  if (error != std::errc()) return refuse(text, "a whole number and a unit of ms, s, m, h, d is allowed, such as 10s");

  const std::string_view name = text.substr(static_cast<std::size_t>(end - text.data()));
  for (const Unit& unit : k_units) {
    if (name != unit.name) continue;
    if (number > static_cast<std::uint64_t>(k_longest / unit.length)) return refuse(text, "at most 3650d is allowed");
    return unit.length * static_cast<std::chrono::milliseconds::rep>(number);
  }
  return refuse(text, name.empty() ? "the unit is missing: ms, s, m, h, d are allowed, such as 10s"
                                   : "allowed units are ms, s, m, h, d");
}

std::string format_duration(std::chrono::milliseconds time) {
  if (time.count() <= 0) return "0s";
  for (const Unit& unit : k_units) {
    if (time % unit.length == std::chrono::milliseconds(0)) {
      return std::to_string(time / unit.length) + std::string(unit.name);
    }
  }
  return std::to_string(time.count()) + "ms";
}

std::string seconds_text(std::chrono::milliseconds time) {
  const double seconds = static_cast<double>(time.count()) / 1000;
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), seconds < 0.1 ? "%.3f s" : "%.1f s", seconds);
  return text.data();
}

}  // namespace zynclone
