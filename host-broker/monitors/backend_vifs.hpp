#pragma once
// The network interfaces of domains whose backend is one domain, as the toolstack set them up in XenStore.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host-broker/monitors/doorbell.hpp"
#include "host-broker/xen/lockdown/domains.hpp"

namespace zynclone::broker::monitors {

// One below /local/domain/<backend>/backend/vif/<domain>/<device>.
struct BackendVif {
  DomainId domain;
  unsigned device = 0;
  std::string renamed;                // `vifname`; empty: none
  std::string mac;                    // empty: unknown
  std::optional<Uuid> vm;             // only domain 0 may ask whose domain it is
  bool is_set_up = false;             // the toolstack's script has put it on its bridge

  std::string kernel_name() const { return "vif" + std::to_string(domain.value) + "." + std::to_string(device); }
};

inline const std::string k_backend_vifs_path = "backend/vif";  // below a domain's own home

// As they were last read; those of domains that a hint names are read again. What is not as a toolstack writes it is left out.
class BackendVifs {
 public:
  // Of the backend in domain `self`. Errors: those of XenStore; then everything has to be looked at next.
  Result<void> look(xenstore::Store& store, DomainId self, const Hints& hints);
  std::vector<BackendVif> all() const;

 private:
  std::map<std::string, std::vector<BackendVif>> of_domains_;
};

}  // namespace zynclone::broker::monitors
