#include "host-broker/ports/volume.hpp"

namespace zynclone::broker {

std::string_view to_string(VolumeFormat format) {
  switch (format) {
    case VolumeFormat::lvm_thin: return "lvm-thin";
    case VolumeFormat::qcow2: return "qcow2";
    case VolumeFormat::raw: return "raw";
  }
  return "raw";
}

Result<VolumeFormat> parse_volume_format(std::string_view text) {
  for (auto format : {VolumeFormat::lvm_thin, VolumeFormat::qcow2, VolumeFormat::raw}) {
    if (text == to_string(format)) return format;
  }
  return fail(Errc::invalid_argument,
              "cannot use volume format '" + printable(text) + "': allowed are lvm-thin, qcow2, raw");
}

}  // namespace zynclone::broker
