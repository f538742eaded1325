#pragma once
// Whole messages from a channel. Used by one coroutine; the channel outlives it.

#include <array>
#include <optional>
#include <string>

#include "protocol/channel/channel.hpp"
#include "protocol/channel/frame.hpp"
#include "system/async.hpp"

namespace zynclone::channel {

class MessageReader {
 public:
  // `whole_message`: from a message's first byte to its last. Between messages there is no limit.
  MessageReader(Channel& channel, Framing framing, std::size_t longest, Deadline whole_message)
      : channel_(channel), frames_(framing, longest), whole_message_(whole_message) {}

  // The next message; empty when the peer sent an empty one. Errors, after any of which there is no more to read: too_large,
  // timed_out within a message, and those of the channel.
  asio::awaitable<Result<std::string>> next();

 private:
  asio::awaitable<Result<void>> read_more();

  Channel& channel_;
  FrameReader frames_;
  Deadline whole_message_;
  std::optional<std::chrono::steady_clock::time_point> message_deadline_;
  std::array<char, 4096> buffer_;
};

}  // namespace zynclone::channel
