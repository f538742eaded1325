#pragma once
// The ports of a clone's own SPICE display. An original's are fixed in its configuration, so that its clone would find them taken; libxl
// looks for no free one, as it does for VNC. Only an HVM guest's device model has SPICE; xl ignores its settings for PV and PVH.

#include <functional>
#include <optional>

#include "host-broker/xen/xl_config.hpp"

namespace zynclone::broker::xen {

// Both ends count.
struct PortRange {
  unsigned first = 0;
  unsigned last = 0;
  friend bool operator==(const PortRange&, const PortRange&) = default;
};

// 0: the original has none of this kind either.
struct SpicePorts {
  unsigned plain = 0;
  unsigned tls = 0;
  friend bool operator==(const SpicePorts&, const SpicePorts&) = default;
};

// Distinct free ports of the range, never the original's own, the same for a clone each time as long as they are free; none where the original
// has no SPICE display. Errors: conflict when too few of the range are free.
Result<std::optional<SpicePorts>> choose_spice_ports(const XlConfig& original, const Uuid& clone, PortRange range,
                                                     const std::function<bool(unsigned port)>& is_free);

// Could a server listen at this port of this host, at every address?
bool is_port_free(unsigned port);

}  // namespace zynclone::broker::xen
