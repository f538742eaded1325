#pragma once
// What the kernel is asked to do with a shared volume: mount(2), syncfs(2), umount2(2), and who holds it. Directly, not by systemd-mount(1): a
// guest may have no systemd, and one that is there sees the mount all the same and has its unit for it. All of these block, for as long as the
// kernel likes; FilesystemMounter calls them on threads of their own.

#include <string>

#include "protocol/result.hpp"

namespace zynclone::agent {

struct VolumeMount {
  std::string device;       // /dev/xvds
  std::string mount_point;  // absolute; empty: hooks use the device
};

// What VolumeMounter's calls of these names say.
Result<bool> is_volume_mounted(const VolumeMount& volume);
// Without set-user-id programs and devices, which data has none of. What remains mounted there of a device that is gone is detached first.
Result<void> mount_volume(const VolumeMount& volume, const std::string& filesystem);
// Unmounts it, and if the device is held all the same, by another mount of it, mounts it again.
Result<void> unmount_volume(const VolumeMount& volume);

// Until all that was written to it so far is on the device, so that the unmounting after it is short. One that is not mounted has nothing.
Result<void> write_out_volume(const VolumeMount& volume);

}  // namespace zynclone::agent
