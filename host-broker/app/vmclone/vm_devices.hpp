#pragma once
// Which disks, interfaces and devices of the host an original has, as its own configuration file says: what `disks`, shared volumes, masks and peripherals of
// guest/<vm>.conf must agree with. Reads the file only, so that it works while nothing of the host runs.

#include <set>
#include <string>
#include <vector>

#include "host-broker/configuration/broker_settings.hpp"
#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker::vmclone {

// A device of the host that the original is given at each start, by the setting's name and as that names it.
struct PassedDevice {
  std::string key;                 // pci, usbdev, usbdevice
  std::string text;                // 03:00.0,permissive=1
  std::string device;              // as `peripheral.<name>` would name it: pci,0000:03:00.0; empty: it cannot be told from here
};

struct OwnDevices {
  bool has_uuid = true;            // by which its family is known
  std::vector<VmDisk> disks;
  std::set<unsigned> interfaces;   // indexes
  std::vector<PassedDevice> passed;
  bool can_have_usb = true;        // it is an HVM guest, or has a QEMU from its start on
  std::string why_no_pci;          // why no PCI device can be given to it, or to a clone of it, while it runs, and what to do; empty: it can
};

// Errors: configuration, with the file, when it is not there or cannot be understood.
Result<OwnDevices> own_devices_of(const GuestConfig& config, configuration::ToolstackKind toolstack);

}  // namespace zynclone::broker::vmclone
