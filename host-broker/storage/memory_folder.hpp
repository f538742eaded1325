#pragma once
// The folder of memory images: 0700, each image a file 0600 named after the operation that it is for. Blocks, briefly.

#include <string>
#include <vector>

#include "host-broker/storage/settings.hpp"
#include "protocol/result.hpp"

namespace zynclone::broker::storage {

class MemoryFolder {
 public:
  MemoryFolder(std::string folder, Share reserve) : folder_(std::move(folder)), reserve_(reserve) {}

  // Made where it is not there; whatever its mode was, only its owner may enter it afterwards. Errors: storage.
  Result<void> prepare() const;
  // Errors: no_space with the figures, storage.
  Result<void> check_room(std::uint64_t memory) const;
  // Bytes of its file system that must stay free, however large an image grows. Errors: storage.
  Result<std::uint64_t> reserve() const;
  std::string file_of(const std::string& image) const { return folder_ + '/' + image + ".image"; }
  // Absent is no error. Errors: storage.
  Result<void> remove(const std::string& image) const;
  Result<std::vector<std::string>> images() const;

 private:
  std::string folder_;
  Share reserve_;
};

}  // namespace zynclone::broker::storage
