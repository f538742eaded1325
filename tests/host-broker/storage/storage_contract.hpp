#pragma once
// What every Storage must do, told by one set of tests (storage_contract_test.cpp) that runs on each of them.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/storage.hpp"

namespace zynclone::tests {

// A storage with one source in it, and a way to the bytes of its volumes.
class StorageUnderTest {
 public:
  virtual ~StorageUnderTest() = default;
  virtual broker::Storage& storage() = 0;
  virtual broker::Volume source() = 0;        // of 64 MiB
  virtual broker::Volume missing() = 0;       // of the same kind, but not there
  // Fills the volume's first 64 KiB with a byte, as its VM would, and reads it there; nullopt when there are no bytes to look at.
  virtual void write(const broker::Volume& volume, unsigned char byte) = 0;
  virtual std::optional<unsigned char> read(const broker::Volume& volume) = 0;
};

struct StorageKind {
  std::string name;
  std::unique_ptr<StorageUnderTest> (*make)();
  const char* (*missing)() = [] { return static_cast<const char*>(nullptr); };  // why it cannot be tested here, or null
};

// fake, qcow2, raw, LVM with its tools faked, LVM itself.
const std::vector<StorageKind>& storage_kinds();

}  // namespace zynclone::tests
