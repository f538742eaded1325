#pragma once
// Passes messages between a guest and the broker: from the guest well-formed ones only, each decoded and encoded again; from the
// broker as they are. Says hello to the guest first and expects the guest's. Needs no right but to read and write. One thread.

#include <set>

#include "host-broker/gateway/link_exit.hpp"
#include "protocol/channel/message_reader.hpp"
#include "protocol/channel/outbox.hpp"
#include "protocol/messages.hpp"

namespace zynclone::broker::link {

using gateway::LinkExit;

struct RelayLimits {
  std::size_t longest_from_guest = protocol::k_longest_message;
  Deadline hello = protocol::k_hello_deadline;
  Deadline whole_message = protocol::k_write_deadline;
  std::size_t most_malformed = 100;     // of the guest's messages; one more ends the link
  std::size_t most_useless = 100;       // a minute: answers that nobody asked for, notifications that nobody knows
  std::size_t most_unsent = 128 * 1024; // bytes that wait for the guest to read
};

class Relay {
 public:
  // Both outlive it.
  Relay(channel::Channel& guest, channel::Channel& broker, RelayLimits limits = {});
  asio::awaitable<LinkExit> run();

 private:
  asio::awaitable<LinkExit> from_guest();
  asio::awaitable<LinkExit> from_broker();
  asio::awaitable<LinkExit> to_guest();
  asio::awaitable<std::optional<LinkExit>> greet();
  Result<std::string> checked(std::string_view untrusted_text, std::optional<std::uint64_t>& id);
  bool is_one_too_many();
  asio::awaitable<std::optional<LinkExit>> refuse(std::optional<std::uint64_t> id, Error error);
  asio::awaitable<std::optional<LinkExit>> to_broker(std::string message);
  asio::awaitable<void> tell_guest(Error error);

  channel::Channel& guest_;
  channel::Channel& broker_;
  RelayLimits limits_;
  protocol::Hello hello_;
  channel::MessageReader guest_reader_;
  channel::MessageReader broker_reader_;
  channel::Outbox guest_outbox_;
  std::size_t malformed_ = 0;
  std::set<std::uint64_t> asked_;       // of the guest by the broker, and not answered yet
  std::size_t useless_ = 0;             // within the minute that began then
  std::chrono::steady_clock::time_point minute_{};
};

}  // namespace zynclone::broker::link
