#pragma once
// Peripherals of a real Xen host: given and taken by `xl`; what is in the host is read from the kernel's /sys, who has it from the toolstack's
// side of XenStore. One object a process, on its one thread.

#include <functional>
#include <memory>

#include "host-broker/xen/usb_devices.hpp"

namespace zynclone::broker::xen {

struct PeripheralSettings {
  std::string xl = "xl";                               // looked for in PATH
  std::string usb_devices = "/sys/bus/usb/devices";
  std::string usb_nodes = "/dev/bus/usb";              // <bus>/<address>, which a QEMU has open while it serves the device
  std::string pci_devices = "/sys/bus/pci/devices";
  std::string qemu_folder = "/run/xen";                // where libxl puts the control sockets of its QEMUs
};

class XlPeripherals final : public Peripherals {
 public:
  // `pool` is where XenStore is asked; it must outlive this.
  XlPeripherals(asio::thread_pool& pool, PeripheralSettings settings) : pool_(pool), settings_(std::move(settings)) {}

  asio::awaitable<Result<std::optional<PeripheralPlace>>> find(Peripheral peripheral) override;
  asio::awaitable<Result<void>> attach(DomainId domain, Peripheral peripheral, Deadline limit) override;
  asio::awaitable<Result<void>> detach(DomainId domain, Peripheral peripheral, Deadline limit) override;

 private:
  using Time = std::chrono::steady_clock::time_point;
  using StorePointer = std::shared_ptr<xenstore::Store>;  // shared with calls that took too long
  // Where a device is given: a controller's port, or a PCI backend.
  struct UsbGrant {
    UsbController controller;
    UsbController::Port port;
  };
  struct UsbView {
    std::optional<HostUsbDevice> device;   // the one that is meant; none: unplugged
    std::vector<UsbGrant> grants;          // of it, to whomever
    std::vector<UsbGrant> stale;           // of ports at which nothing is plugged in any more
    std::vector<UsbController> controllers;
  };
  struct PciView {
    bool is_there = false;
    bool is_assignable = false;            // pciback has it
    std::optional<DomainId> holder;
    std::string backend;                   // of the holder
  };
  struct DomainKind {
    bool is_there = false;
    bool is_hvm = false;
    bool has_qemu = false;
  };

  asio::awaitable<Result<StorePointer>> open();
  asio::awaitable<Result<UsbView>> look_usb(StorePointer store, Peripheral peripheral);
  asio::awaitable<Result<PciView>> look_pci(StorePointer store, Peripheral peripheral);
  asio::awaitable<Result<DomainKind>> kind_of(StorePointer store, DomainId domain);
  asio::awaitable<Result<std::string>> wait_until(StorePointer store, std::string watched, std::function<Result<std::string>()> missing, Time until);
  asio::awaitable<Result<void>> run_xl(std::vector<std::string> arguments, Time until);

  asio::awaitable<Result<void>> attach_usb(DomainId domain, Peripheral peripheral, Time until);
  asio::awaitable<Result<UsbController>> controller_for(StorePointer store, DomainId domain, DomainKind kind, Peripheral peripheral, UsbView view, Time until);
  asio::awaitable<Result<void>> detach_usb(DomainId domain, Peripheral peripheral, Time until);
  asio::awaitable<Result<void>> take_usb(StorePointer store, UsbGrant grant, std::optional<HostUsbDevice> device, Time until);
  asio::awaitable<Result<void>> clear(StorePointer store, UsbGrant grant);
  asio::awaitable<Result<void>> attach_pci(DomainId domain, Peripheral peripheral, Time until);
  asio::awaitable<Result<void>> check_passthrough(Time until);
  asio::awaitable<Result<void>> clear_unanswered(StorePointer store, std::string backend, DomainId domain, std::string address);
  asio::awaitable<Result<void>> detach_pci(DomainId domain, Peripheral peripheral, Time until);

  asio::thread_pool& pool_;
  PeripheralSettings settings_;
};

}  // namespace zynclone::broker::xen
