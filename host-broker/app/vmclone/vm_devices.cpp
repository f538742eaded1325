#include "host-broker/app/vmclone/vm_devices.hpp"

#include <algorithm>

#include "host-broker/ports/peripherals.hpp"
#include "host-broker/sandbox/domain_spec.hpp"
#include "host-broker/xen/xl_config.hpp"
#include "system/file.hpp"

namespace zynclone::broker::vmclone {
namespace {

constexpr std::size_t k_longest_vm_file = 1 << 20;  // bytes

// What `peripheral.<name>` would say of it; empty: that cannot be told.
std::string peripheral_of(std::string_view kind, std::string_view device) {
  const auto peripheral = parse_peripheral("x", std::string(kind) + ',' + std::string(device));
  return peripheral ? peripheral_text(peripheral.value()) : std::string();
}

// "bdf=0000:03:00.*@5,permissive=1" (xl-pci-configuration(5)): the address. For all functions of a slot the first stands.
std::string pci_address(std::string_view entry) {
  constexpr std::string_view k_bdf = "bdf=";
  if (entry.starts_with(k_bdf)) entry.remove_prefix(k_bdf.size());
  std::string address(entry.substr(0, entry.find_first_of(",@")));
  if (address.ends_with('*')) address.back() = '0';
  return address;
}

std::vector<PassedDevice> passed_devices(const xen::XlConfig& config) {
  constexpr std::string_view k_host = "host:";
  std::vector<PassedDevice> passed;
  for (const std::string& entry : config.passed_pci) passed.push_back({"pci", entry, peripheral_of("pci", pci_address(entry))});
  for (const std::string& entry : config.passed_usb) passed.push_back({"usbdev", entry, {}});  // by bus and address, which change
  for (const std::string& entry : config.usb_devices) {
    if (entry.starts_with(k_host)) passed.push_back({"usbdevice", entry, peripheral_of("usb", std::string_view(entry).substr(k_host.size()))});
  }
  return passed;
}

// libxl starts one for a PV or PVH guest only where something that it is created with needs it (libxl__need_xenpv_qemu).
bool has_qemu(const xen::XlConfig& config) {
  const auto is_qusb = [](const std::string& controller) { return controller.find("type=qusb") != std::string::npos; };
  // What is raw the kernel serves, a file too (libxl__try_phy_backend).
  const auto by_qemu = [](const xen::XlDisk& disk) { return disk.backend_type == "qdisk" || (disk.format != "raw" && disk.format != "empty"); };
  return config.is_hvm || std::any_of(config.usb_controllers.begin(), config.usb_controllers.end(), is_qusb) || !config.framebuffers.empty() ||
         config.keys.contains("p9") || config.keys.contains("channel") || std::any_of(config.disks.begin(), config.disks.end(), by_qemu);
}

// Xen decides at a domain's creation whether it may ever have a PCI device: libxl asks for that where `passthrough` or `pci` says so, and no clone has `pci`.
std::string why_no_pci(const xen::XlConfig& config) {
  if (config.is_pvh) return "makes the VM a PVH guest, which Xen gives no PCI devices";
  const bool is_prepared = !config.passthrough.empty() && config.passthrough != "disabled" && config.passthrough != "default";
  if (is_prepared) return {};
  return "does not prepare the VM for it; add passthrough = \"enabled\" there" + std::string(config.is_hvm ? "" : ", and for Linux e820_host = 1");
}

Result<OwnDevices> devices_of(const GuestConfig& config, configuration::ToolstackKind toolstack) {
  if (toolstack == configuration::ToolstackKind::sandbox) {
    TRY(auto spec, sandbox::read_domain_spec(config.xl_config));
    OwnDevices own;
    own.disks = std::move(spec.disks);
    for (const auto& vif : spec.vifs) own.interfaces.insert(vif.index);
    return own;
  }
  TRY(const auto text, read_file(config.xl_config, k_longest_vm_file));
  TRY(const auto parsed, xen::parse_xl_config(text, config.xl_config));
  TRY(auto vm, xen::to_vm_config(parsed, config.vm, config.xl_config));
  OwnDevices own;
  own.has_uuid = vm.uuid.has_value();
  own.disks = std::move(vm.disks);
  for (const VmVif& vif : vm.vifs) own.interfaces.insert(vif.index);
  own.passed = passed_devices(parsed);
  own.can_have_usb = has_qemu(parsed);
  own.why_no_pci = why_no_pci(parsed);
  return own;
}

}  // namespace

Result<OwnDevices> own_devices_of(const GuestConfig& config, configuration::ToolstackKind toolstack) {
  auto own = devices_of(config, toolstack);
  if (own) return own;
  Error error = with_context(std::move(own).error(), "cannot read the configuration of VM '" + config.vm.text() + "'");
  if (error.place.empty()) error.place = config.xl_config;
  error.code = Errc::configuration;
  return outcome::failure(std::move(error));
}

}  // namespace zynclone::broker::vmclone
