#pragma once
// The link's end towards its guest, made while the process still may.

#include <boost/asio/io_context.hpp>

#include <memory>

#include "host-broker/app/zynclone-link/arguments.hpp"
#include "protocol/channel/channel.hpp"
#include "system/async.hpp"

namespace zynclone::broker::link {

struct Guest {
  std::unique_ptr<channel::Channel> channel;
  std::size_t longest_request = 0;   // bytes of one message from it
  int event_channel = -1;            // on which the channel needs an ioctl to the end
};

// The address at which a guest advertises its vchan, for the path of libxenvchan and of the broker's watch.
std::string vchan_path(DomainId domain);

// Connects, and gives back what is only needed for that. With mailbox it forks a process that holds the connection to XenStore and knows
// nothing of messages, so call it before there are threads. Errors: unavailable and others; see LinkExit::cannot_connect.
Result<Guest> connect_guest(asio::io_context& context, const Arguments& arguments);

}  // namespace zynclone::broker::link
