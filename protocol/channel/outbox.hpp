#pragma once
// The messages that wait to be written to a channel, in order and within a bound. One coroutine writes them (run); any number
// add to them. One thread.

#include <deque>
#include <optional>
#include <string>

#include "protocol/channel/channel.hpp"
#include "protocol/channel/frame.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::channel {

class Outbox {
 public:
  // `longest`: bytes of one message; `most_bytes`: of all that wait, which one message may exceed when it is the only one.
  Outbox(Framing framing, std::size_t longest, std::size_t most_bytes) : framing_(framing), longest_(longest), most_bytes_(most_bytes) {}

  // Adds a message when there is room for it, and else waits for room. Errors: too_large, malformed (see frame), timed_out when
  // there is none until `time`, unavailable once closed.
  asio::awaitable<Result<void>> send(std::string message, WakeUp::Time time = WakeUp::Time::max());

  // Adds a message at once. Errors: as send, but limit_exceeded when there is no room.
  Result<void> post(std::string message);

  // Writes what is added until closed or the channel fails, and closes then. `channel` outlives it.
  asio::awaitable<Error> run(Channel& channel);

  // Waits until everything is written, or closed. False when closed or `time` came first.
  asio::awaitable<bool> flush(WakeUp::Time time);

  void close();
  std::uint64_t written() const { return written_; }  // messages

 private:
  bool has_room() const { return waiting_bytes_ == 0 || waiting_bytes_ < most_bytes_; }
  std::string take_batch();

  Framing framing_;
  std::size_t longest_;
  std::size_t most_bytes_;
  std::deque<std::string> waiting_;
  std::size_t waiting_bytes_ = 0;  // with what is being written
  std::uint64_t written_ = 0;
  bool closed_ = false;
  WakeUp filled_;
  WakeUp emptied_;
};

}  // namespace zynclone::channel
