#include "host-broker/network/bridge_ports.hpp"

#include <arpa/inet.h>
#include <linux/if_bridge.h>
#include <linux/neighbour.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "host-broker/network/rtnetlink.hpp"
#include "protocol/names.hpp"

namespace zynclone::broker::network {
namespace {

using rtnetlink::attribute_of;
using rtnetlink::exchange;
using rtnetlink::failed;
using rtnetlink::Request;
using rtnetlink::tell;

std::optional<BridgePort> port_of(const char* body, std::size_t size) {
  ifinfomsg link;
  if (size < sizeof link) return std::nullopt;
  std::memcpy(&link, body, sizeof link);
  const std::size_t before = NLMSG_ALIGN(sizeof link);
  const std::string_view attributes(body + std::min(before, size), size - std::min(before, size));
  const std::string_view name = attribute_of(attributes, IFLA_IFNAME);
  const std::string_view bridge = attribute_of(attributes, IFLA_MASTER);
  const std::string_view state = attribute_of(attribute_of(attributes, IFLA_PROTINFO), IFLA_BRPORT_STATE);
  BridgePort port{.name = std::string(name.substr(0, name.find('\0'))), .index = link.ifi_index};
  if (bridge.size() != sizeof port.bridge || port.name.empty()) return std::nullopt;  // the bridge itself
  std::memcpy(&port.bridge, bridge.data(), sizeof port.bridge);
  port.forwards = state.size() == 1 && state[0] == BR_STATE_FORWARDING;
  return port;
}

std::string bytes_of_mac(std::string_view mac) {
  std::string bytes;
  for (std::size_t at = 0; at < mac.size(); at += 3) bytes += static_cast<char>(std::strtoul(std::string(mac.substr(at, 2)).c_str(), nullptr, 16));
  return bytes;
}

int tell_bridge(std::uint16_t type, unsigned flags, const BridgePort& port, std::string_view mac) {
  ndmsg entry{};
  entry.ndm_family = AF_BRIDGE;
  entry.ndm_ifindex = port.index;
  entry.ndm_state = NUD_REACHABLE;  // learned, so that it ages and may be learned again
  entry.ndm_flags = NTF_MASTER;
  Request request(type, NLM_F_ACK | flags, entry);
  request.attribute(NDA_LLADDR, bytes_of_mac(mac));
  return tell(std::move(request));
}

}  // namespace

Result<std::vector<BridgePort>> bridge_ports() {
  ifinfomsg all{};
  all.ifi_family = AF_BRIDGE;
  std::vector<BridgePort> ports;
  const int error = exchange(Request(RTM_GETLINK, NLM_F_DUMP, all), [&ports](unsigned type, const char* body, std::size_t size) {
    if (type != RTM_NEWLINK) return;
    if (auto port = port_of(body, size)) ports.push_back(std::move(*port));
  });
  if (error != 0) return failed("list the ports of bridges", error);
  return ports;
}

std::string bridge_name(int index) {
  std::array<char, IF_NAMESIZE> name{};
  return ::if_indextoname(static_cast<unsigned>(index), name.data()) != nullptr ? name.data() : "a bridge that is gone";
}

Result<void> move_forwarding(const BridgePort& port, std::string_view mac, const std::vector<BridgePort>& others) {
  const int error = tell_bridge(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, port, mac);
  if (error == 0) return outcome::success();
  if (error != EPERM) return failed("tell the bridge that '" + std::string(mac) + "' is at '" + port.name + "'", error);
  // A port that does not forward yet cannot be where a MAC is learned; but it must not be believed elsewhere.
  for (const BridgePort& other : others) {
    const int not_there = tell_bridge(RTM_DELNEIGH, 0, other, mac);
    if (not_there != 0 && not_there != ENOENT) return failed("make the bridge forget '" + std::string(mac) + "' at '" + other.name + "'", not_there);
  }
  return outcome::success();
}

Result<void> correct_neighbour(int bridge, std::string_view address, std::string_view mac) {
  std::array<char, sizeof(in6_addr)> bytes{};
  const std::string text(address);
  const bool is_ipv4 = ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1;
  if (!is_ipv4 && ::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return fail(Errc::invalid_argument, "'" + printable(address) + "' is no address");
  ndmsg entry{};
  entry.ndm_family = is_ipv4 ? AF_INET : AF_INET6;
  entry.ndm_ifindex = bridge;
  entry.ndm_state = NUD_STALE;  // used, and asked about when it is
  Request request(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_REPLACE, entry);
  request.attribute(NDA_DST, std::string(bytes.data(), is_ipv4 ? sizeof(in_addr) : sizeof(in6_addr)));
  request.attribute(NDA_LLADDR, bytes_of_mac(mac));
  const int error = tell(std::move(request));
  // ENOENT: the host does not know it. Others: the host speaks no IP, or not this one, on that bridge.
  if (error == 0 || error == ENOENT || error == EAFNOSUPPORT || error == EINVAL || error == ENODEV) return outcome::success();
  return failed("correct this host's neighbour '" + text + "'", error);
}

}  // namespace zynclone::broker::network
