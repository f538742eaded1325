#pragma once
// Patterns of policy: a checked name's letters and '*', which stands for any number of letters, also none. Pure.

#include <string_view>

namespace zynclone {

// In time proportional to the product of both lengths at worst; no recursion.
bool glob_matches(std::string_view pattern, std::string_view text);

// Does `wide` match everything that `narrow` matches? May say no although it does; never yes although it does not.
bool glob_covers(std::string_view wide, std::string_view narrow);

}  // namespace zynclone
