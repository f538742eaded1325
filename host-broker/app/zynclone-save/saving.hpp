#pragma once
// One domain's memory is copied into a file while the domain runs on (PVH; a PV guest stands still meanwhile where Xen was built without shadow page
// tables); then it is held still, until the standard input ends. Blocks; one a process.

#include <cstdint>
#include <string>

#include "protocol/names.hpp"

namespace zynclone::broker {

// Writes to standard output, a line each: "percent <n>" while it copies, "suspended" when the domain stands still, "held <ms>" when the image is
// whole: the domain is paused, and has stood still for so long; main adds "error <text>" or "no-space <text>". When standard input ends, the domain
// goes on, at once also in the middle of the copying, which is given up then; so it is when less than `reserve` bytes are free where the image grows.
// The file must not be there yet. Errors: xen, system, cancelled, no_space; the domain runs then.
Result<void> save_and_hold(std::uint32_t domain, const std::string& file, std::uint64_t reserve);

}  // namespace zynclone::broker
