#pragma once
// The header of a qcow2 file, read directly (QEMU, docs/interop/qcow2.txt): a copy has to look at several, and a run of `qemu-img info`
// for each would take longer than the copy itself.

#include <cstdint>
#include <string>

#include "protocol/result.hpp"

namespace zynclone::broker::storage {

struct Qcow2Header {
  std::uint64_t size = 0;       // bytes, as the guest sees it
  std::string backing;          // absolute path, also where the file says it relative to itself; empty: none
  bool encrypted = false;
  bool corrupt = false;         // as QEMU itself marked it
  bool nothing_written = false; // not one cluster is allocated: all that is read comes from the backing file
};

// Errors: not_found; storage for what is no qcow2 file of version 2 or 3, or whose header is out of its own bounds.
Result<Qcow2Header> read_qcow2_header(const std::string& path);

}  // namespace zynclone::broker::storage
