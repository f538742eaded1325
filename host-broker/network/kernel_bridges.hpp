#pragma once
// The IsolatedBridges of a real host: the kernel's own bridges, by rtnetlink(7), in the network namespace in which the calls are made. Needs
// CAP_NET_ADMIN. What it made stays after the process.

#include "host-broker/network/isolated_bridges.hpp"

namespace zynclone::broker::network {

class KernelBridges : public IsolatedBridges {
 public:
  Result<void> make(const std::string& bridge) override;
  Result<std::vector<std::string>> place(const std::vector<Placement>& placements) override;
  Result<std::vector<std::string>> tidy(const std::map<std::string, std::set<std::string>>& wanted) override;
};

}  // namespace zynclone::broker::network
