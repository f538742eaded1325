#pragma once
// For a sandbox, where nothing may be mounted: in the mount point's folder a symbolic link of the volume's name, which leads to the device,
// stands for the mounted volume. A device is a file there, or a link to one. Says what it does.

#include <filesystem>

#include "guest-agent-core/volume_mounter.hpp"

namespace zynclone::agent {

class PretendedMounter final : public VolumeMounter {
 public:
  explicit PretendedMounter(std::filesystem::path devices) : devices_(std::move(devices)) {}

  std::string path_of(const std::string& device) override { return (devices_ / device).string(); }
  asio::awaitable<Result<void>> wait_for_device(std::string device, Deadline limit) override;
  asio::awaitable<Result<bool>> is_mounted(VolumePlace place) override;
  asio::awaitable<Result<void>> mount(VolumePlace place, std::string filesystem) override;
  // As a kernel would, refuses while a process has it open; here only one that may write: others may be the sandbox's own.
  asio::awaitable<Result<void>> unmount(VolumePlace place) override;

 private:
  std::filesystem::path devices_;
};

}  // namespace zynclone::agent
