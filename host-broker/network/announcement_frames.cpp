#include "host-broker/network/announcement_frames.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstdint>
#include <cstdlib>

#include "protocol/names.hpp"

namespace zynclone::broker::network {
namespace {

using namespace std::string_literals;

std::string byte(unsigned value) { return std::string(1, static_cast<char>(value)); }
std::string big_endian(std::uint16_t value) { return byte(value >> 8u) + byte(value & 0xffu); }

std::string bytes_of(const MacAddress& mac) {
  std::string bytes;
  for (std::size_t at = 0; at < mac.text().size(); at += 3) bytes += byte(static_cast<unsigned>(std::strtoul(mac.text().substr(at, 2).c_str(), nullptr, 16)));
  return bytes;
}

template <class Address>
std::string bytes_of(const Address& address) {
  return {reinterpret_cast<const char*>(&address), sizeof address};
}

// The complement of the sum of all 16-bit words in ones' complement arithmetic (RFC 1071).
std::uint16_t checksum(std::string_view bytes) {
  std::uint32_t sum = 0;
  for (std::size_t at = 0; at < bytes.size(); at += 2) {
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at])) << 8u;
    if (at + 1 < bytes.size()) sum += static_cast<unsigned char>(bytes[at + 1]);
  }
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16u);
  return static_cast<std::uint16_t>(~sum);
}

bool is_of_one_machine(const in_addr& address) {
  const std::uint32_t number = ntohl(address.s_addr);
  return number >> 24u != 0 && number >> 24u != IN_LOOPBACKNET && !IN_MULTICAST(number) && number != INADDR_BROADCAST;
}

bool is_of_one_machine(const in6_addr& address) {
  return !IN6_IS_ADDR_UNSPECIFIED(&address) && !IN6_IS_ADDR_LOOPBACK(&address) && !IN6_IS_ADDR_MULTICAST(&address);
}

std::string arp_announcement(const std::string& mac, const std::string& address) {
  constexpr std::uint16_t k_ethernet = 1, k_ipv4 = 0x0800, k_request = 1;
  return std::string(6, '\xff') + mac + big_endian(0x0806) + big_endian(k_ethernet) + big_endian(k_ipv4) + byte(6) + byte(4) + big_endian(k_request) +
         mac + address + std::string(6, '\0') + address;
}

// The address is its source too: one that the member has for certain.
std::string neighbour_advertisement(const std::string& mac, const std::string& address) {
  constexpr unsigned k_icmpv6 = 58, k_advertisement = 136, k_override = 0x20, k_target_link_layer_address = 2;
  const std::string all_nodes = "\xff\x02"s + std::string(13, '\0') + "\x01"s;
  const std::string begin = byte(k_advertisement) + byte(0);
  const std::string rest = byte(k_override) + std::string(3, '\0') + address + byte(k_target_link_layer_address) + byte(1) + mac;
  const auto length = static_cast<std::uint16_t>(begin.size() + 2 + rest.size());
  // RFC 4443, 2.3: over the pseudo-header of RFC 8200, 8.1, and the message with a checksum of zero.
  const std::string summed = address + all_nodes + std::string(2, '\0') + big_endian(length) + std::string(3, '\0') + byte(k_icmpv6) + begin +
                             std::string(2, '\0') + rest;
  return "\x33\x33"s + all_nodes.substr(12) + mac + big_endian(0x86dd) + byte(0x60) + std::string(3, '\0') + big_endian(length) + byte(k_icmpv6) +
         byte(255) + address + all_nodes + begin + big_endian(checksum(summed)) + rest;
}

}  // namespace

Result<std::string> announcement_frame(std::string_view mac, std::string_view address) {
  TRY(const auto checked_mac, MacAddress::parse(mac));
  const std::string text(address);
  in_addr ipv4{};
  if (::inet_pton(AF_INET, text.c_str(), &ipv4) == 1 && is_of_one_machine(ipv4)) return arp_announcement(bytes_of(checked_mac), bytes_of(ipv4));
  in6_addr ipv6{};
  if (::inet_pton(AF_INET6, text.c_str(), &ipv6) == 1 && is_of_one_machine(ipv6)) {
    return neighbour_advertisement(bytes_of(checked_mac), bytes_of(ipv6));
  }
  return fail(Errc::invalid_argument, "cannot announce '" + printable(address) + "': an IPv4 or IPv6 address of one machine is allowed");
}

}  // namespace zynclone::broker::network
