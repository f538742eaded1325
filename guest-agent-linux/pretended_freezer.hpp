#pragma once
// For a sandbox, where no file system may be frozen: does everything but that, and says so.

#include "guest-agent-core/freezer.hpp"

namespace zynclone::agent {

class PretendedFreezer final : public Freezer {
 public:
  explicit PretendedFreezer(std::vector<std::string> mounts) : mounts_(std::move(mounts)) {}
  std::vector<std::string> mounts() override { return mounts_; }
  asio::awaitable<Result<void>> freeze(Deadline limit, Deadline longest) override;
  asio::awaitable<Result<Thaw>> thaw(std::vector<std::string> mounts) override;

 private:
  std::vector<std::string> mounts_;
  bool frozen_ = false;
};

}  // namespace zynclone::agent
