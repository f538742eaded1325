#pragma once
// A second line, where frames come in from a guest: the table `netdev zynclone`, one chain for each restricted interface that is there. A
// bridge takes frames to 01:80:c2:00:00:0x (spanning tree, LLDP) past its filter, hands them to the host and learns their
// source MAC, with which a silent guest could draw another's traffic to itself; and an interface on no bridge has no bridge filter. Pure.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::network {

// Restricted interfaces by name: disabled ones, and held ones as if they were, and locked ones.
using Guarded = std::map<std::string, protocol::VifMode>;

// Which of the interfaces that are there must be guarded in this state. `state` must be `checked`.
Guarded guarded_interfaces(const FilterState& state, const std::vector<std::string>& present);

// The table as nft lists it (nft 1.0.6); empty text when nothing is guarded. What is locked loses frames to those groups, what is
// disabled all frames.
std::string ingress_text(const Guarded& guarded);

// One transaction that makes the table so, or removes it. It fails when one of the interfaces is not there.
std::string ingress_transaction_text(const Guarded& guarded);

// Is this the table of these interfaces? An empty listing: there is no table.
bool is_ingress_table(std::string_view untrusted_listing, const Guarded& guarded);

}  // namespace zynclone::broker::network
