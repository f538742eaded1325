#include "host-broker/xen/xl_peripherals.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <unistd.h>

#include "host-broker/storage/file_use.hpp"
#include "host-broker/xen/block_backends.hpp"
#include "host-broker/xen/qemu_monitor.hpp"
#include "host-broker/xen/xl_devices.hpp"
#include "host-broker/xen/xl_errors.hpp"
#include "system/log.hpp"
#include "system/process.hpp"

namespace zynclone::broker::xen {
namespace {

using xenstore::Store;
using Clock = std::chrono::steady_clock;
using protocol::PeripheralKind;

constexpr std::chrono::seconds k_shortest_xl{1};
constexpr std::chrono::seconds k_pci_undo{20};    // libxl alone waits 10 s for a guest that does not answer (libxl__wait_for_backend)

using xen::name_of;
std::string name_of(const Peripheral& peripheral) { return "peripheral '" + peripheral.name.text() + "' (" + peripheral.device + ')'; }

Error cannot(std::string_view verb, Errc code, const Peripheral& peripheral, DomainId domain, const std::string& cause) {
  const bool gives = verb == "give";
  return {code, "cannot " + std::string(verb) + ' ' + name_of(peripheral) + (gives ? " to " : " from ") + name_of(domain) + ": " + cause};
}

std::string text_of(const HostUsbDevice& device) {
  return "bus " + std::to_string(device.bus) + " address " + std::to_string(device.address) + " (port " + device.identity.port + ')';
}

// /dev/bus/usb/001/003, as udev and libusb name it.
std::string node_of(const std::string& folder, const HostUsbDevice& device) {
  char name[16];
  std::snprintf(name, sizeof name, "/%03u/%03u", device.bus % 1000, device.address % 1000);
  return folder + name;
}

}  // namespace

asio::awaitable<Result<XlPeripherals::StorePointer>> XlPeripherals::open() {
  const auto executor = co_await asio::this_coro::executor;
  auto work = [executor]() -> Result<StorePointer> {
    TRY(auto store, Store::open(executor));
    return std::make_shared<Store>(std::move(store));
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "opening XenStore");
}

asio::awaitable<Result<XlPeripherals::UsbView>> XlPeripherals::look_usb(StorePointer store, Peripheral peripheral) {
  auto work = [store, peripheral, folder = settings_.usb_devices]() -> Result<UsbView> {
    UsbView view;
    const auto devices = read_usb_devices(folder);
    TRY(view.controllers, read_usb_controllers(*store));
    std::string all;
    for (const HostUsbDevice& device : devices) {
      if (!fits(peripheral, device.identity)) continue;
      all += (all.empty() ? "" : ", ") + text_of(device);
      if (view.device) view.device.reset();
      else view.device = device;
    }
    if (!all.empty() && !view.device)
      return fail(Errc::conflict, "cannot tell which device " + name_of(peripheral) + " is: " + all + " fit; name its serial number or its port");
    for (const UsbController& controller : view.controllers) {
      for (const UsbController::Port& port : controller.ports) {
        if (port.device.empty()) continue;
        const bool is_plugged = std::any_of(devices.begin(), devices.end(), [&](const HostUsbDevice& device) { return device.identity.port == port.device; });
        if (!is_plugged) view.stale.push_back({controller, port});
        else if (view.device && view.device->identity.port == port.device) view.grants.push_back({controller, port});
      }
    }
    return view;
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "looking at the USB devices");
}

asio::awaitable<Result<XlPeripherals::PciView>> XlPeripherals::look_pci(StorePointer store, Peripheral peripheral) {
  auto work = [store, address = peripheral.device, folder = settings_.pci_devices]() -> Result<PciView> {
    PciView view;
    std::error_code error;
    view.is_there = std::filesystem::exists(folder + '/' + address, error);
    view.is_assignable = std::filesystem::read_symlink(folder + '/' + address + "/driver", error).filename() == "pciback";
    const std::string backends = "/local/domain/0/backend/pci";
    TRY(const auto domains, store->directory(backends));
    for (const std::string& domain : domains) {
      const std::string backend = backends + '/' + domain + "/0";
      TRY(const auto nodes, store->directory(backend));
      for (const std::string& node : nodes) {
        if (!node.starts_with("dev-")) continue;
        TRY(const auto device, store->read(backend + '/' + node));
        if (device != address) continue;
        view.holder = DomainId{static_cast<std::uint32_t>(std::strtoul(domain.c_str(), nullptr, 10))};
        view.backend = backend;
      }
    }
    return view;
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "looking at the PCI devices");
}

asio::awaitable<Result<XlPeripherals::DomainKind>> XlPeripherals::kind_of(StorePointer store, DomainId domain) {
  auto work = [store, id = std::to_string(domain.value)]() -> Result<DomainKind> {
    TRY(const auto home, store->read("/local/domain/" + id));
    TRY(const auto type, store->read("/libxl/" + id + "/type"));
    TRY(const auto model, store->read("/local/domain/0/device-model/" + id + "/state"));
    return DomainKind{.is_there = home.has_value(), .is_hvm = type == "hvm", .has_qemu = model == "running"};
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "looking at a domain");
}

// Gives what is left of the way: nothing, or what was seen last when the time was over.
asio::awaitable<Result<std::string>> XlPeripherals::wait_until(StorePointer store, std::string watched, std::function<Result<std::string>()> missing, Time until) {
  auto watch = [store, watched]() -> Result<void> {
    auto done = store->watch(watched, "peripheral");
    if (!done && done.error().code == Errc::already_exists) return outcome::success();  // an earlier wait's of this store
    return done;
  };
  CO_TRY(co_await run_blocking_within(pool_, std::move(watch), k_look_limit, "watching a backend"));
  for (;;) {
    CO_TRY(auto left, co_await run_blocking_within(pool_, missing, k_look_limit, "looking at a backend"));
    const auto now = Clock::now();
    if (left.empty() || now >= until) co_return left;
    const auto pause = std::min<Deadline>(k_device_look_again, std::chrono::ceil<std::chrono::milliseconds>(until - now));
    const auto event = co_await with_timeout(store->next_event(), pause, "a backend");
    if (!event && event.error().code != Errc::timed_out) co_return event.error();
  }
}

asio::awaitable<Result<void>> XlPeripherals::run_xl(std::vector<std::string> arguments, Time until) {
  const std::string what = "xl " + arguments.front();
  arguments.insert(arguments.begin(), settings_.xl);
  ProcessOptions options;
  options.limit = std::max<Deadline>(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()), k_shortest_xl);
  CO_TRY(const auto ended, co_await run_process(std::move(arguments), options));
  if (ended.status == 0) co_return outcome::success();
  const std::string cause = cause_of_failure(ended.errors);
  co_return fail(Errc::xen, "'" + what + "' ended with exit status " + std::to_string(ended.status) + (cause.empty() ? "" : ": " + cause));
}

