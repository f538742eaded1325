#include "guest-agent-core/broker_session.hpp"

#include "guest-agent-core/either.hpp"
#include "protocol/channel/hello.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

protocol::Hello our_hello() {
  protocol::Hello hello;
  hello.capabilities = {"quiesce", "health", "cutover", "volumes", "run", "identity"};
  hello.software = "zynclone-agent " ZYNCLONE_VERSION;
  return hello;
}

}  // namespace

// A channel from its opening to its end.
struct BrokerSession::Link {
  std::unique_ptr<channel::Peer> peer;
  channel::WakeUp greeting;              // greeted or ended
  std::optional<unsigned> version;       // agreed; nullopt: the broker has not said hello yet
  std::optional<Error> reason;           // why it was ended on this side
  bool ended = false;

  void end(Error why) {
    if (!reason) reason = std::move(why);
    peer->close();
  }
};

BrokerSession::BrokerSession(asio::any_io_executor executor, ChannelFactory& factory, SessionLimits limits, SessionEvents events)
    : executor_(std::move(executor)), factory_(factory), limits_(limits), events_(std::move(events)) {}

BrokerSession::~BrokerSession() = default;

asio::awaitable<void> BrokerSession::run() {
  Deadline pause = limits_.shortest_pause;
  while (!stopping_) {
    if (paused_) {
      factory_.close();
      co_await restart_.wait();
      continue;
    }
    const std::uint64_t drops_before = drops_;
    std::unique_ptr<channel::Channel> opened = co_await open(&pause);
    if (!opened) continue;
    auto link = std::make_shared<Link>();
    auto called = [this, weak = std::weak_ptr(link)](protocol::Request request) { return handle(weak.lock(), std::move(request)); };
    link->peer = std::make_unique<channel::Peer>(std::move(opened), channel::Framing::length, protocol::Sender::broker, called);
    const Error why = co_await converse(link);
    log_info("the channel to the broker ended: " + why.message);
    if (link->version) {
      pause = limits_.shortest_pause;
      events_.down(why);
    }
    // Else a channel that ends at once, because the broker is too old say, would be opened as fast as the processor can.
    if (drops_ == drops_before) co_await restart_.wait_until(std::chrono::steady_clock::now() + pause);
    if (!link->version) pause = std::min(pause * 2, limits_.longest_pause);
  }
  factory_.close();
}

void BrokerSession::stop() {
  stopping_ = true;
  drop(Error{Errc::unavailable, "cannot reach the broker: the agent is being stopped"});
}

void BrokerSession::drop(Error why) {
  if (link_) link_->end(std::move(why));
  ++drops_;
  restart_.wake();
}

void BrokerSession::pause(Error why) {
  if (paused_) return;
  paused_ = why;
  drop(std::move(why));
}

void BrokerSession::go_on() {
  if (!paused_) return;
  paused_.reset();
  restart_.wake();
}

asio::awaitable<void> BrokerSession::until_dropped(std::uint64_t drops_before) {
  while (drops_ == drops_before) co_await restart_.wait();
}

Error BrokerSession::no_channel() const {
  if (paused_) return *paused_;
  const std::string why = was_up_ ? "it is not connected any more" : "it has not connected yet";
  return Error{Errc::unavailable, "cannot reach the broker: " + why};
}

bool BrokerSession::is_up() const { return link_ && link_->version; }

asio::awaitable<std::unique_ptr<channel::Channel>> BrokerSession::open(Deadline* pause) {
  std::optional<Result<std::unique_ptr<channel::Channel>>> opened = co_await unless(until_dropped(drops_), factory_.open());
  if (!opened) co_return nullptr;
  if (*opened) {
    last_error_.clear();
    co_return std::move(*opened).value();
  }
  log_once(opened->error());
  co_await restart_.wait_until(std::chrono::steady_clock::now() + *pause);
  *pause = std::min(*pause * 2, limits_.longest_pause);
  co_return nullptr;
}

void BrokerSession::log_once(const Error& error) {
  if (error.message == last_error_) return;
  last_error_ = error.message;
  log_warning(error.message + ": trying again");
}

asio::awaitable<Error> BrokerSession::converse(std::shared_ptr<Link> link) {
  link_ = link;
  spawn(executor_, "greeting the broker", greet(link));
  Error why = co_await link->peer->run();
  link->ended = true;
  link_.reset();
  link->greeting.wake();
  changed_.wake();
  co_return reason_of(*link, why);
}

asio::awaitable<void> BrokerSession::greet(std::shared_ptr<Link> link) {
  auto sent = co_await link->peer->notify(our_hello());
  if (!sent) co_return;
  const auto deadline = std::chrono::steady_clock::now() + limits_.hello;
  while (!link->version && !link->ended) {
    const bool woken = co_await link->greeting.wait_until(deadline);
    if (!woken) link->end(took_too_long("waiting for the broker's hello", limits_.hello));
  }
}

asio::awaitable<std::string> BrokerSession::handle(std::shared_ptr<Link> link, protocol::Request request) {
  if (!link) co_return std::string();
  if (const auto* hello = std::get_if<protocol::Hello>(&request.method)) {
    auto taken = take_hello(*link, *hello);
    if (!taken) {
      link->reason = taken.error();
      co_await link->peer->close_with(taken.error());
    }
    co_return std::string();
  }
  if (!link->version) {
    co_return request.id ? protocol::encode_error(request.id, Error{Errc::conflict, "cannot do anything before 'hello'"}) : std::string();
  }
  std::string answer = co_await events_.called(std::move(request));
  co_return answer;
}

Result<void> BrokerSession::take_hello(Link& link, const protocol::Hello& hello) {
  if (link.version) return fail(Errc::conflict, "cannot greet the broker: it said 'hello' twice");
  TRY(auto version, channel::agree_on_version(our_hello(), hello));
  link.version = version;
  was_up_ = true;
  log_info("connected to the broker (" + hello.software + ", protocol version " + std::to_string(version) + ")");
  link.greeting.wake();
  events_.up();
  return outcome::success();
}

asio::awaitable<Result<std::shared_ptr<BrokerSession::Link>>> BrokerSession::take_turn() {
  const std::shared_ptr<Link> link = link_;
  if (!link || !link->version) co_return no_channel();
  while (calls_ >= limits_.most_calls && !link->ended) co_await changed_.wait();
  if (link->ended) co_return reason_of(*link, no_channel());
  ++calls_;
  co_return link;
}

void BrokerSession::end_turn() {
  --calls_;
  changed_.wake();
}

channel::Peer& BrokerSession::peer_of(Link& link) { return *link.peer; }

Error BrokerSession::reason_of(const Link& link, Error error) {
  return error.code == Errc::unavailable && link.reason ? *link.reason : std::move(error);
}

}  // namespace zynclone::agent
