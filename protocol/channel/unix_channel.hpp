#pragma once
// A channel over a connected Unix stream socket: local sockets, the sandbox's guests, and the way between broker and link.

#include <boost/asio/local/stream_protocol.hpp>

#include <memory>
#include <string>

#include "protocol/channel/channel.hpp"
#include "protocol/limits.hpp"
#include "system/async.hpp"
#include "system/descriptor.hpp"

namespace zynclone::channel {

class UnixChannel final : public Channel {
 public:
  // `socket` is connected and becomes non-blocking.
  explicit UnixChannel(asio::local::stream_protocol::socket socket, Deadline write_deadline = protocol::k_write_deadline);

  // Errors: unavailable when nobody listens there, invalid_argument when the path is too long for a socket address.
  static asio::awaitable<Result<std::unique_ptr<Channel>>> connect(std::string path);

  // Of an inherited or otherwise made socket. Errors: system.
  static Result<std::unique_ptr<Channel>> adopt(asio::any_io_executor executor, Descriptor socket,
                                                Deadline write_deadline = protocol::k_write_deadline);

  asio::awaitable<Result<std::size_t>> read_some(asio::mutable_buffer into) override;
  asio::awaitable<Result<void>> write(asio::const_buffer from) override;
  void close() override;
  std::size_t longest_request() const override { return protocol::k_longest_message; }

 private:
  asio::awaitable<Result<void>> wait_for_room();
  Error error_of(const boost::system::error_code& code, std::string_view verb) const;

  asio::local::stream_protocol::socket socket_;
  Deadline write_deadline_;
  bool ended_ = false;  // the peer has closed; Asio would wait for ever in a second read after that
};

}  // namespace zynclone::channel
