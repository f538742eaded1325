#pragma once
// Storage on raw image files: a copy shares its source's blocks where the file system can (reflink), else what is no hole is copied, which
// takes its time. Written under a temporary name and renamed when whole. Owned by Volumes; copies run in its thread pools.

#include <atomic>
#include <memory>

#include "host-broker/ports/storage.hpp"
#include "host-broker/storage/settings.hpp"

namespace zynclone::broker::storage {

class RawFile final : public Storage {
 public:
  RawFile(Settings settings, asio::thread_pool& quick, asio::thread_pool& copying);
  ~RawFile() override;  // stops copies that still run

  asio::awaitable<Result<void>> check_room(Volume source, SourceUse use) override;
  asio::awaitable<Result<std::optional<Snapshot>>> find_snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<Snapshot>> snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<void>> remove(SnapshotRequest request) override;
  asio::awaitable<Result<std::uint64_t>> size_of(Volume volume) override;

 private:
  Settings settings_;
  asio::thread_pool& quick_;    // steps of milliseconds, which no long copy may hold up
  asio::thread_pool& copying_;
  std::shared_ptr<std::atomic<bool>> stop_ = std::make_shared<std::atomic<bool>>(false);
};

}  // namespace zynclone::broker::storage
