#pragma once
// Which disks and interfaces an original has, as its own configuration file says: what `disks`, shared volumes and masks of guest/<vm>.conf must agree with. Reads the file only, so
// that it works while nothing of the host runs.

#include <set>
#include <string>
#include <vector>

#include "host-broker/configuration/broker_settings.hpp"
#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker::vmclone {

struct OwnDevices {
  std::vector<VmDisk> disks;
  std::set<unsigned> interfaces;   // indexes
};

// Errors: configuration, with the file, when it is not there or cannot be understood.
Result<OwnDevices> own_devices_of(const GuestConfig& config, configuration::ToolstackKind toolstack);

}  // namespace zynclone::broker::vmclone
