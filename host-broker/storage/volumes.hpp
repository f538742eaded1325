#pragma once
// All kinds of storage of a host as one: each request goes to the kind that its source's format names. Owns the kinds and the thread pools
// in which they block; destroy it before the io_context.

#include "host-broker/storage/lvm_thin.hpp"
#include "host-broker/storage/qcow2.hpp"
#include "host-broker/storage/raw_file.hpp"

namespace zynclone::broker::storage {

class Volumes final : public Storage {
 public:
  explicit Volumes(Settings settings);
  ~Volumes() override;

  asio::awaitable<Result<void>> check_room(Volume source, SourceUse use) override;
  asio::awaitable<Result<std::optional<Snapshot>>> find_snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<Snapshot>> snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<void>> remove(SnapshotRequest request) override;
  asio::awaitable<Result<std::uint64_t>> size_of(Volume volume) override;
  asio::awaitable<Result<Layers>> layers_of(Volume volume) override;

 private:
  Storage& kind_of(const Volume& volume);

  asio::thread_pool quick_;
  asio::thread_pool copying_;
  LvmThin lvm_thin_;
  Qcow2 qcow2_;
  RawFile raw_file_;
};

}  // namespace zynclone::broker::storage
