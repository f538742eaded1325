#pragma once
// Pretended devices of a sandbox's host; what zynclone-broker uses with toolstack=sandbox in the place of xen::XlPeripherals. A device is a file
// DIR/peripherals/<name>, which is its plug: who removes it unplugs the device, who makes it plugs it in. In it are key=value lines:
//   device = usb,04b8:0202 or pci,0000:03:00.0;  serial = X1 and port = 1-1.4, of USB, may be left out
// A domain that has it has a link to it, DIR/domains/<id>/dev/peripheral-<name>, made by the broker or by hand. Has no state of its own.

#include "host-broker/ports/peripherals.hpp"
#include "host-broker/sandbox/layout.hpp"

namespace zynclone::sandbox {

class SandboxPeripherals final : public broker::Peripherals {
 public:
  explicit SandboxPeripherals(Layout layout) : layout_(std::move(layout)) {}

  asio::awaitable<Result<std::optional<broker::PeripheralPlace>>> find(broker::Peripheral peripheral) override;
  asio::awaitable<Result<void>> attach(DomainId domain, broker::Peripheral peripheral, Deadline limit) override;
  asio::awaitable<Result<void>> detach(DomainId domain, broker::Peripheral peripheral, Deadline limit) override;

 private:
  // The file of the one device that fits; none: unplugged. Errors: conflict.
  Result<std::optional<std::string>> plugged(const broker::Peripheral& peripheral) const;
  std::optional<DomainId> holder_of(const std::string& file) const;
  Layout layout_;
};

}  // namespace zynclone::sandbox
