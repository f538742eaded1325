#pragma once
// Tells a network that addresses are at another MAC, or at another port, from now on. Real: PacketAnnouncer. Sandbox: PretendedAnnouncer. Calls
// block, briefly, and belong into a thread pool, one at a time.

#include <string>
#include <vector>

#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::network {

struct Announcement {
  std::string interface;                // of the member that has the addresses now, at the backend
  std::string mac;                      // its own
  std::vector<std::string> addresses;   // IPv4 and IPv6, each of one machine
};

class Announcer {
 public:
  virtual ~Announcer() = default;

  // Sends one frame for each address (announcement_frames.hpp) to everyone on the bridge that the interface is on, but to the interface itself
  // and to those that get nothing by the rules `in_force`. Gives where, for people: "on xenbr0, 3 ports". Errors: not_found when there is no
  // such interface or it is on no bridge; invalid_argument; system.
  virtual Result<std::string> announce(const Announcement& announcement, const FilterState& in_force) = 0;
};

}  // namespace zynclone::broker::network
