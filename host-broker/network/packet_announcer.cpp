#include "host-broker/network/packet_announcer.hpp"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "host-broker/network/announcement_frames.hpp"
#include "host-broker/network/bridge_ports.hpp"
#include "protocol/names.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::network {
namespace {

struct Place {
  BridgePort own;
  std::vector<BridgePort> others;   // of the same bridge
};

Result<Place> place_of(const std::string& interface) {
  TRY(const auto ports, bridge_ports());
  const auto own = std::find_if(ports.begin(), ports.end(), [&](const BridgePort& port) { return port.name == interface; });
  if (own == ports.end()) return fail(Errc::not_found, "cannot announce on '" + printable(interface) + "': it is not there, or on no bridge");
  Place place{.own = *own, .others = {}};
  std::copy_if(ports.begin(), ports.end(), std::back_inserter(place.others),
               [&](const BridgePort& port) { return port.bridge == own->bridge && port.index != own->index; });
  return place;
}

Result<void> send_to(int socket, const BridgePort& port, const std::string& frame) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = port.index;
  address.sll_halen = ETH_ALEN;
  std::memcpy(address.sll_addr, frame.data(), ETH_ALEN);
  const ssize_t sent = ::sendto(socket, frame.data(), frame.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  if (sent == static_cast<ssize_t>(frame.size())) return outcome::success();
  return fail(Errc::system, "cannot send to '" + port.name + "': " + std::strerror(errno));
}

}  // namespace

Result<std::string> PacketAnnouncer::announce(const Announcement& announcement, const FilterState& in_force) {
  std::vector<std::string> frames;
  for (const std::string& address : announcement.addresses) {
    TRY(auto frame, announcement_frame(announcement.mac, address));
    frames.push_back(std::move(frame));
  }
  TRY(const auto place, place_of(announcement.interface));
  // First, so that who answers the frames is answered at the right port.
  TRY(move_forwarding(place.own, announcement.mac, place.others));
  for (const std::string& address : announcement.addresses) {
    TRY(correct_neighbour(place.own.bridge, address, announcement.mac));
  }

  // Of protocol 0: it sends, and receives nothing.
  const Descriptor socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!socket) return fail(Errc::system, std::string("cannot open a raw socket: ") + std::strerror(errno));
  std::size_t heard = 0;
  std::optional<Error> error;
  for (const BridgePort& port : place.others) {
    const bool is_twin = port.name == announcement.interface + std::string(k_emulated_twin) || port.name + std::string(k_emulated_twin) == announcement.interface;
    if (!port.forwards || is_twin || !may_receive(in_force, port.name)) continue;
    ++heard;
    for (const std::string& frame : frames) {
      auto sent = send_to(socket.get(), port, frame);
      if (!sent && !error) error = std::move(sent).error();
    }
  }
  if (error) return *error;
  return "on " + bridge_name(place.own.bridge) + ", " + std::to_string(heard) + (heard == 1 ? " port" : " ports");
}

}  // namespace zynclone::broker::network
