#pragma once
// The Announcer of a real host: raw frames (packet(7)) out of the ports of the bridge, in the network namespace in which the calls are made.
// Needs CAP_NET_RAW, and CAP_NET_ADMIN to tell the bridge, too.

#include "host-broker/network/announcer.hpp"

namespace zynclone::broker::network {

// Not out of the bridge's own interface, which would be simpler: the frames would then come to the member itself as well, and a neighbour
// advertisement of an address that it is just testing (RFC 4862, duplicate address detection) makes it give the address up.
class PacketAnnouncer : public Announcer {
 public:
  Result<std::string> announce(const Announcement& announcement, const FilterState& in_force) override;
};

}  // namespace zynclone::broker::network
