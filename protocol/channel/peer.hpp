#pragma once
// One end of a JSON-RPC conversation over a channel, both directions at once: sends calls and waits for their responses under
// a deadline, and hands what the peer asks to a handler. Owned by whoever made the channel; runs on its executor.

#include <functional>
#include <memory>

#include "protocol/channel/channel.hpp"
#include "protocol/channel/frame.hpp"
#include "protocol/codec.hpp"
#include "system/async.hpp"

namespace zynclone::channel {

struct PeerLimits {
  std::size_t most_in_flight = protocol::k_most_requests_in_flight;  // handled at once; also our own calls that wait at once
  std::size_t most_malformed = 100;         // messages that cannot be read; one more ends the conversation
  std::size_t most_unsent = 256 * 1024;     // bytes that wait to be written; then senders wait, and post() fails
  Deadline whole_message = protocol::k_write_deadline;  // from a message's first byte to its last
};

struct PeerCounters {
  std::uint64_t received = 0;      // messages, whatever came of them
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;       // requests that could not be decoded, or may not come from this peer
  std::uint64_t unexpected = 0;    // responses to nothing that was asked, which are ignored
};

class Peer {
 public:
  // What the peer asks: gives the response's text (encode_response, encode_error). At most `most_in_flight` run at once;
  // more are not read from the channel until one has ended. Notifications give an empty text, and count as well. One that runs
  // when the peer goes runs to its end, also after the Peer is destroyed, so it must hold what it uses.
  using Handler = std::function<asio::awaitable<std::string>(protocol::Request)>;

  Peer(std::unique_ptr<Channel> channel, Framing framing, protocol::Sender peer_is, Handler handler, PeerLimits limits = {});
  Peer(Peer&&) noexcept = default;
  Peer& operator=(Peer&&) = delete;
  ~Peer();  // as close()

  // Reads and dispatches until the peer is gone or breaks the protocol, and gives that as the error; every waiting call ends with
  // unavailable then. A request that cannot be decoded is answered with its error; broken framing ends the conversation.
  // What was sent before this runs is sent then. Once only.
  asio::awaitable<Error> run();

  // Sends a call and waits. Errors: those of the peer, timed_out, unavailable, too_large. `envelope` holds all but the method. Both are
  // to be named objects in the caller: GCC 12 destroys an aggregate made inside of a co_await expression twice.
  template <class M>
  asio::awaitable<Result<typename M::Result>> call(M method, Deadline limit, protocol::Request envelope);
  template <class M>
  asio::awaitable<Result<typename M::Result>> call(M method, Deadline limit) {
    return call(std::move(method), limit, protocol::Request());
  }

  // Waits for room to send it. Errors: unavailable, too_large.
  asio::awaitable<Result<void>> notify(protocol::Method method);

  // Sends a notification without waiting. Errors: as notify, and limit_exceeded when too much waits to be read by the peer already.
  Result<void> post(protocol::Method method);

  void close();
  // Tells the peer why (an error without an id), waits until all that was sent is written, but a second at most, and closes.
  asio::awaitable<void> close_with(Error why);
  PeerCounters counters() const;

 private:
  class State;
  template <class M>
  static asio::awaitable<Result<typename M::Result>> decoded(asio::awaitable<Result<std::string>> exchange);
  asio::awaitable<Result<std::string>> exchange(protocol::Request request, Deadline limit);

  std::shared_ptr<State> state_;  // shared with the requests that are being handled
};

template <class M>
asio::awaitable<Result<typename M::Result>> Peer::call(M method, Deadline limit, protocol::Request envelope) {
  envelope.method = std::move(method);
  return decoded<M>(exchange(std::move(envelope), limit));
}

template <class M>
asio::awaitable<Result<typename M::Result>> Peer::decoded(asio::awaitable<Result<std::string>> exchange) {
  CO_TRY(auto text, co_await std::move(exchange));
  co_return protocol::decode_response<M>(text);
}

}  // namespace zynclone::channel
