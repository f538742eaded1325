#pragma once
// What XlBlockDevices and XlPeripherals share: how long they look, and how domains are called in what they say. Internal to xen/.

#include <chrono>
#include <string>

#include "protocol/names.hpp"

namespace zynclone::broker::xen {

inline constexpr std::chrono::seconds k_look_limit{10};
// XenStore tells of its nodes; of a kernel that is still closing a device, or a QEMU that has it open, no event tells.
inline constexpr std::chrono::milliseconds k_device_look_again{50};

inline std::string name_of(DomainId domain) { return "domain " + std::to_string(domain.value); }

}  // namespace zynclone::broker::xen
