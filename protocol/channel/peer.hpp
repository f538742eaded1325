#pragma once
// One end of a JSON-RPC conversation over a channel, both directions at once: sends calls and waits for their responses under
// a deadline, and hands what the peer asks to a handler. Owned by whoever made the channel; runs on its executor.

#include <boost/asio/experimental/channel.hpp>

#include <functional>
#include <memory>
#include <unordered_map>

#include "protocol/channel/channel.hpp"
#include "protocol/channel/frame.hpp"
#include "protocol/codec.hpp"
#include "system/async.hpp"

namespace zynclone::channel {

class Peer {
 public:
  // What the peer asks: gives the response's text (encode_response, encode_error). At most protocol::k_most_requests_in_flight run at once;
  // more are not read from the channel until one has ended. Notifications give an empty text.
  using Handler = std::function<asio::awaitable<std::string>(protocol::Request)>;

  Peer(std::unique_ptr<Channel> channel, Framing framing, protocol::Sender peer_is, Handler handler);
  ~Peer();

  // Reads and dispatches until the peer is gone or breaks the protocol, and gives that as the error; every waiting call ends with
  // unavailable then. A request that cannot be decoded is answered with its error; broken framing ends the conversation.
  asio::awaitable<Error> run();

  // Sends a call and waits. Errors: those of the peer, timed_out, unavailable.
  template <class M>
  asio::awaitable<Result<typename M::Result>> call(M method, Deadline limit, protocol::Request envelope = {});
  asio::awaitable<Result<void>> notify(protocol::Method method);

  void close();

 private:
  struct Waiting;
  asio::awaitable<Result<std::string>> exchange(protocol::Request request, Deadline limit);
  asio::awaitable<Result<void>> send(std::string message);
  asio::awaitable<void> serve(protocol::Request request);

  std::unique_ptr<Channel> channel_;
  Framing framing_;
  protocol::Sender peer_is_;
  Handler handler_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, Waiting*> waiting_;
};

template <class M>
asio::awaitable<Result<typename M::Result>> Peer::call(M method, Deadline limit, protocol::Request envelope) {
  envelope.method = std::move(method);
  CO_TRY(auto text, co_await exchange(std::move(envelope), limit));
  co_return protocol::decode_response<M>(text);
}

}  // namespace zynclone::channel
