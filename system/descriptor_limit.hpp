#pragma once
// The limit on open descriptors of programs that hold some for each guest. Called once, by such a program's start.

#include "protocol/result.hpp"

namespace zynclone {

// Debian's soft limit of 1024 is for programs that use select(2), which we do not: 500 guests reach it in the broker, 200 in the
// sandbox. Raised to this, or to what the hard limit allows if that is less; never lowered. Programs started from here inherit it; it
// is low enough for those that try to close every descriptor they could have.
inline constexpr unsigned long k_wanted_descriptors = 16384;

// Errors: system.
Result<void> raise_descriptor_limit();

}  // namespace zynclone
