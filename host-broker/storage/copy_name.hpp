#pragma once
// Checks of what callers give: the names of copies, and the paths of sources. Both go into argument vectors and file names.

#include <string>

#include "protocol/result.hpp"

namespace zynclone::broker::storage {

inline constexpr std::size_t k_longest_copy_name = 120;  // LVM's own limit is 127 (lvm(8)); ".base" and the like come behind

// [A-Za-z0-9][A-Za-z0-9._-]*. Errors: invalid_argument.
Result<void> check_copy_name(const std::string& name);

// Absolute, without "..", control characters or a trailing '/'. Errors: invalid_argument.
Result<void> check_path(const std::string& path);

// "/a/b/c" → "/a/b" and "c"; the path is absolute.
std::string folder_of(const std::string& path);
std::string file_name_of(const std::string& path);

}  // namespace zynclone::broker::storage
