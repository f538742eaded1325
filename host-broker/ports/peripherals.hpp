#pragma once
// Devices of the host that are passed to a domain: USB and PCI. Real: xen::XlPeripherals. Sandbox: sandbox::SandboxPeripherals. Tests: FakePeripherals.

#include <optional>
#include <string>
#include <string_view>

#include "host-broker/ports/configuration.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

// As `peripheral.<name>` in guest/<vm>.conf has it: usb,<vid>:<pid>[:<serial>] or usb,<port> (1-1.4), pci,[<domain>:]<bus>:<slot>.<function>.
// Hexadecimal becomes small, PCI's domain is added. Errors: configuration, with what is allowed.
Result<Peripheral> parse_peripheral(std::string_view name, std::string_view value);
std::string peripheral_text(const Peripheral& peripheral);

// What a USB device in the host says of itself, and where it is.
struct UsbIdentity {
  std::string product;              // 04b8:0202
  std::string serial;               // empty: it has none
  std::string port;                 // 1-1.4
};
bool fits(const Peripheral& peripheral, const UsbIdentity& device);
// Could one device be meant by both? A port may have any device, so it is compared with ports only.
bool may_be_same(const Peripheral& one, const Peripheral& other);

struct PeripheralPlace {
  std::string location;             // for administrators: bus 1 address 3 (port 1-1.4), 0000:03:00.0
  std::optional<DomainId> holder;   // the domain that it is attached to, whoever did it; none: the host has it
};

class Peripherals {
 public:
  virtual ~Peripherals() = default;

  // Where the device is; nullopt: not in the host (unplugged). Errors: conflict when several devices fit what is configured, with all of them; xen.
  virtual asio::awaitable<Result<std::optional<PeripheralPlace>>> find(Peripheral peripheral) = 0;

  // Gives the device to the domain, and waits until its backend is connected; already there is no error. Errors: not_found when it is unplugged;
  // conflict when another domain has it; refused, with the reason, where this host or this kind of domain cannot; xen. Nothing is attached then.
  virtual asio::awaitable<Result<void>> attach(DomainId domain, Peripheral peripheral, Deadline limit) = 0;

  // Takes it away and waits until the host has it again; not there, or unplugged meanwhile, is no error. Errors: timed_out; xen.
  virtual asio::awaitable<Result<void>> detach(DomainId domain, Peripheral peripheral, Deadline limit) = 0;
};

}  // namespace zynclone::broker
