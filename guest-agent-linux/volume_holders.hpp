#pragma once
// Who holds a shared volume's device or its file system: for the decision that it is free, and for error messages.

#include <string>

#include "guest-agent-linux/mount_table.hpp"

namespace zynclone::agent {

// Is this mount of this device? Also where the device is gone, or the file system, as btrfs, has a device number of its own.
bool is_of_device(const MountEntry& entry, const std::string& device);

// Does anything in the kernel hold the device for itself: a mount in any mount namespace, LVM, a swap? open(2): O_EXCL on a block device. One
// that is not there is held by nobody: what remains mounted of it is no way to it. Errors: system when that cannot be told.
Result<bool> is_claimed(const std::string& device);

// "it is mounted at '/mnt/x', in the mount namespace of 1234 (postgres)": where the device is mounted, and which open files keep it.
std::string describe_holders(const std::string& device);

// "it is used by 1234 (pos); mounted on it is '/srv/sales/sub'"
std::string describe_users(const std::string& mount_point);

}  // namespace zynclone::agent
