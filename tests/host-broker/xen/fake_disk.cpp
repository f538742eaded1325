// What zynclone-disk does to XenStore (with libxl of Xen 4.17, as seen on a real host), for XlBlockDevices' tests. The argument is a folder: "calls"
// there gets what is asked on standard input, "behaviour" says what is to be pretended beside a host where all goes well:
//
//   refuse     the block script refuses: the nodes stay, and xl fails
//   no-qemu    a QEMU's backend that nobody serves
//   shy        the guest does not connect
//   keep       the guest does not give it up: xl asks, waits and fails, unless forced
//   linger     xl says that it is gone while its nodes are there
//   deny       xl fails before it does anything

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <string>

#include <boost/asio/io_context.hpp>

#include "host-broker/xen/store/xenstore.hpp"

namespace {

using zynclone::xenstore::Store;

std::map<std::string, std::string> parse(std::string specification) {
  std::map<std::string, std::string> options;
  const auto target = specification.find("target=");
  options["target"] = specification.substr(target + 7);
  specification.resize(target);
  for (std::size_t begin = 0; begin < specification.size();) {
    const auto end = specification.find(',', begin);
    const std::string option = specification.substr(begin, end - begin);
    options[option.substr(0, option.find('='))] = option.substr(option.find('=') + 1);
    begin = end + 1;
  }
  return options;
}

std::string number_of(const std::string& device) { return std::to_string(51712 + 16 * (device.at(3) - 'a')); }

int say(const char* text) {
  std::fputs(text, stderr);
  return 1;
}

int attach(Store& store, const std::string& domain, const std::string& specification, const std::string& behaviour) {
  auto options = parse(specification);
  const bool is_file = options["format"] == "qcow2";
  const std::string number = number_of(options["vdev"]);
  const std::string back = std::string("/local/domain/0/backend/") + (is_file ? "qdisk/" : "vbd/") + domain + "/" + number;
  bool done = store.write("/libxl/" + domain + "/device/vbd/" + number, "").has_value();
  const auto write = [&](const char* name, const std::string& value) { done = done && store.write(back + "/" + name, value).has_value(); };
  write("dev", options["vdev"]);
  write("params", (is_file ? "qcow2:" : "") + options["target"]);
  write("mode", options["access"] == "rw" ? "w" : "r");
  if (behaviour == "refuse") {
    write("hotplug-status", "busy");
    write("state", "2");
    return say("libxl: error: libxl_device.c:1337:device_hotplug_child_death_cb: script: Device /dev/dm-7 is mounted in a guest domain\n");
  }
  write("state", behaviour == "no-qemu" ? "1" : behaviour == "shy" ? "2" : "4");
  return done ? 0 : say("no XenStore\n");
}

int detach(Store& store, const std::string& domain, const std::string& number, bool by_force, const std::string& behaviour) {
  const std::string place = domain + "/" + number;
  std::string back = "/local/domain/0/backend/vbd/" + place;
  if (!store.read(back).value()) back = "/local/domain/0/backend/qdisk/" + place;
  if (behaviour == "linger") return 0;
  if (behaviour == "keep" && !by_force) {
    if (!store.write(back + "/online", "0") || !store.write(back + "/state", "5")) return say("no XenStore\n");
    return say("libxl: error: libxl_device.c:1181:device_backend_callback: Domain 1:unable to remove device\n");
  }
  return store.remove(back) && store.remove("/libxl/" + domain + "/device/vbd/" + number) ? 0 : say("no XenStore\n");
}

}  // namespace

int main(int, char** values) {
  std::vector<std::string> arguments;
  for (std::string argument; std::getline(std::cin, argument, '\0');) arguments.push_back(argument);
  if (arguments.empty()) return 0;
  const std::string folder = values[1];
  std::ofstream calls(folder + "/calls", std::ios::app);
  calls << "disk";
  for (const std::string& argument : arguments) calls << ' ' << argument;
  calls << '\n';
  std::string behaviour;
  std::ifstream(folder + "/behaviour") >> behaviour;
  if (behaviour == "deny") return say("libxl: error: libxl_utils.c:819:libxl__lock_file: cannot lock\n");

  boost::asio::io_context context;
  auto store = Store::open(context.get_executor());
  if (!store) return say("no XenStore\n");
  if (arguments.at(0) == "block-attach") return attach(store.value(), arguments.at(1), arguments.at(2), behaviour);
  const bool by_force = arguments.at(1) == "--force";
  return detach(store.value(), arguments.at(by_force ? 2 : 1), arguments.at(by_force ? 3 : 2), by_force, behaviour);
}
