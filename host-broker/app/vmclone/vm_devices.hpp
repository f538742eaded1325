#pragma once
// Which disks an original has, as its own configuration file says: what `disks` and shared volumes of guest/<vm>.conf must agree with. Reads the file only, so
// that it works while nothing of the host runs.

#include <string>
#include <vector>

#include "host-broker/configuration/broker_settings.hpp"
#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker::vmclone {

// Errors: configuration, with the file, when it is not there or cannot be understood.
Result<std::vector<VmDisk>> own_disks_of(const GuestConfig& config, configuration::ToolstackKind toolstack);

}  // namespace zynclone::broker::vmclone
