#pragma once
// The Ethernet frames by which a network learns at once which MAC an address is at now. Pure.

#include <string>
#include <string_view>

#include "protocol/result.hpp"

namespace zynclone::broker::network {

// Of an IPv4 address: an ARP announcement (RFC 5227, 2.3: a broadcast request, sender and target are the address). Of an IPv6 address: an
// unsolicited neighbour advertisement (RFC 4861, 7.2.6: to all nodes, with the override flag and the MAC as target). Both with the MAC as
// source, so that switches learn it too. Errors: invalid_argument for what is no MAC, or no address of one machine.
Result<std::string> announcement_frame(std::string_view mac, std::string_view address);

}  // namespace zynclone::broker::network
