#include "host-broker/app/zynclone-link/relay.hpp"

#include "protocol/channel/hello.hpp"
#include "protocol/codec.hpp"

namespace zynclone::broker::link {
namespace {

using channel::Framing;
using protocol::k_longest_message;

constexpr std::chrono::seconds k_farewell{1};  // for the guest to read why it is cut off

// Why reading from, or writing to, the guest ended.
LinkExit exit_of(const Error& error) {
  switch (error.code) {
    case Errc::unavailable:
    case Errc::cancelled: return LinkExit::guest_gone;
    default: return LinkExit::broken_framing;
  }
}

constexpr std::chrono::minutes k_useless_window{1};

Result<protocol::Request> checked_hello(std::string_view untrusted_text) {
  TRY(auto request, protocol::decode_request(untrusted_text, protocol::Sender::guest));
  if (!std::holds_alternative<protocol::Hello>(request.method))
    return fail(Errc::malformed, "cannot read the message: expected hello first", "/method");
  return request;
}

std::string encoded_hello(const protocol::Hello& hello) { return protocol::encode_request({.method = hello}); }

}  // namespace

Relay::Relay(channel::Channel& guest, channel::Channel& broker, RelayLimits limits)
    : guest_(guest),
      broker_(broker),
      limits_(limits),
      hello_{.capabilities = {"approvals"}, .software = "zynclone " ZYNCLONE_VERSION},
      guest_reader_(guest, Framing::length, limits.longest_from_guest, limits.whole_message),
      broker_reader_(broker, Framing::length, k_longest_message, channel::k_no_deadline),
      guest_outbox_(Framing::length, k_longest_message, limits.most_unsent) {}

asio::awaitable<LinkExit> Relay::run() {
  using namespace asio::experimental::awaitable_operators;
  if (!guest_outbox_.post(encoded_hello(hello_))) co_return LinkExit::internal;
  auto first = co_await (from_guest() || from_broker() || to_guest());
  co_return std::visit([](LinkExit exit) { return exit; }, first);
}

// A guest's message as the broker may get it; empty when there is nothing for it in there. `id` is the request's, where one could be read.
Result<std::string> Relay::checked(std::string_view untrusted_text, std::optional<std::uint64_t>& id) {
  TRY(const auto incoming, protocol::decode_incoming(untrusted_text, protocol::Sender::guest, &id));
  if (!incoming.request) {
    if (!incoming.id || asked_.erase(*incoming.id) == 0) return std::string();
    return protocol::reencode_response(untrusted_text);
  }
  if (std::holds_alternative<protocol::Hello>(incoming.request->method))
    return fail(Errc::malformed, "cannot read the message: hello was said already", "/method");
  return protocol::encode_request(*incoming.request);
}

bool Relay::is_one_too_many() {
  const auto now = std::chrono::steady_clock::now();
  if (now - minute_ >= k_useless_window) {
    minute_ = now;
    useless_ = 0;
  }
  return ++useless_ > limits_.most_useless;
}

asio::awaitable<LinkExit> Relay::from_guest() {
  auto failed = co_await greet();
  while (!failed) {
    auto text = co_await guest_reader_.next();
    if (!text) {
      if (text.error().code == Errc::too_large) co_await tell_guest(text.error());
      co_return exit_of(text.error());
    }
    std::optional<std::uint64_t> id;
    auto message = checked(text.value(), id);
    if (message && message.value().empty()) {
      if (is_one_too_many()) failed = LinkExit::too_many_malformed;
    } else if (message) {
      failed = co_await to_broker(std::move(message).value());
    } else {
      failed = co_await refuse(id, std::move(message).error());
    }
  }
  co_return *failed;
}

asio::awaitable<std::optional<LinkExit>> Relay::greet() {
  auto text = co_await with_timeout(guest_reader_.next(), limits_.hello, "waiting for the guest's hello");
  if (!text) co_return text.error().code == Errc::timed_out ? LinkExit::no_hello : exit_of(text.error());
  auto request = checked_hello(text.value());
  if (!request) {
    co_await tell_guest(request.error());
    co_return LinkExit::no_hello;
  }
  auto version = channel::agree_on_version(hello_, std::get<protocol::Hello>(request.value().method));
  if (!version) {
    co_await tell_guest(version.error());
    co_return LinkExit::no_common_version;
  }
  auto failed = co_await to_broker(protocol::encode_request(request.value()));
  co_return failed;
}

// Waits while the broker does not read, which it does not while it handles as many of this guest's requests as it may.
asio::awaitable<std::optional<LinkExit>> Relay::to_broker(std::string message) {
  auto framed = channel::frame(Framing::length, message, k_longest_message);
  if (!framed) co_return LinkExit::internal;
  auto written = co_await broker_.write(asio::buffer(framed.value()));
  if (!written) co_return LinkExit::broker_gone;
  co_return std::nullopt;
}

asio::awaitable<std::optional<LinkExit>> Relay::refuse(std::optional<std::uint64_t> id, Error error) {
  const bool unreadable = error.code == Errc::malformed || error.code == Errc::too_large;
  if (unreadable && ++malformed_ > limits_.most_malformed) {
    co_await tell_guest(error);
    co_return LinkExit::too_many_malformed;
  }
  if (!id && !unreadable) {  // a notification is never answered
    if (is_one_too_many()) co_return LinkExit::too_many_malformed;
    co_return std::nullopt;
  }
  auto sent = co_await guest_outbox_.send(protocol::encode_error(id, error));
  if (!sent) co_return LinkExit::guest_gone;
  co_return std::nullopt;
}

asio::awaitable<void> Relay::tell_guest(Error error) {
  const auto until = std::chrono::steady_clock::now() + k_farewell;
  auto sent = co_await guest_outbox_.send(protocol::encode_error(std::nullopt, error), until);
  if (sent) co_await guest_outbox_.flush(until);
}

asio::awaitable<LinkExit> Relay::from_broker() {
  for (;;) {
    auto message = co_await broker_reader_.next();
    if (!message) co_return LinkExit::broker_gone;
    const auto envelope = protocol::decode_envelope(message.value());
    if (envelope && !envelope.value().is_response && envelope.value().id) asked_.insert(*envelope.value().id);
    auto sent = co_await guest_outbox_.send(std::move(message).value());
    if (!sent) co_return LinkExit::guest_gone;
  }
}

asio::awaitable<LinkExit> Relay::to_guest() {
  const Error why = co_await guest_outbox_.run(guest_);
  co_return why.code == Errc::timed_out ? LinkExit::guest_stalled : exit_of(why);
}

}  // namespace zynclone::broker::link
