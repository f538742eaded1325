#pragma once
// Ethernet frames made byte by byte for the filter's tests. Each ends in a mark of eight bytes, behind all that its own headers
// count, by which a capture knows it again.

#include <cstdint>
#include <string>
#include <string_view>

namespace zynclone::tests {

using Bytes = std::string;

inline constexpr std::string_view k_broadcast = "ff:ff:ff:ff:ff:ff";
// Of a guest, of another one, and of a machine in the shop's network.
inline const std::string k_mac = "00:16:3e:00:00:01";
inline const std::string k_other_mac = "00:16:3e:00:00:99";
inline const std::string k_lan_mac = "02:00:00:00:00:01";

Bytes mac_bytes(std::string_view mac);
Bytes ipv4_bytes(std::string_view address);
Bytes ipv6_bytes(std::string_view address);
Bytes big_endian(std::uint16_t value);

struct Link {
  std::string_view source;
  std::string_view destination = k_broadcast;
};

Bytes ethernet(Link link, std::uint16_t type, const Bytes& payload);
Bytes vlan_tagged(const Bytes& frame, std::uint16_t vlan);

struct Arp {
  std::uint16_t operation = 1;
  std::string_view sender_mac;
  std::string_view sender;
  std::string_view target;
};
Bytes arp(Link link, Arp arp);

struct Udp {
  std::string_view source;
  std::string_view destination;
  std::uint16_t source_port = 1000;
  std::uint16_t destination_port = 2000;
};
Bytes udp4(Link link, Udp udp);
Bytes udp6(Link link, Udp udp);

struct Icmp6 {
  std::string_view source;
  std::string_view destination;
  std::uint8_t type = 0;
  std::string_view target;            // of a neighbour message
  unsigned extension_headers = 0;     // destination options put before it
};
Bytes icmp6(Link link, Icmp6 message);

// With the mark put at its end; and the mark of a captured frame, or -1.
Bytes marked(Bytes frame, int mark);
int mark_of(std::string_view frame);

}  // namespace zynclone::tests
