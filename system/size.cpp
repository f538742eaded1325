#include "system/size.hpp"

#include <array>
#include <cmath>
#include <cstdio>

namespace zynclone {

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array k_units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.95 KiB would read "1024.0 KiB".
  for (; unit + 1 < k_units.size() && value >= (unit == 0 ? 1024.0 : 1023.95); ++unit) value /= 1024;
  std::array<char, 32> text;
  const double rounded = std::round(value * 10) / 10;
  std::snprintf(text.data(), text.size(), rounded == std::floor(rounded) ? "%.0f %s" : "%.1f %s", rounded, k_units[unit]);
  return text.data();
}

}  // namespace zynclone
