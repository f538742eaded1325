#include "host-broker/ports/peripherals.hpp"

#include <algorithm>

namespace zynclone::broker {
namespace {

using protocol::PeripheralKind;

constexpr std::size_t k_longest_serial = 126;  // a string descriptor has no more characters
constexpr std::size_t k_longest_port = 31;     // seven tiers of hubs, as the kernel writes them

Result<Peripheral> refuse(std::string text) { return fail(Errc::configuration, std::move(text)); }

bool is_hexadecimal(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char letter) {
           return (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'f');
         });
}

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 3 && text.front() != '0' && std::all_of(text.begin(), text.end(), [](char letter) { return letter >= '0' && letter <= '9'; });
}

std::string small(std::string_view text) {
  std::string result(text);
  for (char& letter : result) {
    if (letter >= 'A' && letter <= 'F') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return result;
}

// 1-1.4: bus, then a port of each hub on the way.
bool is_port(std::string_view text) {
  const auto dash = text.find('-');
  if (text.size() > k_longest_port || dash == std::string_view::npos || !is_number(text.substr(0, dash))) return false;
  for (std::size_t begin = dash + 1;;) {
    const auto end = std::min(text.find('.', begin), text.size());
    if (!is_number(text.substr(begin, end - begin))) return false;
    if (end == text.size()) return true;
    begin = end + 1;
  }
}

bool is_product(std::string_view text) { return text.size() == 9 && text[4] == ':' && is_hexadecimal(text.substr(0, 4), 4) && is_hexadecimal(text.substr(5), 4); }

bool is_serial(std::string_view text) {
  return !text.empty() && text.size() <= k_longest_serial && printable(text) == text && text.find_first_of(",#\"'") == std::string_view::npos;
}

Result<std::string> parse_usb(std::string_view value) {
  if (is_port(value)) return std::string(value);
  const std::string product = small(value.substr(0, 9));
  const bool has_serial = value.size() > 9;
  if (is_product(product) && !has_serial) return product;
  if (is_product(product) && value[9] == ':' && is_serial(value.substr(10))) return product + std::string(value.substr(9));
  return fail(Errc::configuration, "'" + printable(value) + "' is no USB device; <vendor>:<product>, such as 04b8:0202, the same with :<serial number>, or a port's path, such as 1-1.4, is allowed");
}

Result<std::string> parse_pci(std::string_view value) {
  std::string address = small(value);
  if (address.size() == 7) address = "0000:" + address;
  const std::string_view text = address;
  const bool is_address = text.size() == 12 && text[4] == ':' && text[7] == ':' && text[10] == '.' && is_hexadecimal(text.substr(0, 4), 4) &&
                          is_hexadecimal(text.substr(5, 2), 2) && is_hexadecimal(text.substr(8, 2), 2) && text[11] >= '0' && text[11] <= '7';
  if (!is_address) return fail(Errc::configuration, "'" + printable(value) + "' is no PCI address; [<domain>:]<bus>:<slot>.<function>, such as 0000:03:00.0, is allowed");
  return address;
}

}  // namespace

Result<Peripheral> parse_peripheral(std::string_view name, std::string_view value) {
  Peripheral peripheral;
  auto checked = PeripheralName::parse(name);
  if (!checked) return refuse(checked.error().message);
  peripheral.name = std::move(checked.value());
  const auto comma = value.find(',');
  const std::string_view kind = value.substr(0, comma);
  if (comma == std::string_view::npos || (kind != "usb" && kind != "pci")) {
    return refuse("usb,<vendor>:<product>[:<serial number>], usb,<port's path> or pci,<address> is allowed, such as usb,04b8:0202");
  }
  peripheral.kind = kind == "usb" ? PeripheralKind::usb : PeripheralKind::pci;
  TRY(peripheral.device, kind == "usb" ? parse_usb(value.substr(comma + 1)) : parse_pci(value.substr(comma + 1)));
  return peripheral;
}

std::string peripheral_text(const Peripheral& peripheral) { return std::string(to_string(peripheral.kind)) + ',' + peripheral.device; }

bool fits(const Peripheral& peripheral, const UsbIdentity& device) {
  if (peripheral.kind != PeripheralKind::usb) return false;
  const std::string& wanted = peripheral.device;
  return wanted == device.port || wanted == device.product || (!device.serial.empty() && wanted == device.product + ':' + device.serial);
}

bool may_be_same(const Peripheral& one, const Peripheral& other) {
  if (one.kind != other.kind) return false;
  if (one.device == other.device) return true;
  const auto covers = [](const std::string& wide, const std::string& narrow) { return is_product(wide) && narrow.starts_with(wide + ':'); };
  return one.kind == PeripheralKind::usb && (covers(one.device, other.device) || covers(other.device, one.device));
}

}  // namespace zynclone::broker
