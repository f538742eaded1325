#pragma once
// How full a thin pool is, asked of the kernel's device mapper directly (linux/dm-ioctl.h; Documentation/admin-guide/device-mapper/
// thin-provisioning.rst): the same figures as from `lvs`, in microseconds instead of a run of a program. Blocks that long.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace zynclone::broker::storage {

struct PoolUse {
  std::uint64_t data_size = 0;      // bytes, all four
  std::uint64_t data_used = 0;
  std::uint64_t metadata_size = 0;
  std::uint64_t metadata_used = 0;
  std::string mode;                 // rw; else ro, out_of_data_space, …
};

struct ThinVolumeStatus {
  std::uint64_t size = 0;           // bytes, as the guest sees it
  PoolUse pool;
};

// By the device mapper's name, such as vg0-pos1--root. nullopt where it cannot say: no such active device, it is not thin, or no right to ask.
std::optional<ThinVolumeStatus> ask_thin_volume(const std::string& mapper_name);

// The parameters of targets, as the kernel prints them.
std::optional<dev_t> parse_thin_table(std::string_view parameters);                       // "253:4 1"
std::optional<std::uint64_t> parse_thin_pool_table(std::string_view parameters);          // "253:2 253:3 128 0 …": bytes of a block
std::optional<PoolUse> parse_thin_pool_status(std::string_view parameters, std::uint64_t data_block);  // "1 330/3072 12/163840 - rw …"

}  // namespace zynclone::broker::storage
