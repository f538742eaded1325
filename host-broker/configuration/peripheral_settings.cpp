#include "host-broker/configuration/peripheral_settings.hpp"

#include "host-broker/configuration/setting_values.hpp"

namespace zynclone::broker::configuration {
namespace {

void refuse(GuestDraft& draft, const Peripheral& peripheral, const std::string& why) {
  draft.errors.push_back({Errc::configuration, "cannot use " + key_of(peripheral) + " '" + peripheral_text(peripheral) + "': " + why, draft.place_of(key_of(peripheral))});
}

}  // namespace

std::string key_of(const Peripheral& peripheral) { return std::string(k_peripheral_prefix) + peripheral.name.text(); }

std::vector<NamedPeripheral> peripherals_named_in(std::string_view text, const VmName& vm, const std::string& file) {
  std::vector<NamedPeripheral> named;
  for (const KeyValue& line : scan_key_values(text, file).values) {
    if (!line.key.starts_with(k_peripheral_prefix)) continue;
    auto peripheral = parse_peripheral(std::string_view(line.key).substr(k_peripheral_prefix.size()), line.value);
    if (peripheral) named.push_back({vm, std::move(peripheral).value(), file + ':' + std::to_string(line.line)});
  }
  return named;
}

void check_peripherals_named_once(GuestDraft& draft, const std::vector<NamedPeripheral>& of_others) {
  const auto& peripherals = draft.config.peripherals;
  for (auto one = peripherals.begin(); one != peripherals.end(); ++one) {
    for (auto earlier = peripherals.begin(); earlier != one; ++earlier) {
      if (may_be_same(*one, *earlier)) refuse(draft, *one, key_of(*earlier) + " is the same device");
    }
    for (const NamedPeripheral& other : of_others) {
      if (!may_be_same(*one, other.peripheral)) continue;
      refuse(draft, *one, "VM '" + other.vm.text() + "' names it too (" + other.place + "); a device belongs to one VM and its clones");
    }
  }
}

}  // namespace zynclone::broker::configuration