asio::awaitable<Result<std::optional<PeripheralPlace>>> XlPeripherals::find(Peripheral peripheral) {
  CO_TRY(const auto store, co_await open());
  std::optional<PeripheralPlace> place;
  if (peripheral.kind == PeripheralKind::pci) {
    CO_TRY(const auto view, co_await look_pci(store, peripheral));
    if (view.is_there) place = PeripheralPlace{.location = peripheral.device, .holder = view.holder};
  } else {
    CO_TRY(const auto view, co_await look_usb(store, peripheral));
    if (view.device) {
      place = PeripheralPlace{.location = text_of(*view.device), .holder = std::nullopt};
      if (!view.grants.empty()) place->holder = view.grants.front().controller.domain;
    }
  }
  co_return place;
}

asio::awaitable<Result<void>> XlPeripherals::attach(DomainId domain, Peripheral peripheral, Deadline limit) {
  const Time until = Clock::now() + limit;
  if (peripheral.kind == PeripheralKind::pci) co_return co_await attach_pci(domain, std::move(peripheral), until);
  co_return co_await attach_usb(domain, std::move(peripheral), until);
}

asio::awaitable<Result<void>> XlPeripherals::detach(DomainId domain, Peripheral peripheral, Deadline limit) {
  const Time until = Clock::now() + limit;
  if (peripheral.kind == PeripheralKind::pci) co_return co_await detach_pci(domain, std::move(peripheral), until);
  co_return co_await detach_usb(domain, std::move(peripheral), until);
}

