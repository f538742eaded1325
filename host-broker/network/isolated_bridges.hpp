#pragma once
// The bridges of isolated networks, and which interfaces stand on which bridge. Real: KernelBridges. Sandbox: PretendedBridges. Calls block,
// briefly, and belong into a thread pool, one at a time.

#include <map>
#include <set>
#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::broker::network {

struct Placement {
  std::string interface;
  std::string bridge;
};

class IsolatedBridges {
 public:
  virtual ~IsolatedBridges() = default;

  // Makes the bridge, unless it is there: up, with no port and no address, without spanning tree and multicast snooping, and without an IPv6
  // link-local address of the host's. Errors: conflict when something else has its name; system.
  virtual Result<void> make(const std::string& bridge) = 0;

  // Moves interfaces, and their emulated twins ("-emu"), that stand elsewhere or nowhere; those that do not exist do not count. Gives what was
  // moved, for people. Errors: not_found when there is no such bridge; system.
  virtual Result<std::vector<std::string>> place(const std::vector<Placement>& placements) = 0;

  // Takes from each of these isolated bridges every port but the named ones and their twins, and removes all other isolated bridges (by their
  // names: ports/family.hpp) that have no port left. Gives what was done, for people. Errors: system.
  virtual Result<std::vector<std::string>> tidy(const std::map<std::string, std::set<std::string>>& wanted) = 0;
};

}  // namespace zynclone::broker::network
