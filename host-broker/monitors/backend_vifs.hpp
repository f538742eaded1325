#pragma once
// The network interfaces of domains whose backend is one domain, as the toolstack set them up in XenStore.

#include <optional>
#include <string>
#include <vector>

#include "host-broker/xen/lockdown/domains.hpp"

namespace zynclone::broker::monitors {

// One below /local/domain/<backend>/backend/vif/<domain>/<device>.
struct BackendVif {
  DomainId domain;
  unsigned device = 0;
  std::string renamed;                // `vifname`; empty: none
  std::string mac;                    // empty: unknown
  std::optional<Uuid> vm;             // only domain 0 may ask whose domain it is

  std::string kernel_name() const { return "vif" + std::to_string(domain.value) + "." + std::to_string(device); }
};

// Interfaces at the backend in domain `self`. What is not there, or not as a toolstack writes it, is left out. Errors: those of XenStore.
Result<std::vector<BackendVif>> read_backend_vifs(xenstore::Store& store, DomainId self);

}  // namespace zynclone::broker::monitors
