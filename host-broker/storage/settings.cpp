#include "host-broker/storage/settings.hpp"

#include <algorithm>
#include <cstdio>

namespace zynclone::broker::storage {

std::uint64_t Share::of(std::uint64_t whole) const {
  if (!percent) return std::min(bytes, whole);
  // In two parts, as a product of the whole could overflow.
  return whole / 100 * *percent + (whole % 100 * *percent + 99) / 100;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= 1024 && unit < 4; ++unit) value /= 1024;
  char text[48];
  std::snprintf(text, sizeof text, value == static_cast<double>(static_cast<std::uint64_t>(value)) ? "%.0f %s" : "%.1f %s", value,
                units[unit]);
  return text;
}

}  // namespace zynclone::broker::storage
