#pragma once
// Mounts shared volumes for real, seen by the whole guest. Each call has a thread of its own for as long as the kernel takes; the next one for
// the same device is refused until then, so that nothing is mounted twice.

#include <filesystem>
#include <memory>
#include <set>

#include "guest-agent-core/volume_mounter.hpp"

namespace zynclone::agent {

class FilesystemMounter final : public VolumeMounter {
 public:
  // `limit`: of a mount, which may have to replay a journal, and of writing out before an unmount.
  FilesystemMounter(std::filesystem::path devices, Deadline limit) : devices_(std::move(devices)), limit_(limit) {}

  std::string path_of(const std::string& device) override { return (devices_ / device).string(); }
  asio::awaitable<Result<void>> wait_for_device(std::string device, Deadline limit) override;
  asio::awaitable<Result<bool>> is_mounted(VolumePlace place) override;
  // One that takes longer than the limit is unmounted when it is done.
  asio::awaitable<Result<void>> mount(VolumePlace place, std::string filesystem) override;
  asio::awaitable<Result<void>> unmount(VolumePlace place) override;

 private:
  using Devices = std::set<std::string>;
  asio::awaitable<Result<void>> call_kernel(std::string device, std::function<Result<void>()> work, std::function<void()> undo_if_late,
                                            Deadline limit, std::string what);

  std::filesystem::path devices_;
  Deadline limit_;
  std::shared_ptr<Devices> in_work_ = std::make_shared<Devices>();  // with the calls, which may outlive this
};

}  // namespace zynclone::agent
