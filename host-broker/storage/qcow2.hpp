#pragma once
// Storage on qcow2 files: a copy is an overlay on the source's own file, made in constant time, and the source goes on in a new top layer
// under its old name (see qcow2_layers.hpp for how). Owned by Volumes; blocking steps run in its thread pool.

#include "host-broker/ports/storage.hpp"
#include "host-broker/storage/settings.hpp"

namespace zynclone::broker::storage {

class Qcow2 final : public Storage {
 public:
  Qcow2(Settings settings, asio::thread_pool& pool) : settings_(std::move(settings)), pool_(pool) {}

  asio::awaitable<Result<void>> check_room(Volume source, SourceUse use) override;
  asio::awaitable<Result<std::optional<Snapshot>>> find_snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<Snapshot>> snapshot(SnapshotRequest request) override;
  asio::awaitable<Result<void>> remove(SnapshotRequest request) override;
  asio::awaitable<Result<std::uint64_t>> size_of(Volume volume) override;
  asio::awaitable<Result<Layers>> layers_of(Volume volume) override;

 private:
  asio::awaitable<Result<Snapshot>> make(SnapshotRequest request);

  Settings settings_;
  asio::thread_pool& pool_;
};

}  // namespace zynclone::broker::storage
