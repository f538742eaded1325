#pragma once
// Which processes have a file open, as /proc says. QEMU's own image locks do not tell: its Xen disks run with locking off.

#include <string>

namespace zynclone::broker::storage {

struct FileUse {
  bool open = false;     // by any process that we may look at
  bool written = false;  // by any for writing
};

// By inode, so under whatever name it was opened. A file that is not there is not open.
FileUse file_use(const std::string& path);

}  // namespace zynclone::broker::storage
