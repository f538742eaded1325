#include "host-broker/storage/volumes.hpp"

namespace zynclone::broker::storage {

Volumes::Volumes(Settings settings)
    : quick_(2), copying_(2), lvm_thin_(settings), qcow2_(settings, quick_), raw_file_(settings, quick_, copying_) {}

Volumes::~Volumes() = default;

Storage& Volumes::kind_of(const Volume& volume) {
  switch (volume.format) {
    case VolumeFormat::lvm_thin: return lvm_thin_;
    case VolumeFormat::qcow2: return qcow2_;
    case VolumeFormat::raw: return raw_file_;
  }
  return raw_file_;
}

asio::awaitable<Result<void>> Volumes::check_room(Volume source, SourceUse use) { return kind_of(source).check_room(source, use); }

asio::awaitable<Result<std::optional<Snapshot>>> Volumes::find_snapshot(SnapshotRequest request) {
  return kind_of(request.source).find_snapshot(request);
}

asio::awaitable<Result<Snapshot>> Volumes::snapshot(SnapshotRequest request) { return kind_of(request.source).snapshot(request); }

asio::awaitable<Result<void>> Volumes::remove(SnapshotRequest request) { return kind_of(request.source).remove(request); }

asio::awaitable<Result<std::uint64_t>> Volumes::size_of(Volume volume) { return kind_of(volume).size_of(volume); }

asio::awaitable<Result<Storage::Layers>> Volumes::layers_of(Volume volume) { return kind_of(volume).layers_of(volume); }

}  // namespace zynclone::broker::storage
