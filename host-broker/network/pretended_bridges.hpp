#pragma once
// The IsolatedBridges of the sandbox: writes which interfaces would stand on which bridge to a file, which the sandbox and tests read, one
// line a bridge: `<bridge> <interface> <interface> ...`. There are no frames and so nothing that could leave it.

#include <filesystem>

#include "host-broker/network/isolated_bridges.hpp"

namespace zynclone::broker::network {

class PretendedBridges : public IsolatedBridges {
 public:
  explicit PretendedBridges(std::filesystem::path file) : file_(std::move(file)) {}
  Result<void> make(const std::string& bridge) override;
  Result<std::vector<std::string>> place(const std::vector<Placement>& placements) override;
  Result<std::vector<std::string>> tidy(const std::map<std::string, std::set<std::string>>& wanted) override;

 private:
  using Bridges = std::map<std::string, std::set<std::string>>;
  Result<Bridges> read() const;
  Result<void> write(const Bridges& before, const Bridges& after) const;

  std::filesystem::path file_;
};

}  // namespace zynclone::broker::network
