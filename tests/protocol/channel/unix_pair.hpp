#pragma once
// Two Unix channels that are connected with each other.

#include <sys/socket.h>

#include <memory>
#include <stdexcept>

#include "protocol/channel/unix_channel.hpp"

namespace zynclone::tests {

struct ChannelPair {
  std::unique_ptr<channel::Channel> guest;
  std::unique_ptr<channel::Channel> broker;
};

inline ChannelPair unix_pair(asio::io_context& context, Deadline brokers_write_deadline = protocol::k_write_deadline) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) throw std::runtime_error("socketpair");
  return {channel::UnixChannel::adopt(context.get_executor(), Descriptor(ends[0])).value(),
          channel::UnixChannel::adopt(context.get_executor(), Descriptor(ends[1]), brokers_write_deadline).value()};
}

}  // namespace zynclone::tests
