#pragma once
// What an administrator may set about copies of volumes, with its defaults.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "system/async.hpp"

namespace zynclone::broker::storage {

// A part of something that must stay free: in percent, else in bytes.
struct Share {
  std::optional<unsigned> percent = {};
  std::uint64_t bytes = 0;
  std::uint64_t of(std::uint64_t whole) const;  // bytes, rounded up; as much as there is for whatever is more
};

// No copy is begun below these.
struct Reserve {
  Share pool_data = {.percent = 10};         // of a thin pool's data
  Share pool_metadata = {.percent = 10};     // of a thin pool's metadata; a pool that runs out of it can lose volumes
  Share files = {.bytes = 1ull << 30};       // of a file system that holds copies
};

struct Settings {
  Reserve reserve = {};
  std::string copy_folder = {};              // absolute; empty: each copy beside its source. A reflink needs the same file system
  Deadline tool_limit = std::chrono::seconds(60);  // of one run of lvs, lvcreate, lvremove, qemu-img
};

// "512 MiB", "3.5 GiB".
std::string bytes_text(std::uint64_t bytes);

}  // namespace zynclone::broker::storage
