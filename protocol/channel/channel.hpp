#pragma once
// How bytes cross between a guest and the broker: one interface over vchan, a Unix socket and the XenStore mailbox. A
// channel is used by one coroutine for reading and one for writing, on the thread of its executor.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>

#include <chrono>
#include <cstddef>

#include "protocol/result.hpp"

namespace zynclone::channel {

// For a wait on a peer that is trusted to go on.
inline constexpr std::chrono::steady_clock::duration k_no_deadline = std::chrono::hours(24 * 365);

class Channel {
 public:
  virtual ~Channel() = default;

  // At least one byte. Errors: unavailable when the peer is gone. Cancellation ends the wait and loses nothing.
  virtual boost::asio::awaitable<Result<std::size_t>> read_some(boost::asio::mutable_buffer into) = 0;

  // All of it, or an error, after which the channel is of no more use. Errors: unavailable, timed_out when the peer reads
  // nothing for protocol::k_write_deadline.
  virtual boost::asio::awaitable<Result<void>> write(boost::asio::const_buffer from) = 0;

  // Ends pending reads and writes with unavailable. May be called more than once.
  virtual void close() = 0;

  // Bytes of one message at most that this channel carries towards the broker.
  virtual std::size_t longest_request() const = 0;
};

}  // namespace zynclone::channel
