#pragma once
// The XenStore nodes of a pretended domain, with names and permissions as libxl 4.17 makes them (libxl_create.c:
// libxl__domain_make; libxl_nic.c), as far as ZynClone or a guest's programs look at them.

#include "host-broker/sandbox/domain_spec.hpp"
#include "host-broker/sandbox/store/engine.hpp"

namespace zynclone::sandbox {

// The domain has been added to the engine and is introduced after this. Errors: xen.
Result<void> make_domain_nodes(StoreEngine& engine, DomainId domain, const DomainSpec& spec);

void remove_domain_nodes(StoreEngine& engine, DomainId domain, const DomainSpec& spec);

}  // namespace zynclone::sandbox
