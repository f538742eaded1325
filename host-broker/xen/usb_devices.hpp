#pragma once
// USB devices of the control domain, as its kernel's /sys tells, and which of them are given to domains, as the toolstack's side of XenStore tells,
// whoever did it. The guests' side is not asked, for they can write what they like there. Blocks: for the XenStore thread pool.

#include <string>
#include <vector>

#include "host-broker/ports/peripherals.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::xen {

struct HostUsbDevice {
  UsbIdentity identity;
  unsigned bus = 0;
  unsigned address = 0;
};

// Of all buses, hubs left out. `folder` is /sys/bus/usb/devices; one that is not there is empty. One that is going meanwhile is left out.
std::vector<HostUsbDevice> read_usb_devices(const std::string& folder);

// A virtual USB controller of a domain (libxl_usb.c of Xen 4.17).
struct UsbController {
  DomainId domain;
  std::string number;        // 0
  std::string type;          // qusb: a QEMU serves a guest's PV driver; pv: the kernel does; devicemodel: a QEMU emulates a controller
  std::string backend;       // the node with state and ports: /local/domain/0/backend/qusb/7/0, or, emulated, the toolstack's own
  struct Port {
    std::string number;      // 1
    std::string device;      // the host's port that is given: 1-1.4; empty: none
  };
  std::vector<Port> ports;
  bool is_emulated() const { return type == "devicemodel"; }
  std::string port_node(const Port& port) const { return backend + "/port/" + port.number; }
};

// Of all domains. Errors: as of Store.
Result<std::vector<UsbController>> read_usb_controllers(xenstore::Store& store);

}  // namespace zynclone::broker::xen
