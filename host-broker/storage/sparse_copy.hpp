#pragma once
// Copies a file's bytes into another, holes as holes. Blocks for as long as that takes.

#include <atomic>
#include <functional>
#include <string>

#include "protocol/result.hpp"

namespace zynclone::broker::storage {

enum class CopyMethod { reflink, sparse };

struct CopyControl {
  const std::atomic<bool>& stop;                  // ends it between two chunks
  std::function<void(unsigned percent)> progress; // of the file's size; called when it has changed
};

// Makes the file `to`, which must not be there: by sharing blocks (FICLONE, ioctl_ficlone(2)) where the file system can, else by copying what
// is no hole. Synced, but not its folder. On an error `to` may be there in part. Errors: no_space, cancelled, storage.
Result<CopyMethod> copy_image(const std::string& from, const std::string& to, const CopyControl& control);

// Can files be cloned from `from` into `folder`? Tries it with a file without a name.
bool can_reflink(const std::string& from, const std::string& folder);

}  // namespace zynclone::broker::storage
