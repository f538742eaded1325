// What `xl usbctrl-attach`, `usbdev-attach`, `usbdev-detach`, `pci-attach`, `pci-detach` and `info` do (of Xen 4.17, as seen on a real host), for
// XlPeripherals' tests. The first argument is a folder: "calls" there gets the other arguments, "behaviour" says what is to be pretended beside a
// host where all goes well, "usb" has the host's devices as /sys/bus/usb/devices has:
//
//   no-driver   the guest does not connect to its controller
//   deny        xl fails before it does anything
//   linger      xl says that a device is taken while its port has it
//   unplug      the device goes while xl takes it
//   no-iommu    of `xl info`

#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "host-broker/xen/store/xenstore.hpp"

namespace {

using zynclone::xenstore::Store;

int say(const char* text) {
  std::fputs(text, stderr);
  return 1;
}

std::string read(const std::filesystem::path& file) {
  std::string text;
  std::getline(std::ifstream(file), text);
  return text;
}

std::string option(const std::vector<std::string>& arguments, const std::string& name) {
  for (const std::string& argument : arguments)
    if (argument.starts_with(name + "=")) return argument.substr(name.size() + 1);
  return {};
}

int add_controller(Store& store, const std::string& domain, bool connects) {
  const std::string back = "/local/domain/0/backend/qusb/" + domain + "/0";
  bool done = store.write("/libxl/" + domain + "/device/vusb/0/backend", back).has_value();
  done = done && store.write(back + "/type", "qusb") && store.write(back + "/state", connects ? "4" : "2");
  for (const char* port : {"1", "2"}) done = done && store.write(back + "/port/" + port, "");
  return done ? 0 : say("no XenStore\n");
}

int add_device(Store& store, const std::filesystem::path& usb, const std::vector<std::string>& arguments) {
  const std::string back = "/local/domain/0/backend/qusb/" + arguments[1] + "/" + option(arguments, "controller");
  for (const auto& entry : std::filesystem::directory_iterator(usb)) {
    if (read(entry.path() / "busnum") != option(arguments, "hostbus") || read(entry.path() / "devnum") != option(arguments, "hostaddr")) continue;
    for (const char* port : {"1", "2"}) {
      const std::string node = back + "/port/" + port;
      if (store.read(node).value() == "") return store.write(node, entry.path().filename().string()) ? 0 : say("no XenStore\n");
    }
  }
  return say("libxl: error: libxl_usb.c:1732:libxl__device_usbdev_add: Domain 7:USB device is not assignable.\n");
}

int take_device(Store& store, const std::filesystem::path& usb, const std::vector<std::string>& arguments, const std::string& behaviour) {
  const std::string node = "/local/domain/0/backend/qusb/" + arguments[1] + "/" + arguments[2] + "/port/" + arguments[3];
  if (behaviour == "unplug") std::filesystem::remove_all(usb / store.read(node).value().value_or("none"));
  const std::string device = store.read(node).value().value_or("");
  if (device.empty() || !std::filesystem::exists(usb / device)) return say("Unknown device at controller 0 port 1.\n");
  if (behaviour == "linger") return 0;
  return store.write(node, "") ? 0 : say("no XenStore\n");
}

std::string pci_backend(const std::string& domain) { return "/local/domain/0/backend/pci/" + domain + "/0"; }

int add_pci(Store& store, const std::vector<std::string>& arguments, const std::string& behaviour) {
  if (behaviour == "no-passthrough") return say("libxl: error: libxl_pci.c:1529:pci_add_dm_done: Domain 7:xc_assign_device failed: Operation not supported\n");
  const std::string back = pci_backend(arguments[1]);
  const std::string count = store.read(back + "/num_devs").value().value_or("0");
  const bool written = store.write(back + "/dev-" + count, arguments[2]) && store.write(back + "/num_devs", std::to_string(std::stoi(count) + 1)) &&
                       store.write(back + "/state", behaviour == "no-driver" ? "2" : "4") &&
                       store.write("/local/domain/" + arguments[1] + "/device/pci/0/backend", back) && store.write("/libxl/" + arguments[1] + "/device/pci/0/backend", back);
  return written ? 0 : say("no XenStore\n");
}

// Of a guest that answers it takes the nodes; of another one it leaves them, and ends just as well.
int take_pci(Store& store, const std::vector<std::string>& arguments, const std::string& behaviour) {
  const std::string back = pci_backend(arguments[1]);
  if (behaviour == "fail") return say("libxl: error: libxl_pci.c:1982:do_pci_remove: Domain 7:PCI device not attached to this domain\n");
  if (behaviour == "linger" || store.read(back + "/state").value() != "4") return 0;
  const std::string count = store.read(back + "/num_devs").value().value_or("1");
  if (count == "1") return store.remove(back) ? 0 : 1;
  return store.remove(back + "/dev-" + std::to_string(std::stoi(count) - 1)) && store.write(back + "/num_devs", std::to_string(std::stoi(count) - 1)) ? 0 : 1;
}

}  // namespace

int main(int count, char** values) {
  const std::vector<std::string> arguments(values + 2, values + count);
  const std::filesystem::path folder = values[1];
  std::ofstream calls(folder / "calls", std::ios::app);
  calls << "xl";
  for (const std::string& argument : arguments) calls << ' ' << argument;
  calls << std::endl;
  const std::string behaviour = read(folder / "behaviour");
  if (arguments[0] == "info") return std::printf("virt_caps              : pv hvm hap%s\n", behaviour == "no-iommu" ? "" : " pv_directio hvm_directio") > 0 ? 0 : 1;
  if (behaviour == "deny") return say("libxl: error: libxl_dm.c:3845:libxl__dm_check_start: Domain 7:device model required but not running\n");
  boost::asio::io_context context;
  auto store = Store::open(context.get_executor());
  if (!store) return say("no XenStore\n");
  if (arguments[0] == "usbctrl-attach") return add_controller(store.value(), arguments[1], behaviour != "no-driver");
  if (arguments[0] == "usbdev-attach") return add_device(store.value(), folder / "usb", arguments);
  if (arguments[0] == "usbdev-detach") return take_device(store.value(), folder / "usb", arguments, behaviour);
  if (arguments[0] == "pci-assignable-add") return 0;
  if (arguments[0] == "pci-attach") return add_pci(store.value(), arguments, behaviour);
  if (arguments[0] == "pci-detach") return take_pci(store.value(), arguments, behaviour);
  return say("no such command\n");
}
