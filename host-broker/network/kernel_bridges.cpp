#include "host-broker/network/kernel_bridges.hpp"

#include <linux/if_link.h>
#include <net/if.h>

#include <memory>
#include <optional>

#include "host-broker/network/bridge_ports.hpp"
#include "host-broker/network/rtnetlink.hpp"
#include "host-broker/network/vif_filter.hpp"
#include "host-broker/ports/family.hpp"

namespace zynclone::broker::network {
namespace {

using rtnetlink::failed;
using rtnetlink::Request;
using rtnetlink::value_of;

ifinfomsg link_of(int index) {
  ifinfomsg link{};
  link.ifi_index = index;
  return link;
}

struct Link {
  bool is_up = false;
  bool is_bridge = false;
};

std::optional<Link> find_link(const std::string& name) {
  const auto index = static_cast<int>(::if_nametoindex(name.c_str()));
  if (index == 0) return std::nullopt;
  // The answer is one message, of which only the acknowledgement behind it says that it has ended.
  Request request(RTM_GETLINK, NLM_F_ACK, link_of(index));
  std::optional<Link> found;
  const int error = rtnetlink::exchange(std::move(request), [&found](unsigned type, const char* body, std::size_t size) {
    ifinfomsg link;
    if (type != RTM_NEWLINK || size < sizeof link) return;
    std::memcpy(&link, body, sizeof link);
    const std::string_view info = rtnetlink::attribute_of(rtnetlink::attributes_behind<ifinfomsg>(body, size), IFLA_LINKINFO);
    const std::string_view kind = rtnetlink::attribute_of(info, IFLA_INFO_KIND);
    found = Link{.is_up = (link.ifi_flags & IFF_UP) != 0, .is_bridge = kind.substr(0, kind.find('\0')) == "bridge"};
  });
  return error == 0 ? found : std::nullopt;
}

int create_bridge(const std::string& name) {
  const auto nested = [](std::uint16_t type, const std::string& value) { return Request::attribute_text(type | NLA_F_NESTED, value); };
  const std::string settings = Request::attribute_text(IFLA_BR_FORWARD_DELAY, value_of<std::uint32_t>(0)) +
                               Request::attribute_text(IFLA_BR_STP_STATE, value_of<std::uint32_t>(0)) +
                               Request::attribute_text(IFLA_BR_MCAST_SNOOPING, value_of<std::uint8_t>(0));
  Request request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, link_of(0));
  request.attribute(IFLA_IFNAME, name + '\0');
  request.attribute(IFLA_LINKINFO | NLA_F_NESTED, Request::attribute_text(IFLA_INFO_KIND, "bridge") + nested(IFLA_INFO_DATA, settings));
  return rtnetlink::tell(std::move(request));
}

// While it is down: once it is up, the host has given itself an address there. A host without IPv6 has none to give.
int forbid_link_local_address(int index) {
  const std::string mode = Request::attribute_text(IFLA_INET6_ADDR_GEN_MODE, value_of<std::uint8_t>(IN6_ADDR_GEN_MODE_NONE));
  Request request(RTM_SETLINK, NLM_F_ACK, link_of(index));
  request.attribute(IFLA_AF_SPEC | NLA_F_NESTED, Request::attribute_text(AF_INET6 | NLA_F_NESTED, mode));
  const int error = rtnetlink::tell(std::move(request));
  return error == EAFNOSUPPORT || error == EINVAL ? 0 : error;
}

int bring_up(int index) {
  ifinfomsg link = link_of(index);
  link.ifi_flags = IFF_UP;
  link.ifi_change = IFF_UP;
  return rtnetlink::tell(Request(RTM_SETLINK, NLM_F_ACK, link));
}

// To the bridge of this index; 0: to none.
int set_bridge(int interface, int bridge) {
  Request request(RTM_SETLINK, NLM_F_ACK, link_of(interface));
  request.attribute(IFLA_MASTER, value_of(bridge));
  return rtnetlink::tell(std::move(request));
}

int remove_link(int index) { return rtnetlink::tell(Request(RTM_DELLINK, NLM_F_ACK, link_of(index))); }

const BridgePort* find_port(const std::vector<BridgePort>& ports, int index) {
  for (const BridgePort& port : ports) {
    if (port.index == index) return &port;
  }
  return nullptr;
}

std::map<std::string, int> isolated_bridges() {
  std::map<std::string, int> bridges;
  const std::unique_ptr<struct if_nameindex, decltype(&::if_freenameindex)> all(::if_nameindex(), ::if_freenameindex);
  for (const auto* one = all.get(); one != nullptr && one->if_index != 0; ++one) {
    if (is_isolated_bridge(one->if_name)) bridges.emplace(one->if_name, static_cast<int>(one->if_index));
  }
  return bridges;
}

bool is_named(const std::set<std::string>& names, const std::string& port) {
  return names.contains(port) || (port.ends_with(k_emulated_twin) && names.contains(port.substr(0, port.size() - k_emulated_twin.size())));
}

}  // namespace

