#pragma once
// Freezes file systems by FIFREEZE and FITHAW (ioctl_fsfreeze; what fsfreeze(8) does). Both can take long in the kernel and cannot be
// interrupted, so a thread of its own freezes, holds and thaws; it thaws in time even if the agent's own thread hangs. One thread may call.
//
// Which file systems may be frozen: any mount point but those that hold what the agent writes to while it is frozen: its state folder, its
// socket, its log. It reads its program, hooks and libraries then, which works on a frozen file system; so `/` may be frozen where /run is
// a file system of its own, as under systemd, and is refused elsewhere.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "guest-agent-core/freezer.hpp"

namespace zynclone::agent {

// The two calls; give 0 or an error number. Tests put their own in place of the kernel's.
struct FreezeCalls {
  std::function<int(const std::string& mount)> freeze;
  std::function<int(const std::string& mount)> thaw;
};
FreezeCalls kernel_freeze_calls();

class FilesystemFreezer final : public Freezer {
 public:
  // `check` is asked for each mount point before anything is frozen (MountCheck).
  using Check = std::function<Result<void>(const std::string& mount)>;
  FilesystemFreezer(asio::any_io_executor executor, std::vector<std::string> mounts, Check check, FreezeCalls calls = kernel_freeze_calls());
  ~FilesystemFreezer() override;

  std::vector<std::string> mounts() override { return mounts_; }
  asio::awaitable<Result<void>> freeze(Deadline limit, Deadline longest) override;
  asio::awaitable<Result<Thaw>> thaw(std::vector<std::string> mounts) override;

 private:
  class Work;
  asio::awaitable<Result<void>> wait_frozen(std::shared_ptr<Work> work, Deadline limit);
  asio::awaitable<Result<Thaw>> wait_thawed(std::shared_ptr<Work> work);

  asio::any_io_executor executor_;
  std::vector<std::string> mounts_;  // in the order of freezing: inner before outer
  Check check_;
  FreezeCalls calls_;
  std::shared_ptr<Work> work_;       // the thread that freezes, holds or thaws; null: none
};

}  // namespace zynclone::agent
