#pragma once
// The one channel to the broker: kept up for ever, with a bounded wait between attempts; greeted; and shared by all who ask something.
// What is pending when the channel ends, ends with it. Owned by Agent; runs on its one thread.

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "guest-agent-core/channel_factory.hpp"
#include "protocol/channel/peer.hpp"
#include "protocol/channel/wake_up.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

struct SessionLimits {
  Deadline shortest_pause = std::chrono::milliseconds(100);  // between two attempts; doubles with each that fails
  Deadline longest_pause = std::chrono::seconds(10);
  Deadline hello = protocol::k_hello_deadline;
  Deadline answer = protocol::k_answer_deadline;
  // Of ours at the broker at once. Less than it reads (k_most_requests_in_flight), so that our answers to its own calls always get through.
  std::size_t most_calls = protocol::k_most_requests_in_flight - 4;
};

struct SessionEvents {
  std::function<asio::awaitable<std::string>(protocol::Request)> called;  // by the broker; gives the response's text
  std::function<void()> up;                                               // greeted: calls get through from now on
  std::function<void(const Error& why)> down;
};

class BrokerSession {
 public:
  BrokerSession(asio::any_io_executor executor, ChannelFactory& factory, SessionLimits limits, SessionEvents events);
  ~BrokerSession();

  // Until stop().
  asio::awaitable<void> run();
  void stop();

  // Ends the channel, or the attempt to open one, and starts anew; what is pending ends with `why`.
  void drop(Error why);

  // As drop(), and nothing is open until go_on(): the VM's memory is being copied, and a channel must not be open in the copy.
  void pause(Error why);
  void go_on();

  bool is_up() const;

  // Asks the broker. `envelope` holds request_id and plan. Errors: the broker's own; unavailable (no channel, or it ended meanwhile); what was
  // given to drop(); timed_out.
  template <class M>
  asio::awaitable<Result<typename M::Result>> call(M method, protocol::Request envelope);

 private:
  struct Link;
  class Turn;

  asio::awaitable<std::unique_ptr<channel::Channel>> open(Deadline* pause);
  asio::awaitable<void> until_dropped(std::uint64_t drops_before);
  asio::awaitable<Error> converse(std::shared_ptr<Link> link);
  asio::awaitable<void> greet(std::shared_ptr<Link> link);
  asio::awaitable<std::string> handle(std::shared_ptr<Link> link, protocol::Request request);
  Result<void> take_hello(Link& link, const protocol::Hello& hello);
  void log_once(const Error& error);

  asio::awaitable<Result<std::shared_ptr<Link>>> take_turn();
  void end_turn();
  static channel::Peer& peer_of(Link& link);
  static Error reason_of(const Link& link, Error error);

  asio::any_io_executor executor_;
  ChannelFactory& factory_;
  SessionLimits limits_;
  SessionEvents events_;
  channel::WakeUp changed_;               // link_, stopping_, calls_
  channel::WakeUp restart_;               // drop(), stop() or go_on() while there is no link
  std::uint64_t drops_ = 0;
  Error no_channel() const;
  std::shared_ptr<Link> link_;   // null: no channel
  bool was_up_ = false;          // the broker has greeted us before
  std::size_t calls_ = 0;
  std::string last_error_;
  bool stopping_ = false;
  std::optional<Error> paused_;  // why
};

// One of the calls that are at the broker; ends with the scope.
class BrokerSession::Turn {
 public:
  explicit Turn(BrokerSession& session) : session_(session) {}
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() { session_.end_turn(); }

 private:
  BrokerSession& session_;
};

template <class M>
asio::awaitable<Result<typename M::Result>> BrokerSession::call(M method, protocol::Request envelope) {
  CO_TRY(auto link, co_await take_turn());
  const Turn turn(*this);
  Result<typename M::Result> answer = co_await peer_of(*link).template call<M>(std::move(method), limits_.answer, std::move(envelope));
  if (!answer) co_return reason_of(*link, answer.error());
  co_return answer;
}

}  // namespace zynclone::agent
