#pragma once
// Storage on LVM thin pools (lvmthin(7)): a copy is a thin snapshot, made in constant time, in the source's own pool. Copies carry the
// tag `zynclone`; a volume without it is never taken for a copy nor removed. Owned by Volumes.

#include "host-broker/ports/storage.hpp"
#include "host-broker/storage/dm_status.hpp"
#include "host-broker/storage/lvm_report.hpp"
#include "host-broker/storage/settings.hpp"

namespace zynclone::broker::storage {

class LvmThin final : public Storage {
 public:
  explicit LvmThin(Settings settings) : settings_(std::move(settings)) {}

  asio::awaitable<Result<void>> check_room(Volume source, SourceUse use) override;
  asio::awaitable<Result<std::optional<Snapshot>>> find_snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<Snapshot>> snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<void>> remove(SnapshotRequest request) override;
  asio::awaitable<Result<std::uint64_t>> size_of(Volume volume) override;

 private:
  struct Group {
    VolumeName source;
    std::vector<LogicalVolume> volumes;
    const LogicalVolume* find(const std::string& name) const;
  };
  asio::awaitable<Result<Group>> read_group(std::string path);
  asio::awaitable<Result<std::string>> run_tool(std::vector<std::string> arguments);
  asio::awaitable<Result<Snapshot>> make(VolumeName source, SnapshotRequest request, std::uint64_t size);
  asio::awaitable<Result<Snapshot>> take_up(SnapshotRequest request);
  Result<void> check_pool(const Group& group) const;
  Result<void> check_use(const std::string& pool, const PoolUse& use) const;

  Settings settings_;
};

}  // namespace zynclone::broker::storage
