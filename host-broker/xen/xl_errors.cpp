#include "host-broker/xen/xl_errors.hpp"

#include <algorithm>

#include "protocol/names.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::size_t k_most_lines = 3;
constexpr std::size_t k_longest_cause = 300;

// "libxl: error: libxl_device.c:455:libxl__device_disk_set_backend: Disk ..." becomes "Disk ...": where in libxl it was helps nobody here.
std::string_view without_place(std::string_view line) {
  constexpr std::string_view k_error = "libxl: error: ";
  if (!line.starts_with(k_error)) return line;
  line.remove_prefix(k_error.size());
  const auto place_end = line.find(": ");
  const bool has_place = place_end != line.npos && line.substr(0, place_end).find(".c:") != line.npos;
  return has_place ? line.substr(place_end + 2) : line;
}

bool is_warning(std::string_view line) { return line.starts_with("libxl: ") && !line.starts_with("libxl: error: "); }

}  // namespace

std::string cause_of_failure(std::string_view untrusted_errors) {
  std::string cause;
  for (std::size_t lines = 0; lines < k_most_lines && !untrusted_errors.empty();) {
    const auto line = untrusted_errors.substr(0, untrusted_errors.find('\n'));
    untrusted_errors.remove_prefix(std::min(line.size() + 1, untrusted_errors.size()));
    if (line.empty() || is_warning(line)) continue;
    cause += (lines++ == 0 ? "" : "; ") + printable(without_place(line).substr(0, k_longest_cause));
  }
  return cause;
}

}  // namespace zynclone::broker::xen
