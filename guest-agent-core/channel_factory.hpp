#pragma once
// Where the session gets its channel to the broker from. Real: agent::linux VchanFactory, UnixFactory, MailboxFactory. Tests:
// FakeChannelFactory.

#include <memory>

#include "protocol/channel/channel.hpp"
#include "system/async.hpp"

namespace zynclone::agent {

class ChannelFactory {
 public:
  virtual ~ChannelFactory() = default;
  // Makes this guest reachable for the broker, waits until the broker has come, and gives the channel. Nothing of an earlier channel is
  // used again, as this may be another VM since. Errors: unavailable, system; may be tried again.
  virtual asio::awaitable<Result<std::unique_ptr<channel::Channel>>> open() = 0;
  // Nothing more will be opened: gives up what makes this guest reachable, and waits for nothing any longer.
  virtual void close() {}
};

}  // namespace zynclone::agent
