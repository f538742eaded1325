#include "protocol/channel/peer.hpp"

#include "protocol/channel/peer_state.hpp"
#include "system/log.hpp"

namespace zynclone::channel {
namespace {

using Clock = std::chrono::steady_clock;
using protocol::Sender;

// Only what goes towards the broker is limited by the channel's kind; see Channel::longest_request.
std::size_t longest_from(Sender sender, const Channel& channel) {
  return sender == Sender::guest ? channel.longest_request() : protocol::k_longest_message;
}
std::size_t longest_to(Sender peer, const Channel& channel) {
  return peer == Sender::broker ? channel.longest_request() : protocol::k_longest_message;
}

}  // namespace

Peer::State::State(std::unique_ptr<Channel> channel, Framing framing, Sender peer_is, Handler handler, PeerLimits limits)
    : channel_(std::move(channel)),
      peer_is_(peer_is),
      handler_(std::move(handler)),
      limits_(limits),
      reader_(*channel_, framing, longest_from(peer_is, *channel_), limits.whole_message),
      outbox_(framing, longest_to(peer_is, *channel_), limits.most_unsent) {}

asio::awaitable<Error> Peer::State::run(std::shared_ptr<State> self) {
  // However this ends, by cancellation too, nobody waits for this peer any longer.
  struct Finish {
    State& state;
    ~Finish() { state.finish(Error{Errc::unavailable, "cannot go on: the conversation was ended on this side"}); }
  } finish_at_end{*self};
  self->start_writing(co_await asio::this_coro::executor);
  Error why = co_await self->read();
  self->finish(std::move(why));
  co_return *self->ended_;
}

void Peer::State::start_writing(asio::any_io_executor executor) {
  if (std::exchange(is_writing_, true)) return;
  spawn(std::move(executor), "writing to a peer", write(shared_from_this()));
}

asio::awaitable<void> Peer::State::write(std::shared_ptr<State> self) {
  Error why = co_await self->outbox_.run(*self->channel_);
  self->finish(std::move(why));
}

asio::awaitable<Error> Peer::State::read() {
  while (!ended_) {
    if (in_flight_ >= limits_.most_in_flight) {
      co_await handled_.wait();
      continue;
    }
    auto text = co_await reader_.next();
    if (!text) co_return complaint_ ? *complaint_ : std::move(text).error();
    auto taken = co_await take(std::move(text).value());
    if (!taken) co_return std::move(taken).error();
  }
  co_return *ended_;
}

asio::awaitable<Result<void>> Peer::State::take(std::string untrusted_text) {
  ++counters_.received;
  complaint_.reset();
  std::optional<std::uint64_t> id;
  auto incoming = protocol::decode_incoming(untrusted_text, peer_is_, &id);
  if (!incoming) {
    auto refused = co_await refuse(id, std::move(incoming).error());
    co_return refused;
  }
  if (!incoming.value().request) {
    take_response(incoming.value().id, std::move(untrusted_text));
    co_return outcome::success();
  }
  ++in_flight_;
  spawn(co_await asio::this_coro::executor, "answering a peer", serve_counted(shared_from_this(), *std::move(incoming.value().request)));
  co_return outcome::success();
}

asio::awaitable<Result<void>> Peer::State::refuse(std::optional<std::uint64_t> id, Error error) {
  ++counters_.refused;
  const bool unreadable = error.code == Errc::malformed || error.code == Errc::too_large;
  if (unreadable && ++malformed_ > limits_.most_malformed)
    co_return fail(Errc::malformed, "cannot go on: the peer sent more than " + std::to_string(limits_.most_malformed) +
                                        " malformed messages");
  // JSON-RPC 2.0, section 4.1: a notification is never answered; what is no request at all is, without an id (section 5).
  if (!id && !unreadable) co_return outcome::success();
  co_return co_await outbox_.send(protocol::encode_error(id, error));
}

void Peer::State::take_response(std::optional<std::uint64_t> id, std::string untrusted_text) {
  if (!id) {
    // The peer's answer to something it could not read, or its reason to close. Any M will do: only the error is looked at.
    auto error = protocol::decode_response<protocol::GuestHealth>(untrusted_text);
    if (!error) complaint_ = with_context(std::move(error).error(), "the peer refused a message");
  }
  const auto found = id ? waiting_.find(*id) : waiting_.end();
  if (found == waiting_.end() || found->second->response) {
    ++counters_.unexpected;
    return;
  }
  found->second->response = std::move(untrusted_text);
  found->second->arrived.wake();
}

asio::awaitable<void> Peer::State::serve_counted(std::shared_ptr<State> self, protocol::Request request) {
  struct Count {
    State& state;
    ~Count() {
      --state.in_flight_;
      state.handled_.wake();
    }
  } count{*self};
  co_await self->serve(std::move(request));
}

asio::awaitable<void> Peer::State::serve(protocol::Request request) {
  const std::optional<std::uint64_t> id = request.id;
  std::string text;
  std::string exception;
  try {
    text = co_await handler_(std::move(request));
  } catch (const std::exception& error) {
    exception = error.what();
  }
  if (!exception.empty()) {
    log_error("a request's handler threw: " + exception);
    const Error error{Errc::internal, "cannot answer the request: an internal error"};
    text = protocol::encode_error(id, error);
  }
  if (id && !text.empty()) co_await answer(*id, std::move(text));
}

asio::awaitable<void> Peer::State::answer(std::uint64_t id, std::string text) {
  auto sent = co_await outbox_.send(std::move(text));
  if (sent || sent.error().code == Errc::unavailable) co_return;
  // Too long for this channel: the caller must not wait for nothing.
  auto error = with_context(std::move(sent).error(), "cannot answer the request");
  (void)co_await outbox_.send(protocol::encode_error(id, error));
}

Peer::State::Waiting::Waiting(State& state_that_waits, std::uint64_t id_given) : state(state_that_waits), id(id_given) {
  state.waiting_.emplace(id, this);
}

Peer::State::Waiting::~Waiting() {
  state.waiting_.erase(id);
  state.slot_free_.wake();
}

asio::awaitable<Result<std::string>> Peer::State::exchange(std::shared_ptr<State> self, protocol::Request request, Deadline limit) {
  co_return co_await self->exchange(std::move(request), limit);
}

asio::awaitable<Result<std::string>> Peer::State::exchange(protocol::Request request, Deadline limit) {
  const auto deadline = Clock::now() + limit;
  const std::string what = "calling '" + std::string(protocol::method_name(request.method)) + "'";
  // The peer handles no more at once; what it does not read would only fill the channel.
  while (!ended_ && waiting_.size() >= limits_.most_in_flight) {
    const bool woken = co_await slot_free_.wait_until(deadline);
    if (!woken) co_return took_too_long(what, limit);
  }
  if (ended_) co_return gone_error(what);
  Waiting waiting(*this, next_id_++);
  request.id = waiting.id;
  auto sent = co_await outbox_.send(protocol::encode_request(request), deadline);
  if (!sent && ended_) co_return gone_error(what);
  if (!sent) co_return with_context(std::move(sent).error(), what);
  while (!waiting.response && !ended_) {
    const bool woken = co_await waiting.arrived.wait_until(deadline);
    if (!woken) co_return took_too_long(what, limit);
  }
  if (!waiting.response) co_return gone_error(what);
  co_return *std::move(waiting.response);
}

asio::awaitable<Result<void>> Peer::State::notify(std::shared_ptr<State> self, protocol::Method method) {
  protocol::Request request{.method = std::move(method)};
  co_return co_await self->outbox_.send(protocol::encode_request(request));
}

Result<void> Peer::State::post(protocol::Method method) {
  return outbox_.post(protocol::encode_request(protocol::Request{.method = std::move(method)}));
}

void Peer::State::finish(Error why) {
  if (ended_) return;
  ended_ = std::move(why);
  channel_->close();
  outbox_.close();
  for (auto& [id, waiting] : waiting_) waiting->arrived.wake();
  slot_free_.wake();
  handled_.wake();
}

asio::awaitable<void> Peer::State::finish_telling(std::shared_ptr<State> self, Error why) {
  constexpr std::chrono::seconds k_longest_farewell{1};
  self->start_writing(co_await asio::this_coro::executor);
  [[maybe_unused]] auto posted = self->outbox_.post(protocol::encode_error(std::nullopt, why));
  co_await self->outbox_.flush(Clock::now() + k_longest_farewell);
  self->finish(std::move(why));
}

PeerCounters Peer::State::counters() const {
  PeerCounters counters = counters_;
  counters.sent = outbox_.written();
  return counters;
}

Error Peer::State::gone_error(std::string_view what) const {
  return Error{Errc::unavailable, std::string(what) + ": the peer is gone: " + ended_->message};
}

Peer::Peer(std::unique_ptr<Channel> channel, Framing framing, Sender peer_is, Handler handler, PeerLimits limits)
    : state_(std::make_shared<State>(std::move(channel), framing, peer_is, std::move(handler), limits)) {}

Peer::~Peer() {
  if (state_) close();
}

asio::awaitable<Error> Peer::run() { return State::run(state_); }

asio::awaitable<Result<std::string>> Peer::exchange(protocol::Request request, Deadline limit) {
  return State::exchange(state_, std::move(request), limit);
}

asio::awaitable<Result<void>> Peer::notify(protocol::Method method) { return State::notify(state_, std::move(method)); }

Result<void> Peer::post(protocol::Method method) { return state_->post(std::move(method)); }

void Peer::close() { state_->finish(Error{Errc::unavailable, "cannot go on: the conversation was ended on this side"}); }

asio::awaitable<void> Peer::close_with(Error why) { return State::finish_telling(state_, std::move(why)); }

PeerCounters Peer::counters() const { return state_->counters(); }

}  // namespace zynclone::channel
