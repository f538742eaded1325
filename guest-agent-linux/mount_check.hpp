#pragma once
// May this be frozen? It must be a mount point (FIFREEZE on any folder freezes the whole file system that it is on), and hold nothing that
// the agent writes to until the thaw.

#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::agent {

class MountCheck {
 public:
  // Files and folders that the agent needs to write to; those that are not there yet count for the folder above.
  explicit MountCheck(std::vector<std::string> needed) : needed_(std::move(needed)) {}
  // Errors: configuration.
  Result<void> operator()(const std::string& mount) const;

 private:
  std::vector<std::string> needed_;
};

}  // namespace zynclone::agent
