#pragma once
// One question to rtnetlink(7), or one word to it, in the network namespace of the calling thread. Internal to network/.

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#include "protocol/result.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker::network::rtnetlink {

// "cannot <doing>: <what errno says>".
Error failed(const std::string& doing, int error);

// One request as it goes to the kernel.
class Request {
 public:
  template <class Body>
  Request(std::uint16_t type, unsigned flags, const Body& body) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    append(&header, sizeof header);
    append(&body, sizeof body);
  }
  void attribute(std::uint16_t type, const std::string& value) { bytes_ += attribute_text(type, value); }
  const std::string& bytes();

  // An attribute as it stands within another one.
  static std::string attribute_text(std::uint16_t type, const std::string& value);

 private:
  void append(const void* data, std::size_t size);
  std::string bytes_;
};

// A number as an attribute's value, in the machine's own order.
template <class Number>
std::string value_of(Number number) {
  return {reinterpret_cast<const char*>(&number), sizeof number};
}

// Sends it and hands each message of the answer to `take`, with its type, its body and that body's size. Gives the kernel's errno; 0: none.
template <class Take>
int exchange(Request request, Take take) {
  const Descriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket) return errno;
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  const std::string& bytes = request.bytes();
  if (::send(socket.get(), bytes.data(), bytes.size(), 0) < 0) return errno;
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  for (;;) {
    const ssize_t received = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
    if (received < 0 && errno == EINTR) continue;
    if (received <= 0) return received < 0 ? errno : EIO;
    auto left = static_cast<unsigned>(received);
    for (const auto* header = reinterpret_cast<const nlmsghdr*>(buffer.data()); NLMSG_OK(header, left); header = NLMSG_NEXT(header, left)) {
      if (header->nlmsg_type == NLMSG_DONE) return 0;
      if (header->nlmsg_type == NLMSG_ERROR) return -static_cast<const nlmsgerr*>(NLMSG_DATA(header))->error;
      take(header->nlmsg_type, static_cast<const char*>(NLMSG_DATA(header)), header->nlmsg_len - NLMSG_LENGTH(0));
    }
  }
}

// Without an answer, so with NLM_F_ACK in the request.
int tell(Request request);

// The attribute of this type among these; empty: none.
std::string_view attribute_of(std::string_view attributes, unsigned wanted);

// What follows a message's body of this type; empty where it is too short.
template <class Body>
std::string_view attributes_behind(const char* message, std::size_t size) {
  const std::size_t before = NLMSG_ALIGN(sizeof(Body));
  return size < before ? std::string_view() : std::string_view(message + before, size - before);
}

}  // namespace zynclone::broker::network::rtnetlink
