#pragma once
// A domain's configuration file as xl reads it (xl.cfg(5)), as far as cloning needs it. Read by libxlutil, the same parser, without
// starting xl, which takes longer than a snapshot.

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker::xen {

// One entry of `disk` (xl-disk-configuration(5)), each part in the words of that page.
struct XlDisk {
  std::string device;            // xvda
  std::string path;              // empty: an empty drive
  std::string format;            // raw, qcow, qcow2, vhd, qed, empty
  std::string backend_type;      // phy, tap, qdisk; empty: xl chooses
  std::string backend_domain;    // empty: dom0
  std::string script;            // block script, which may take anything for a path
  std::string specification;     // xen, virtio; empty: xen
  std::optional<bool> discard;
  bool direct_io_safe = false;
  bool cdrom = false;
  bool writable = false;
};

// One entry of `vif` (xl-network-configuration(5)): its options in their order.
struct XlVif {
  unsigned index = 0;
  std::vector<std::pair<std::string, std::string>> options;
  std::string get(std::string_view key) const;  // empty: not there
};

struct XlConfig {
  std::string name;
  std::string uuid;                       // empty: xl makes one at each start
  std::vector<XlDisk> disks;
  std::vector<XlVif> vifs;
  std::vector<std::string> framebuffers;  // the entries of `vfb`
  std::set<std::string> keys;             // which of `k_noticed_keys` are there
  std::string serial;                     // when it is one text
  bool has_spice = false;                 // of an HVM guest; others have no device model that could serve it
  unsigned spice_port = 0;                // 0: none
  unsigned spice_tls_port = 0;
  std::vector<std::string> usb_devices;   // `usbdevice`: tablet, host:04b8:0202, …
  std::vector<std::string> passed_pci;    // the entries of `pci`, of `usbdev` and of `usbctrl`
  std::vector<std::string> passed_usb;
  std::vector<std::string> usb_controllers;
  std::string passthrough;                // enabled, …; empty: as `pci` is there or not
  bool has_bootloader = false;            // pygrub or another that runs in dom0 and reads the first disk there
  bool is_hvm = false;
  bool is_pvh = false;
};

// Settings that a clone must not share with its original; see render.hpp.
inline constexpr std::string_view k_noticed_keys[] = {
    "pci",   "usbdev",  "usbctrl", "usbdevice", "vtpm",  "dtdev",  "p9",     "channel",      "vdispl",     "vsnd",   "iomem",
    "irqs",  "ioports", "serial",  "spice",     "vnc",   "vncunused", "gfx_passthru", "ms_vm_genid", "vkb"};

// Errors: configuration, with what the parser complains of; `file` is for the message only.
Result<XlConfig> parse_xl_config(const std::string& text, const std::string& file);

// What the core works with. Errors: configuration: another name than `vm`, no UUID that is one, a writable disk of which no copy can be
// made (by a script, in another domain, of another format).
Result<VmConfig> to_vm_config(const XlConfig& config, const VmName& vm, const std::string& file);

}  // namespace zynclone::broker::xen
