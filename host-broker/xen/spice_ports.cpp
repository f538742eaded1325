#include "host-broker/xen/spice_ports.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include "system/descriptor.hpp"

namespace zynclone::broker::xen {

Result<std::optional<SpicePorts>> choose_spice_ports(const XlConfig& original, const Uuid& clone, PortRange range,
                                                     const std::function<bool(unsigned port)>& is_free) {
  if (!original.has_spice) return std::optional<SpicePorts>();
  const unsigned count = range.last - range.first + 1;
  // Where to begin differs from clone to clone, so that two that start at once seldom want the same.
  const unsigned begin = static_cast<unsigned>(std::stoul(sha256_hex("spice port of " + clone.text()).substr(0, 6), nullptr, 16)) % count;
  SpicePorts ports;
  unsigned at = 0;
  for (auto [wanted, chosen] : {std::pair{original.spice_port, &ports.plain}, std::pair{original.spice_tls_port, &ports.tls}}) {
    while (wanted != 0 && *chosen == 0 && at < count) {
      const unsigned port = range.first + (begin + at++) % count;
      if (port != original.spice_port && port != original.spice_tls_port && is_free(port)) *chosen = port;
    }
    if (wanted != 0 && *chosen == 0) {
      return fail(Errc::conflict, "cannot give the clone a SPICE display of its own: too few ports of " + std::to_string(range.first) + "-" +
                                      std::to_string(range.last) + " are free (key 'spice_ports' in broker.conf); stop a clone, or allow more");
    }
  }
  return std::optional<SpicePorts>(ports);
}

bool is_port_free(unsigned port) {
  const Descriptor socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Descriptor old(socket ? -1 : ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // a host without IPv6
  const int on = 1;
  if (socket) {
    // As QEMU listens: what a closed connection left behind does not count. An IPv6 socket takes the IPv4 port, too.
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<std::uint16_t>(port));
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(socket.get(), 1) == 0;
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  ::setsockopt(old.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return ::bind(old.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 && ::listen(old.get(), 1) == 0;
}

}  // namespace zynclone::broker::xen
