#pragma once
// Peripherals as guest/<vm>.conf names them (ports/peripherals.hpp reads one), and what no file can say alone: that one device is named once on
// this host. Any thread. Internal to configuration/.

#include "host-broker/configuration/guest_settings.hpp"
#include "host-broker/ports/peripherals.hpp"

namespace zynclone::broker::configuration {

inline constexpr std::string_view k_peripheral_prefix = "peripheral.";  // a key is this and the peripheral's name

std::string key_of(const Peripheral& peripheral);

// One that some VM's file names.
struct NamedPeripheral {
  VmName vm;
  Peripheral peripheral;
  std::string place;       // file:line
};

// Those that this text of guest/<vm>.conf names; its mistakes do not count.
std::vector<NamedPeripheral> peripherals_named_in(std::string_view text, const VmName& vm, const std::string& file);

// Adds to the draft's mistakes: a device that it names twice, or that another VM names too.
void check_peripherals_named_once(GuestDraft& draft, const std::vector<NamedPeripheral>& of_others);

}  // namespace zynclone::broker::configuration
