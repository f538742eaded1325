#pragma once
// Sizes for people.

#include <cstdint>
#include <string>

namespace zynclone {

// "1 GiB", "1.5 MiB", "17 bytes".
std::string size_text(std::uint64_t bytes);

}  // namespace zynclone
