#pragma once
// What an agent must know of a shared volume after it was restarted: for which lease it was acquired or released last, and what was answered.
// Whether it is mounted is not kept but looked at. Real: agent::linux FileVolumeStore. Tests: FakeVolumeStore.

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/names.hpp"

namespace zynclone::agent {

enum class VolumeChange { release, acquire };
std::string_view to_string(VolumeChange change);

struct VolumeRecord {
  std::uint64_t token = 0;  // of the lease; the highest that this guest was told of the volume
  VolumeChange change = VolumeChange::acquire;
  bool is_done = false;      // false: it was begun for this token, and failed or was cut short
  std::string device;
  unsigned hooks = 0;        // of the answer
  bool was_mounted = false;  // of the answer to a release
  bool operator==(const VolumeRecord&) const = default;
};

// Lines of key=value. Errors of decode: malformed.
std::string encode_volume_record(const VolumeRecord& record);
Result<VolumeRecord> decode_volume_record(std::string_view text);

class VolumeStore {
 public:
  virtual ~VolumeStore() = default;
  // Must be there when it returns.
  virtual Result<void> save(const VolumeName& volume, const VolumeRecord& record) = 0;
  // nullopt: none. Errors: malformed, system.
  virtual Result<std::optional<VolumeRecord>> load(const VolumeName& volume) = 0;
  // Of all volumes.
  virtual Result<void> clear() = 0;
};

}  // namespace zynclone::agent