// The domain's own controller with a free port, or a new one. A guest's PV driver must have connected to it, or nobody would see the device.
asio::awaitable<Result<UsbController>> XlPeripherals::controller_for(StorePointer store, DomainId domain, DomainKind kind, Peripheral peripheral, UsbView view, Time until) {
  const auto usable = [domain](const UsbController& controller) {
    return controller.domain == domain && std::any_of(controller.ports.begin(), controller.ports.end(), [](const auto& port) { return port.device.empty(); });
  };
  auto found = std::find_if(view.controllers.begin(), view.controllers.end(), usable);
  if (found == view.controllers.end()) {
    // An emulated one of version 2 is an EHCI, at which QEMU refuses what is slower than USB 2.0: printers and scanners, as a rule. Xen's own has no version 3.
    const std::string version = kind.is_hvm ? "version=3" : "version=2";
    std::vector<std::string> arguments{"usbctrl-attach", std::to_string(domain.value), version};
    CO_TRY(co_await run_xl(std::move(arguments), until));
    CO_TRY(view, co_await look_usb(store, peripheral));
    found = std::find_if(view.controllers.begin(), view.controllers.end(), usable);
  }
  if (found == view.controllers.end()) co_return fail(Errc::xen, "xl made no USB controller");
  const UsbController controller = *found;
  if (controller.is_emulated()) co_return controller;
  auto missing = [store, node = controller.backend + "/state"]() -> Result<std::string> {
    TRY(const auto state, store->read(node));
    if (state == k_connected) return std::string();
    return state ? "it is in state " + printable(*state) : std::string("it is gone");
  };
  CO_TRY(const auto left, co_await wait_until(store, controller.backend, missing, until));
  if (left.empty()) co_return controller;
  co_return fail(Errc::refused, "no driver of the guest has connected to its USB controller (" + left +
                                    "); its kernel needs one for Xen's PV USB (Linux: xen-hcd, CONFIG_USB_XEN_HCD)");
}

asio::awaitable<Result<void>> XlPeripherals::attach_usb(DomainId domain, Peripheral peripheral, Time until) {
  CO_TRY(const auto store, co_await open());
  CO_TRY(const auto view, co_await look_usb(store, peripheral));
  if (!view.device) co_return cannot("give", Errc::not_found, peripheral, domain, "it is not plugged into the host");
  for (const UsbGrant& grant : view.grants) {
    if (grant.controller.domain == domain) co_return outcome::success();
    co_return cannot("give", Errc::conflict, peripheral, domain, name_of(grant.controller.domain) + " has it");
  }
  CO_TRY(const DomainKind kind, co_await kind_of(store, domain));
  if (!kind.is_there) co_return cannot("give", Errc::not_found, peripheral, domain, "there is no such domain");
  if (!kind.is_hvm && !kind.has_qemu) {
    co_return cannot("give", Errc::refused, peripheral, domain,
                     "the domain has no QEMU, which serves USB to it, and gets one at its start only: its configuration needs usbctrl = [\"type=qusb,version=2,ports=8\"]");
  }
  // libxl gives no device to anybody while a port is given at which nothing is plugged in (get_assigned_devices).
  for (const UsbGrant& grant : view.stale) {
    CO_TRY(co_await clear(store, grant));
  }
  const auto controller = co_await controller_for(store, domain, kind, peripheral, view, until);
  if (!controller) co_return cannot("give", controller.error().code, peripheral, domain, controller.error().message);
  std::vector<std::string> arguments{"usbdev-attach", std::to_string(domain.value)};
  arguments.push_back("hostbus=" + std::to_string(view.device->bus));
  arguments.push_back("hostaddr=" + std::to_string(view.device->address));
  arguments.push_back("controller=" + controller.value().number);
  const auto given = co_await run_xl(std::move(arguments), until);
  if (!given) co_return cannot("give", given.error().code, peripheral, domain, given.error().message);
  co_return outcome::success();
}

