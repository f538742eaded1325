#pragma once
// Point-in-time copies of volumes. Real: storage::LvmThin, storage::Qcow2, storage::RawFile behind storage::Volumes, which picks
// by format. Tests: FakeStorage.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "host-broker/ports/volume.hpp"
#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

enum class SourceUse { idle, in_use };  // does a running domain write to the source?

struct SnapshotRequest {
  Volume source;
  std::string name;             // of the copy: letters of a checked name; derives from the operation's id
  SourceUse use = SourceUse::idle;
  std::function<void(unsigned percent)> progress = {};  // called on the caller's thread now and then, where copying takes its time
};

struct Snapshot {
  Volume volume;
  std::string kind;             // for people: thin, overlay, reflink, sparse copy
  std::uint64_t size = 0;       // bytes, as the guest sees it
  bool source_needs_switch = false;  // a qcow2 source in use got a new top layer: Toolstack::switch_layer must follow
};

class Storage {
 public:
  virtual ~Storage() = default;

  // Can a copy be made, and is there room for it beside the configured reserve (thin pool: data and metadata; file system: free space)?
  // Errors: no_space with the figures; not_found; storage; conflict when no copy of one instant can be made of a source in use.
  virtual asio::awaitable<Result<void>> check_room(Volume source, SourceUse use) = 0;

  // The copy with this name if an earlier call made it whole, else nullopt. Errors: storage.
  virtual asio::awaitable<Result<std::optional<Snapshot>>> find_snapshot(SnapshotRequest request) = 0;

  // Makes the copy; one that is there already (find_snapshot) is the answer again. Errors: those of check_room; nothing of the copy is
  // left then.
  virtual asio::awaitable<Result<Snapshot>> snapshot(SnapshotRequest request) = 0;

  // Removes a copy, also one that is only partly there. Absent is no error.
  virtual asio::awaitable<Result<void>> remove(SnapshotRequest request) = 0;

  // Errors: not_found, storage.
  virtual asio::awaitable<Result<std::uint64_t>> size_of(Volume volume) = 0;

  // On how many layers a volume stands that copies have left under it, and how many there may be before no more copy of it is made; 0 of 0
  // where copies leave none. Errors: not_found, storage.
  struct Layers {
    unsigned count = 0;
    unsigned most = 0;
  };
  virtual asio::awaitable<Result<Layers>> layers_of(Volume) { co_return Layers{}; }
};

}  // namespace zynclone::broker
