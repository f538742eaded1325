#pragma once
// The kernel's bridges, asked and told by rtnetlink(7) in the network namespace of the calling thread: which ports a bridge has, where it
// believes a MAC to be, and where this host itself does. Needs CAP_NET_ADMIN. Internal to network/.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::broker::network {

struct BridgePort {
  std::string name;
  int index = 0;
  int bridge = 0;          // its bridge's index
  bool forwards = false;   // spanning tree lets it, and it is up
};

// Of all bridges. Errors: system.
Result<std::vector<BridgePort>> bridge_ports();

// Of the bridge with this index; "a bridge that is gone" where there is none.
std::string bridge_name(int index);

// The bridge sends frames for this MAC to this port from now on, until it learns better; where the port cannot forward yet, to everyone (for
// this, `others` are the bridge's other ports).
Result<void> move_forwarding(const BridgePort& port, std::string_view mac, const std::vector<BridgePort>& others);

// Where this host knows the address on the bridge with this index as a neighbour, it knows it by this MAC from now on.
Result<void> correct_neighbour(int bridge, std::string_view address, std::string_view mac);

}  // namespace zynclone::broker::network
