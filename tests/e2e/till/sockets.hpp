#pragma once
// Addresses of the till's sockets, and sockets for them.

#include <sys/socket.h>

#include <string>

#include "protocol/result.hpp"
#include "system/descriptor.hpp"

namespace zynclone::till {

struct Address {
  sockaddr_storage bytes{};
  socklen_t size = 0;
  int family() const { return bytes.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

// "unix:/path", "udp:10.9.0.11:7000", "udp:7000" (any address of this machine).
Result<Address> parse_address(const std::string& text);

// Bound to the address; a Unix socket's file is made anew. `type`: SOCK_DGRAM or SOCK_STREAM.
Result<Descriptor> bound_socket(const Address& address, int type);

}  // namespace zynclone::till
