#pragma once
// Small steps on image files, each synced before it returns, and the room that a file system has. All block; Qcow2 and RawFile run
// them in a thread pool.

#include <cstdint>
#include <optional>
#include <string>
#include <sys/stat.h>

#include "host-broker/storage/settings.hpp"
#include "protocol/result.hpp"

namespace zynclone::broker::storage {

// nullopt: not there. Errors: storage.
Result<std::optional<struct stat>> look_at_file(const std::string& path);

// A regular file. Errors: not_found; storage for block devices (only thin volumes can be copied) and everything else.
Result<struct stat> check_image_file(const std::string& path);

bool same_file(const std::optional<struct stat>& a, const std::optional<struct stat>& b);

// Whether at least `needed` bytes and the reserve are free where `folder` is. Errors: no_space with the figures; storage.
Result<void> check_free(const std::string& folder, std::uint64_t needed, const Share& reserve);

// Gives the file the owner and permissions of `model`, and syncs it.
Result<void> own_like(const std::string& path, const struct stat& model);

// Each syncs the folder of what it changes. `remove_image`: absent is no error.
Result<void> link_image(const std::string& from, const std::string& to);
Result<void> rename_image(const std::string& from, const std::string& to);
Result<void> remove_image(const std::string& path);

Error file_failure(std::string_view verb, const std::string& path, int number);

}  // namespace zynclone::broker::storage
