#include "host-broker/sandbox/disk_nodes.hpp"

#include <charconv>

#include "host-broker/sandbox/node_writer.hpp"

namespace zynclone::sandbox {
namespace {

constexpr unsigned k_most_partitions = 15;  // of a disk that has one of the numbers below 2^28

struct Paths {
  std::string front;
  std::string back;
  std::string toolstack;
};

Paths paths_of(DomainId domain, unsigned number) {
  const std::string device = std::to_string(number);
  return {.front = home_of(domain) + "/device/vbd/" + device,
          .back = disk_backends_path(domain) + "/" + device,
          .toolstack = "/libxl/" + std::to_string(domain.value) + "/device/vbd/" + device};
}

}  // namespace

std::string disk_backends_path(DomainId domain) { return home_of(k_host_domain) + "/backend/vbd/" + std::to_string(domain.value); }

Result<unsigned> device_number(std::string_view device) {
  const auto unknown = [&] {
    return fail(Errc::invalid_argument, "cannot use disk device '" + printable(device) + "': xvda to xvdiv, sda to sdp, hda to hdd and their partitions are allowed");
  };
  const bool is_xvd = device.starts_with("xvd");
  const bool is_sd = device.starts_with("sd");
  if (!is_xvd && !is_sd && !device.starts_with("hd")) return unknown();
  std::string_view rest = device.substr(is_xvd ? 3 : 2);
  unsigned disk = 0;  // a is 1, z is 26, aa is 27
  while (!rest.empty() && rest.front() >= 'a' && rest.front() <= 'z' && disk <= 256) {
    disk = disk * 26 + static_cast<unsigned>(rest.front() - 'a' + 1);
    rest.remove_prefix(1);
  }
  const unsigned most = is_xvd ? 256 : is_sd ? 16 : 4;
  if (disk == 0 || disk-- > most) return unknown();
  unsigned partition = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), partition);
  if (!rest.empty() && (error != std::errc() || end != rest.data() + rest.size() || partition == 0 || partition > k_most_partitions)) return unknown();
  if (is_sd) return (8u << 8) | (disk << 4) | partition;
  if (!is_xvd) return ((disk < 2 ? 3u : 22u) << 8) | ((disk & 1) << 6) | partition;
  return disk < 16 ? (202u << 8) | (disk << 4) | partition : (1u << 28) | (disk << 8) | partition;
}

Result<void> make_disk_nodes(StoreEngine& engine, DomainId domain, const broker::VmDisk& disk) {
  TRY(const unsigned number, device_number(disk.device));
  const auto [front, back, toolstack] = paths_of(domain, number);
  NodeWriter writer(engine, domain);
  writer.write(toolstack, "", writer.host_only());
  writer.write(toolstack + "/frontend", front, writer.host_only());
  writer.write(toolstack + "/backend", back, writer.host_only());
  writer.write(front, "", writer.frontend());
  writer.write(front + "/backend", back, writer.frontend());
  writer.write(front + "/backend-id", "0", writer.frontend());
  writer.write(front + "/virtual-device", std::to_string(number), writer.frontend());
  writer.write(front + "/device-type", "disk", writer.frontend());
  writer.write(front + "/state", k_node_connected, writer.frontend());
  writer.write(back, "", writer.readable());
  writer.write(back + "/frontend", front, writer.readable());
  writer.write(back + "/frontend-id", std::to_string(domain.value), writer.readable());
  writer.write(back + "/params", disk.volume.path, writer.readable());
  writer.write(back + "/online", "1", writer.readable());
  writer.write(back + "/dev", disk.device, writer.readable());
  writer.write(back + "/type", "phy", writer.readable());
  writer.write(back + "/mode", disk.writable ? "w" : "r", writer.readable());
  writer.write(back + "/device-type", "disk", writer.readable());
  writer.write(back + "/hotplug-status", "connected", writer.readable());
  writer.write(back + "/state", k_node_connected, writer.readable());  // last, as all that watch look at it
  return writer.result();
}

void remove_disk_nodes(StoreEngine& engine, DomainId domain, const broker::VmDisk& disk) {
  const auto number = device_number(disk.device);
  if (!number) return;
  const auto [front, back, toolstack] = paths_of(domain, number.value());
  for (const std::string& path : {front, back, toolstack}) [[maybe_unused]] const auto removed = engine.remove(path);
}

}  // namespace zynclone::sandbox