// As libxl takes a port back (libxl__device_usbdev_remove_xenstore), which it does not where nothing is plugged in any more.
asio::awaitable<Result<void>> XlPeripherals::clear(StorePointer store, UsbGrant grant) {
  if (grant.controller.is_emulated()) {
    std::vector<UsbAddress> plugged;
    for (const HostUsbDevice& device : read_usb_devices(settings_.usb_devices)) plugged.push_back({.bus = device.bus, .address = device.address});
    std::string socket = settings_.qemu_folder + "/qmp-libxl-" + std::to_string(grant.controller.domain.value);
    const auto removed = co_await remove_unplugged_usb(std::move(socket), std::move(plugged), k_look_limit);
    if (!removed) log_warning("what was unplugged may still occupy a USB port of " + name_of(grant.controller.domain) + ": " + removed.error().message);
  }
  auto work = [store, grant]() -> Result<void> { return store->write(grant.controller.port_node(grant.port), ""); };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "clearing a USB port");
}

asio::awaitable<Result<void>> XlPeripherals::take_usb(StorePointer store, UsbGrant grant, std::optional<HostUsbDevice> device, Time until) {
  if (!device) {
    co_return co_await clear(store, grant);
  }
  std::vector<std::string> arguments{"usbdev-detach", std::to_string(grant.controller.domain.value), grant.controller.number, grant.port.number};
  auto taken = co_await run_xl(std::move(arguments), until);
  auto missing = [store, node = grant.controller.port_node(grant.port), file = node_of(settings_.usb_nodes, *device)]() -> Result<std::string> {
    TRY(const auto left, store->read(node));
    if (left && !left->empty()) return std::string("the toolstack still has it");
    if (storage::file_use(file).written) return std::string("a QEMU still has it open");
    return std::string();
  };
  CO_TRY(const auto left, co_await wait_until(store, grant.controller.backend, missing, taken ? until : Clock::now()));
  if (left.empty()) co_return outcome::success();
  if (!taken) co_return fail(taken.error().code, left + "; " + taken.error().message);
  co_return fail(Errc::timed_out, left);
}

asio::awaitable<Result<void>> XlPeripherals::detach_usb(DomainId domain, Peripheral peripheral, Time until) {
  CO_TRY(const auto store, co_await open());
  CO_TRY(const auto view, co_await look_usb(store, peripheral));
  for (const UsbGrant& grant : view.stale) {
    if (grant.controller.domain != domain) continue;
    CO_TRY(co_await clear(store, grant));
  }
  for (const UsbGrant& grant : view.grants) {
    if (grant.controller.domain != domain) continue;
    auto taken = co_await take_usb(store, grant, view.device, until);
    if (taken) continue;
    // Unplugged in the middle: xl finds it no more.
    CO_TRY(const auto after, co_await look_usb(store, peripheral));
    if (after.device) co_return cannot("take", taken.error().code, peripheral, domain, taken.error().message);
    CO_TRY(co_await clear(store, grant));
  }
  co_return outcome::success();
}

// Can this host give PCI devices away at all? virt_caps of `xl info` has directio for HVM and PVH, pv_directio for PV.
asio::awaitable<Result<void>> XlPeripherals::check_passthrough(Time until) {
  ProcessOptions options;
  options.limit = std::max<Deadline>(std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()), k_shortest_xl);
  std::vector<std::string> arguments{settings_.xl, "info"};
  CO_TRY(const std::string info, co_await run_checked(std::move(arguments), Errc::xen, options));
  const auto line = info.find("virt_caps");
  const std::string capabilities = line == std::string::npos ? "" : info.substr(line, info.find('\n', line) - line);
  if (capabilities.find("directio") != std::string::npos) co_return outcome::success();
  co_return fail(Errc::refused, "this host has no IOMMU that Xen uses (xl info: virt_caps without directio)");
}

