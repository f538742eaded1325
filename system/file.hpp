#pragma once
// Whole files: read with a limit, and written so that a crash leaves the old or the new, never a part.

#include <filesystem>
#include <string>
#include <sys/types.h>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone {

// Of a file in /sys: a page (sysfs(5)).
inline constexpr std::size_t k_longest_attribute = 4096;

// Errors: not_found, too_large (more than `most` bytes), system.
Result<std::string> read_file(const std::filesystem::path& path, std::size_t most);

// Temporary file in the same folder, write, fsync, rename, fsync of the folder.
Result<void> write_file_whole(const std::filesystem::path& path, std::string_view text, mode_t mode = 0640);

// Removes and syncs the folder; a file that is not there is no error.
Result<void> remove_file(const std::filesystem::path& path);

// Names of regular files in a folder, sorted; those that begin with '.' or end with '~' are left out. A folder that is not there is empty.
Result<std::vector<std::string>> list_files(const std::filesystem::path& folder);

}  // namespace zynclone
