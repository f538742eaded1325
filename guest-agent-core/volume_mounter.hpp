#pragma once
// Mounts and unmounts shared volumes, and knows when their devices are there. Real: agent::linux FilesystemMounter. Sandbox:
// PretendedMounter. Tests: FakeVolumeMounter.

#include <string>

#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::agent {

// A shared volume as this guest has it.
struct VolumePlace {
  VolumeName volume;
  std::string device;       // a checked name: xvds
  std::string mount_point;  // an absolute path; empty: it is not mounted by the agent, its hooks use the device
};

class VolumeMounter {
 public:
  virtual ~VolumeMounter() = default;

  // Where hooks find the device: /dev/xvds.
  virtual std::string path_of(const std::string& device) = 0;

  // Until the device can be used; a moment after it was attached. Errors: timed_out; system.
  virtual asio::awaitable<Result<void>> wait_for_device(std::string device, Deadline limit) = 0;

  // Is the device mounted at its mount point, and there? What remains mounted of a device that is gone does not count. Errors: conflict when
  // something else is mounted there; system.
  virtual asio::awaitable<Result<bool>> is_mounted(VolumePlace place) = 0;

  // Makes the mount point's folder if it is missing. After any error it is not mounted, or will not be for long. Errors: conflict when the
  // device is mounted elsewhere; busy while an earlier call for it has not ended; timed_out; system.
  virtual asio::awaitable<Result<void>> mount(VolumePlace place, std::string filesystem) = 0;

  // Writes out and unmounts what is mounted at the mount point, and makes sure that nothing else holds the device any more. After an error it
  // is mounted as before. What is not mounted is no error. Errors: conflict, with who uses it; busy; timed_out; system.
  virtual asio::awaitable<Result<void>> unmount(VolumePlace place) = 0;
};

}  // namespace zynclone::agent
