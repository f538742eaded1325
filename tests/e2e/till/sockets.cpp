#include "tests/e2e/till/sockets.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace zynclone::till {

Result<Address> parse_address(const std::string& text) {
  Address address;
  if (text.starts_with("unix:")) {
    auto& local = reinterpret_cast<sockaddr_un&>(address.bytes);
    const std::string path = text.substr(5);
    if (path.size() >= sizeof local.sun_path) return fail(Errc::invalid_argument, "cannot use '" + text + "': the path is too long");
    local.sun_family = AF_UNIX;
    std::memcpy(local.sun_path, path.c_str(), path.size() + 1);
    address.size = sizeof local;
    return address;
  }
  if (!text.starts_with("udp:")) return fail(Errc::invalid_argument, "cannot use '" + text + "': unix:PATH and udp:[ADDRESS:]PORT are known");
  auto& inet = reinterpret_cast<sockaddr_in&>(address.bytes);
  const std::size_t colon = text.rfind(':');
  inet.sin_family = AF_INET;
  inet.sin_port = htons(static_cast<std::uint16_t>(std::atoi(text.c_str() + colon + 1)));
  inet.sin_addr.s_addr = htonl(INADDR_ANY);
  if (colon > 4 && ::inet_pton(AF_INET, text.substr(4, colon - 4).c_str(), &inet.sin_addr) != 1) {
    return fail(Errc::invalid_argument, "cannot use '" + text + "': it is no IPv4 address");
  }
  address.size = sizeof inet;
  return address;
}

Result<Descriptor> bound_socket(const Address& address, int type) {
  Descriptor socket(::socket(address.family(), type | SOCK_CLOEXEC, 0));
  if (address.family() == AF_UNIX) ::unlink(reinterpret_cast<const sockaddr_un&>(address.bytes).sun_path);
  if (::bind(socket.get(), address.get(), address.size) != 0) return fail(Errc::system, std::string("cannot bind a socket: ") + std::strerror(errno));
  return socket;
}

}  // namespace zynclone::till
