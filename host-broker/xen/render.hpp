#pragma once
// A clone's configuration file: its original's text, followed by assignments of all that must differ. In xl.cfg a later assignment replaces
// an earlier one, so that nothing of the original's is lost that this program does not know. A pure function.

#include <string>

#include "host-broker/xen/spice_ports.hpp"

namespace zynclone::broker::xen {

// What this host adds to what the clone is.
struct HostParts {
  std::optional<SpicePorts> spice;  // of a clone whose original has a SPICE display; none: it has none
  std::string block_script;         // for its own block devices, instead of Xen's (zynclone-block), an absolute path; empty: Xen's own. Not for
                                    // an HVM guest, or where a bootloader is to read the disk: libxl attaches one that has a script to this domain for that
};

// Name, UUID, disks and interfaces are the clone's. Peripherals, devices and sockets of the original (pci, usbdev, host USB, vtpm, p9,
// channel, ioports, serial device …) are left out: they follow the production member. VNC looks for a free display; SPICE has
// the given ports, and all else as the original: address, password, agent. Errors: configuration for a value that could leave its quotes or its place in a list, or a disk that the original lacks.
Result<std::string> render_clone(const std::string& original_text, const XlConfig& original, const CloneDomain& clone,
                                 const HostParts& host = {});

// One disk that no configuration names, as `xl block-attach` takes it: a block device by the kernel's backend (and by `block_script`, an
// absolute path; empty: Xen's own), a file by the one that xl chooses, as for a clone's. Errors: configuration, as above.
Result<std::string> render_disk(const VmDisk& disk, const std::string& block_script = {});

}  // namespace zynclone::broker::xen
