#pragma once
// What a Peer and the requests that it handles share, so that either may end first. Private to peer.cpp.

#include <unordered_map>

#include "protocol/channel/message_reader.hpp"
#include "protocol/channel/outbox.hpp"
#include "protocol/channel/peer.hpp"

namespace zynclone::channel {

class Peer::State : public std::enable_shared_from_this<Peer::State> {
 public:
  State(std::unique_ptr<Channel> channel, Framing framing, protocol::Sender peer_is, Handler handler, PeerLimits limits);

  // These hold the state themselves, so that the Peer may be destroyed while they wait.
  static asio::awaitable<Error> run(std::shared_ptr<State> self);
  static asio::awaitable<Result<std::string>> exchange(std::shared_ptr<State> self, protocol::Request request, Deadline limit);
  static asio::awaitable<Result<void>> notify(std::shared_ptr<State> self, protocol::Method method);
  Result<void> post(protocol::Method method);
  void finish(Error why);
  static asio::awaitable<void> finish_telling(std::shared_ptr<State> self, Error why);
  PeerCounters counters() const;

 private:
  // A call that waits for its response; lives in exchange()'s frame.
  struct Waiting {
    explicit Waiting(State& state_that_waits, std::uint64_t id_given);
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;
    ~Waiting();
    State& state;
    std::uint64_t id;
    std::optional<std::string> response;
    WakeUp arrived;
  };

  asio::awaitable<Error> read();
  asio::awaitable<Result<std::string>> exchange(protocol::Request request, Deadline limit);
  asio::awaitable<Result<void>> take(std::string untrusted_text);
  asio::awaitable<Result<void>> refuse(std::optional<std::uint64_t> id, Error error);
  asio::awaitable<void> serve(protocol::Request request);
  asio::awaitable<void> answer(std::uint64_t id, std::string text);
  void take_response(std::optional<std::uint64_t> id, std::string untrusted_text);
  Error gone_error(std::string_view what) const;

  void start_writing(asio::any_io_executor executor);
  static asio::awaitable<void> write(std::shared_ptr<State> self);
  static asio::awaitable<void> serve_counted(std::shared_ptr<State> self, protocol::Request request);

  std::unique_ptr<Channel> channel_;
  protocol::Sender peer_is_;
  Handler handler_;
  PeerLimits limits_;
  MessageReader reader_;
  Outbox outbox_;
  std::uint64_t next_id_ = 1;
  std::unordered_map<std::uint64_t, Waiting*> waiting_;
  bool is_writing_ = false;
  std::size_t in_flight_ = 0;
  std::size_t malformed_ = 0;
  PeerCounters counters_;
  std::optional<Error> ended_;
  std::optional<Error> complaint_;  // an error from the peer that answers nothing; usually why it closes next
  WakeUp handled_;       // a request was
  WakeUp slot_free_;     // for a call of ours
};

}  // namespace zynclone::channel