Result<void> KernelBridges::make(const std::string& bridge) {
  const std::string doing = "make bridge '" + bridge + "'";
  auto link = find_link(bridge);
  if (!link) {
    const int error = create_bridge(bridge);
    if (error != 0 && error != EEXIST) return failed(doing, error);
    link = find_link(bridge);
  }
  if (!link) return fail(Errc::system, "cannot " + doing + ": it is not there afterwards");
  if (!link->is_bridge) return fail(Errc::conflict, "cannot " + doing + ": an interface of this name is there, and is no bridge");
  if (link->is_up) return outcome::success();  // said once only: each word would be a change of the network to look at again
  const auto index = static_cast<int>(::if_nametoindex(bridge.c_str()));
  if (const int error = forbid_link_local_address(index); error != 0) return failed("keep this host's addresses off bridge '" + bridge + "'", error);
  if (const int error = bring_up(index); error != 0) return failed("bring bridge '" + bridge + "' up", error);
  return outcome::success();
}

Result<std::vector<std::string>> KernelBridges::place(const std::vector<Placement>& placements) {
  std::vector<std::string> moved;
  if (placements.empty()) return moved;
  TRY(const auto ports, bridge_ports());
  for (const Placement& placement : placements) {
    for (const std::string& name : {placement.interface, placement.interface + std::string(k_emulated_twin)}) {
      const auto index = static_cast<int>(::if_nametoindex(name.c_str()));
      if (index == 0) continue;
      const auto bridge = static_cast<int>(::if_nametoindex(placement.bridge.c_str()));
      if (bridge == 0) return fail(Errc::not_found, "cannot move interface '" + name + "' to bridge '" + placement.bridge + "': there is no such bridge");
      const BridgePort* port = find_port(ports, index);
      if (port != nullptr && port->bridge == bridge) continue;
      if (const int error = set_bridge(index, bridge); error != 0) return failed("move interface '" + name + "' to bridge '" + placement.bridge + "'", error);
      moved.push_back("interface " + name + ": from " + (port != nullptr ? bridge_name(port->bridge) : "no bridge") + " to " + placement.bridge);
    }
  }
  return moved;
}

Result<std::vector<std::string>> KernelBridges::tidy(const std::map<std::string, std::set<std::string>>& wanted) {
  std::vector<std::string> done;
  const auto bridges = isolated_bridges();
  if (bridges.empty()) return done;
  TRY(const auto ports, bridge_ports());
  for (const auto& [name, index] : bridges) {
    const auto found = wanted.find(name);
    bool is_empty = true;
    for (const BridgePort& port : ports) {
      if (port.bridge != index) continue;
      is_empty = false;
      if (found == wanted.end() || is_named(found->second, port.name)) continue;
      if (const int error = set_bridge(port.index, 0); error != 0) return failed("take '" + port.name + "' from bridge '" + name + "'", error);
      done.push_back("took interface " + port.name + " from " + name + ": it is none of the family's isolated clones'");
    }
    if (found != wanted.end() || !is_empty) continue;
    if (const int error = remove_link(index); error != 0 && error != ENODEV) return failed("remove bridge '" + name + "'", error);
    done.push_back("removed bridge " + name + ": no isolated clone needs it");
  }
  return done;
}

}  // namespace zynclone::broker::network
