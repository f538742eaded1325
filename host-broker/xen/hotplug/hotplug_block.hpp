#pragma once
// What Xen's hotplug script `block` (tools/hotplug/Linux/block of Xen 4.17) does for a block device, without its hundred processes: on a slow or busy
// host these take longer than all else in giving a disk to a guest. Blocks; for a program of its own, which libxl starts as root.

#include <chrono>
#include <string>

#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::xen {

struct HotplugPlaces {
  std::string lock_folder = "/run/xen-hotplug";       // where `block` has its lock (locking.sh), which is taken too
  std::string mounts = "/proc/self/mountinfo";
  std::string kernel_backends = "/sys/bus/xen-backend/devices";  // one entry each: vbd-<domain>-<device number>
  std::chrono::milliseconds busy_limit{2000};             // for somebody of this domain who has the device for a moment, to look at it
};

// `path` as libxl gives it in XENBUS_PATH: backend/vbd/7/51824, from a backend that waits (XenbusStateInitWait). Refuses what would be shared:
// the device is written by another VM's backend, or used by this domain itself, or is to be written and is used at all. Then tells the kernel
// which device it is (physical-device) and libxl that this is done (hotplug-status). Done already is no error.
// Errors: conflict, as above; not_found: no block device; invalid_argument: no such path; xen. On error libxl is told so (hotplug-error, and
// hotplug-status busy or error), as `block` does.
Result<void> add_block_backend(xenstore::Store& store, const std::string& untrusted_path, const HotplugPlaces& places = {});

}  // namespace zynclone::broker::xen
