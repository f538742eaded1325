#include "host-broker/storage/qcow2_header.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include "host-broker/storage/copy_name.hpp"
#include "protocol/names.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::storage {
namespace {

constexpr std::uint32_t k_magic = 0x514649fb;            // "QFI\xfb"
constexpr std::uint32_t k_longest_backing_name = 1023;   // by the specification
constexpr std::uint32_t k_most_l1_entries = 4'194'304;   // QEMU's own limit: a table of 32 MiB
constexpr std::size_t k_header_length = 80;              // up to and with the incompatible features of version 3
constexpr std::uint64_t k_corrupt_bit = 2;               // of the incompatible features

Error bad(const std::string& path, std::string_view cause) {
  return Error{Errc::storage, "cannot read '" + printable(path) + "' as qcow2: " + std::string(cause)};
}

std::uint64_t big_endian(const unsigned char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | bytes[i];
  return value;
}

// Exactly `count` bytes at `offset`; false when the file has fewer.
bool read_at(int file, void* into, std::size_t count, std::uint64_t offset) {
  auto* bytes = static_cast<unsigned char*>(into);
  while (count > 0) {
    const ssize_t got = ::pread(file, bytes, count, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    bytes += got;
    offset += static_cast<std::uint64_t>(got);
    count -= static_cast<std::size_t>(got);
  }
  return true;
}

Result<std::string> read_backing(int file, const std::string& path, const unsigned char* header) {
  const std::uint64_t offset = big_endian(header + 8, 8);
  const auto length = static_cast<std::uint32_t>(big_endian(header + 16, 4));
  if (offset == 0 || length == 0) return std::string();
  if (length > k_longest_backing_name) return bad(path, "the name of its backing file is too long");
  std::string name(length, '\0');
  if (!read_at(file, name.data(), length, offset)) return bad(path, "it is cut short");
  if (name.starts_with('/')) return name;
  return folder_of(path) + "/" + name;
}

// The L1 table has an entry for each table of clusters that exists; all zero in a fresh overlay. What a guest wrote and gave back again
// counts as written, which is on the safe side.
Result<bool> l1_is_empty(int file, const std::string& path, const unsigned char* header) {
  const auto entries = static_cast<std::uint32_t>(big_endian(header + 36, 4));
  std::uint64_t offset = big_endian(header + 40, 8);
  if (entries > k_most_l1_entries) return bad(path, "its first table is too large");
  std::array<unsigned char, 8192> part{};
  for (std::uint64_t left = std::uint64_t{entries} * 8; left > 0;) {
    const std::size_t count = static_cast<std::size_t>(std::min<std::uint64_t>(left, part.size()));
    if (!read_at(file, part.data(), count, offset)) return bad(path, "it is cut short");
    for (std::size_t i = 0; i < count; ++i)
      if (part[i] != 0) return false;
    left -= count;
    offset += count;
  }
  return true;
}

}  // namespace

Result<Qcow2Header> read_qcow2_header(const std::string& path) {
  TRY(check_path(path));
  // Non-blocking, so that a FIFO of this name holds up nobody.
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) {
    const Errc code = errno == ENOENT || errno == ENOTDIR ? Errc::not_found : Errc::storage;
    return fail(code, "cannot read '" + printable(path) + "': " + std::strerror(errno));
  }
  std::array<unsigned char, k_header_length> header{};
  if (!read_at(file.get(), header.data(), header.size(), 0)) return bad(path, "it is too short");
  if (big_endian(header.data(), 4) != k_magic) return bad(path, "it does not begin as one");
  const std::uint64_t version = big_endian(header.data() + 4, 4);
  if (version != 2 && version != 3) return bad(path, "its version is " + std::to_string(version) + ", and 2 and 3 are known");

  Qcow2Header result;
  result.size = big_endian(header.data() + 24, 8);
  result.encrypted = big_endian(header.data() + 32, 4) != 0;
  result.corrupt = version == 3 && (big_endian(header.data() + 72, 8) & k_corrupt_bit) != 0;
  TRY(result.backing, read_backing(file.get(), path, header.data()));
  TRY(result.nothing_written, l1_is_empty(file.get(), path, header.data()));
  const bool has_snapshots = big_endian(header.data() + 60, 4) != 0;
  result.nothing_written = result.nothing_written && !has_snapshots;
  return result;
}

}  // namespace zynclone::broker::storage
