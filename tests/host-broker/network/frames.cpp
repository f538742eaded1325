#include "tests/host-broker/network/frames.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>

namespace zynclone::tests {
namespace {

Bytes byte(unsigned value) { return Bytes(1, static_cast<char>(value)); }

Bytes ipv6_header(std::string_view source, std::string_view destination, unsigned next, std::size_t payload) {
  return byte(0x60) + Bytes(3, '\0') + big_endian(static_cast<std::uint16_t>(payload)) + byte(next) + byte(255) + ipv6_bytes(source) +
         ipv6_bytes(destination);
}

// The checksums are not computed: neither a bridge nor its filter looks at them.
Bytes udp_packet(const Udp& udp) {
  return big_endian(udp.source_port) + big_endian(udp.destination_port) + big_endian(16) + big_endian(0) + "payload.";
}

}  // namespace

Bytes mac_bytes(std::string_view mac) {
  Bytes bytes;
  for (std::size_t at = 0; at < mac.size(); at += 3) bytes += byte(static_cast<unsigned>(std::strtoul(std::string(mac.substr(at, 2)).c_str(), nullptr, 16)));
  return bytes;
}

Bytes ipv4_bytes(std::string_view address) {
  std::array<char, 4> bytes{};
  ::inet_pton(AF_INET, std::string(address).c_str(), bytes.data());
  return {bytes.data(), bytes.size()};
}

Bytes ipv6_bytes(std::string_view address) {
  std::array<char, 16> bytes{};
  ::inet_pton(AF_INET6, std::string(address).c_str(), bytes.data());
  return {bytes.data(), bytes.size()};
}

Bytes big_endian(std::uint16_t value) { return byte(value >> 8) + byte(value & 255); }

Bytes ethernet(Link link, std::uint16_t type, const Bytes& payload) {
  return mac_bytes(link.destination) + mac_bytes(link.source) + big_endian(type) + payload;
}

Bytes vlan_tagged(const Bytes& frame, std::uint16_t vlan) { return frame.substr(0, 12) + big_endian(0x8100) + big_endian(vlan) + frame.substr(12); }

Bytes arp(Link link, Arp arp) {
  return ethernet(link, 0x0806,
                  big_endian(1) + big_endian(0x0800) + byte(6) + byte(4) + big_endian(arp.operation) + mac_bytes(arp.sender_mac) +
                      ipv4_bytes(arp.sender) + Bytes(6, '\0') + ipv4_bytes(arp.target));
}

Bytes udp4(Link link, Udp udp) {
  const Bytes packet = udp_packet(udp);
  return ethernet(link, 0x0800,
                  byte(0x45) + byte(0) + big_endian(static_cast<std::uint16_t>(20 + packet.size())) + big_endian(1) + big_endian(0) + byte(64) +
                      byte(17) + big_endian(0) + ipv4_bytes(udp.source) + ipv4_bytes(udp.destination) + packet);
}

Bytes udp6(Link link, Udp udp) {
  const Bytes packet = udp_packet(udp);
  return ethernet(link, 0x86dd, ipv6_header(udp.source, udp.destination, 17, packet.size()) + packet);
}

Bytes icmp6(Link link, Icmp6 message) {
  constexpr unsigned k_icmp6 = 58;
  constexpr unsigned k_destination_options = 60;
  Bytes packet;
  for (unsigned left = message.extension_headers; left > 0; --left) {
    packet += byte(left > 1 ? k_destination_options : k_icmp6) + byte(0) + byte(1) + byte(4) + Bytes(4, '\0');  // PadN of four
  }
  packet += byte(message.type) + byte(0) + big_endian(0) + Bytes(4, '\0');
  packet += message.target.empty() ? Bytes(8, 'e') : ipv6_bytes(message.target);
  const unsigned next = message.extension_headers > 0 ? k_destination_options : k_icmp6;
  return ethernet(link, 0x86dd, ipv6_header(message.source, message.destination, next, packet.size()) + packet);
}

Bytes marked(Bytes frame, int mark) {
  const std::string digits = std::to_string(mark);
  frame.resize(std::max<std::size_t>(frame.size(), 60), '\0');
  return frame + "Zc" + std::string(6 - std::min<std::size_t>(digits.size(), 6), '0') + digits;
}

int mark_of(std::string_view frame) {
  if (frame.size() < 8) return -1;
  const std::string_view end = frame.substr(frame.size() - 8);
  return end.starts_with("Zc") ? std::atoi(std::string(end.substr(2)).c_str()) : -1;
}

}  // namespace zynclone::tests
