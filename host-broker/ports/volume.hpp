#pragma once
// Where the bytes of a disk are.

#include <compare>
#include <string>
#include <string_view>

#include "protocol/names.hpp"

namespace zynclone::broker {

enum class VolumeFormat { lvm_thin, qcow2, raw };
std::string_view to_string(VolumeFormat format);  // lvm-thin, qcow2, raw
Result<VolumeFormat> parse_volume_format(std::string_view text);

struct Volume {
  VolumeFormat format = VolumeFormat::raw;
  std::string path;  // absolute: /dev/vg0/pos1-root, /var/lib/xen/images/pos1.qcow2
  auto operator<=>(const Volume&) const = default;
};

}  // namespace zynclone::broker
