#pragma once
// Configuration that decides what root's programs do: it is read only when nobody but root (or the program's own user) could have
// written it.

#include <filesystem>
#include <string>
#include <sys/stat.h>

#include "protocol/result.hpp"

namespace zynclone {

// Errors: configuration when its owner is somebody else or its group or others may write it; the message says what to do.
Result<void> check_trusted(const std::filesystem::path& path, const struct stat& status);

// A regular file, whole. The check is made on the opened file, so that it cannot be exchanged in between. Errors: not_found, too_large,
// configuration, system.
Result<std::string> read_trusted_file(const std::filesystem::path& path, std::size_t most);

}  // namespace zynclone
