#include "host-broker/xen/usb_devices.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "system/file.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::string_view k_hub = "09";         // bDeviceClass

std::string read_line(const std::filesystem::path& file) {
  auto text = read_file(file, k_longest_attribute);
  if (!text) return {};
  while (!text.value().empty() && (text.value().back() == '\n' || text.value().back() == ' ')) text.value().pop_back();
  return std::move(text).value();
}

std::optional<unsigned> read_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// Interfaces (1-1:1.0) and root hubs (usb1) stand beside the devices.
bool is_device(std::string_view name) { return name.find('-') != std::string_view::npos && name.find(':') == std::string_view::npos; }

}  // namespace

std::vector<HostUsbDevice> read_usb_devices(const std::string& folder) {
  std::vector<HostUsbDevice> devices;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string port = entry->path().filename().string();
    if (!is_device(port) || read_line(entry->path() / "bDeviceClass") == k_hub) continue;
    const std::string vendor = read_line(entry->path() / "idVendor");
    const std::string product = read_line(entry->path() / "idProduct");
    const auto bus = read_number(read_line(entry->path() / "busnum"));
    const auto address = read_number(read_line(entry->path() / "devnum"));
    if (vendor.empty() || product.empty() || !bus || !address) continue;
    devices.push_back({.identity = {.product = vendor + ':' + product, .serial = read_line(entry->path() / "serial"), .port = port}, .bus = *bus, .address = *address});
  }
  std::sort(devices.begin(), devices.end(), [](const auto& a, const auto& b) { return a.identity.port < b.identity.port; });
  return devices;
}

Result<std::vector<UsbController>> read_usb_controllers(xenstore::Store& store) {
  std::vector<UsbController> controllers;
  TRY(const auto domains, store.directory("/libxl"));
  for (const std::string& domain : domains) {
    const auto id = read_number(domain);
    if (!id) continue;
    const std::string folder = "/libxl/" + domain + "/device/vusb";
    TRY(const auto numbers, store.directory(folder));
    for (const std::string& number : numbers) {
      UsbController controller{.domain = DomainId{*id}, .number = number};
      TRY(const auto backend, store.read(folder + '/' + number + "/backend"));
      controller.backend = backend.value_or(folder + '/' + number);
      TRY(const auto type, store.read(controller.backend + "/type"));
      controller.type = type.value_or("");
      TRY(const auto ports, store.directory(controller.backend + "/port"));
      for (const std::string& port : ports) {
        TRY(const auto device, store.read(controller.backend + "/port/" + port));
        controller.ports.push_back({.number = port, .device = device.value_or("")});
      }
      controllers.push_back(std::move(controller));
    }
  }
  return controllers;
}

}  // namespace zynclone::broker::xen
