#pragma once
// A process between a mailbox in XenStore and the link: it holds dom0's connection to XenStore, with which whoever parses a guest's
// messages must not be trusted, and moves bytes that it does not look at.

#include "protocol/names.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::link {

// Forks it; gives a socket on which the guest's bytes come and go once it is connected and confined. It ends when that socket does.
// Errors: unavailable when the guest has no mailbox, system.
Result<Descriptor> start_mailbox_pump(DomainId domain);

}  // namespace zynclone::broker::link