asio::awaitable<Result<void>> XlPeripherals::attach_pci(DomainId domain, Peripheral peripheral, Time until) {
  CO_TRY(const auto store, co_await open());
  CO_TRY(const auto view, co_await look_pci(store, peripheral));
  if (!view.is_there) co_return cannot("give", Errc::not_found, peripheral, domain, "it is not in the host");
  if (view.holder == domain) co_return outcome::success();
  if (view.holder) co_return cannot("give", Errc::conflict, peripheral, domain, name_of(*view.holder) + " has it");
  CO_TRY(const DomainKind kind, co_await kind_of(store, domain));
  if (!kind.is_there) co_return cannot("give", Errc::not_found, peripheral, domain, "there is no such domain");
  const auto can = co_await check_passthrough(until);
  if (!can) co_return cannot("give", can.error().code, peripheral, domain, can.error().message);
  Result<void> given = outcome::success();
  if (!view.is_assignable) {
    std::vector<std::string> arguments{"pci-assignable-add", peripheral.device};
    given = co_await run_xl(std::move(arguments), until);
  }
  if (given) {
    std::vector<std::string> arguments{"pci-attach", std::to_string(domain.value), peripheral.device};
    given = co_await run_xl(std::move(arguments), until);
    // libxl: "xc_assign_device failed", or of an HVM guest "cannot be assigned - no IOMMU", where it is the domain that has none.
    const bool is_unprepared = !given && given.error().message.find("assign") != std::string::npos;
    if (is_unprepared) given = fail(given.error().code, given.error().message + "; a domain that was started without passthrough = \"enabled\" in its configuration can have no PCI device");
  }
  if (!given) co_return cannot("give", given.error().code, peripheral, domain, given.error().message);
  const std::string backend = "/local/domain/0/backend/pci/" + std::to_string(domain.value) + "/0";
  auto missing = [store, backend, is_hvm = kind.is_hvm]() -> Result<std::string> {
    TRY(const auto state, store->read(backend + "/state"));
    if (state == k_connected || is_hvm) return std::string();  // an HVM guest has no front end, its QEMU has the device
    return state ? "the backend is in state " + printable(*state) : std::string("there is no backend");
  };
  CO_TRY(const auto left, co_await wait_until(store, backend, missing, until));
  if (left.empty()) co_return outcome::success();
  (void)co_await detach_pci(domain, peripheral, Clock::now() + k_pci_undo);
  co_return cannot("give", Errc::refused, peripheral, domain, "no driver of the guest has connected (" + left + "); its kernel needs xen-pcifront");
}

// At the end of an xl that went well the device is the guest's no more: libxl has taken its interrupts, its memory and the IOMMU's mapping back. But where no
// driver of a PV guest answers, it leaves the nodes, and does not say so (pci_remove_done in libxl_pci.c); then everybody would take the device for given. They
// are removed as libxl does with those of a last device (libxl__device_destroy).
asio::awaitable<Result<void>> XlPeripherals::clear_unanswered(StorePointer store, std::string backend, DomainId domain, std::string address) {
  auto work = [store, backend, address, id = std::to_string(domain.value)]() -> Result<void> {
    return store->transact([&](xenstore::Transaction& transaction) -> Result<void> {
      TRY(const auto devices, transaction.read(backend + "/num_devs"));
      TRY(const auto device, transaction.read(backend + "/dev-0"));
      if (devices != "1" || device != address) return outcome::success();  // it has gone; or there are others, of which nothing is known
      for (const std::string& path : {backend, "/local/domain/" + id + "/device/pci/0", "/libxl/" + id + "/device/pci/0"}) {
        TRY(transaction.remove(path));
      }
      return outcome::success();
    });
  };
  co_return co_await run_blocking_within(pool_, std::move(work), k_look_limit, "clearing a PCI backend");
}

asio::awaitable<Result<void>> XlPeripherals::detach_pci(DomainId domain, Peripheral peripheral, Time until) {
  CO_TRY(const auto store, co_await open());
  CO_TRY(const auto view, co_await look_pci(store, peripheral));
  if (view.holder != domain) co_return outcome::success();
  std::vector<std::string> arguments{"pci-detach", std::to_string(domain.value), peripheral.device};
  const auto taken = co_await run_xl(std::move(arguments), until);
  auto missing = [store, backend = view.backend, address = peripheral.device]() -> Result<std::string> {
    TRY(const auto nodes, store->directory(backend));
    for (const std::string& node : nodes) {
      if (!node.starts_with("dev-")) continue;
      TRY(const auto device, store->read(backend + '/' + node));
      if (device == address) return std::string("the backend still has it");
    }
    return std::string();
  };
  if (taken) {
    CO_TRY(co_await clear_unanswered(store, view.backend, domain, peripheral.device));
  }
  CO_TRY(const auto left, co_await wait_until(store, view.backend, missing, taken ? until : Clock::now()));
  if (left.empty()) co_return outcome::success();
  co_return cannot("take", taken ? Errc::timed_out : taken.error().code, peripheral, domain, left + (taken ? "" : "; " + taken.error().message));
}

}  // namespace zynclone::broker::xen
