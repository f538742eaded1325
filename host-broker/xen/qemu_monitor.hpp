#pragma once
// A conversation with a running QEMU over its monitor protocol (QMP, QEMU docs/interop/qmp-spec.txt), as far as it is needed here.

#include <string>
#include <vector>

#include "system/async.hpp"

namespace zynclone::broker::xen {

// Tells the QEMU behind `socket` that the file at `image`, which it has open for writing, has been replaced by a new qcow2 layer on top of what
// it has open: it goes on in that. Done already is no error. Errors: xen: no QEMU there, or it does not write to this image; timed_out.
asio::awaitable<Result<void>> switch_to_layer(std::string socket, std::string image, Deadline limit);

struct UsbAddress {
  unsigned bus = 0;
  unsigned address = 0;
  bool operator==(const UsbAddress&) const = default;
};

// Takes from the QEMU behind `socket` the USB devices that libxl gave it (libxl__device_usbdev_add_hvm: xenusb-<bus>-<address>) and that are not
// among `plugged` any more: QEMU keeps each at its port until it is told otherwise, and gives no other device that port. Gives how many. Errors: as above.
asio::awaitable<Result<unsigned>> remove_unplugged_usb(std::string socket, std::vector<UsbAddress> plugged, Deadline limit);

}  // namespace zynclone::broker::xen
