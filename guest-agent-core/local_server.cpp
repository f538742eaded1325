#include "guest-agent-core/local_server.hpp"

#include <algorithm>

#include "guest-agent-core/forwarding.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_most_held = 16;
constexpr std::chrono::milliseconds k_accept_pause{200};  // after an error that may last: no memory, no descriptors

}  // namespace

struct LocalServer::Connection {
  LocalCaller caller;
  std::unique_ptr<channel::Peer> peer;
  std::optional<Error> refused;  // at once: there are too many
  std::size_t requests = 0;  // that are not answered yet
  std::set<OperationId> watched;
  // Changes that came while a request was unanswered: they may be of the operation that the answer will name, and the answer goes first.
  std::map<OperationId, protocol::OperationView> held;

  void watch(const OperationId& operation, std::size_t most) {
    watched.insert(operation);
    if (watched.size() > most) watched.erase(watched.begin());  // ids sort by time
  }

  void tell(const protocol::OperationView& operation) {
    if (protocol::is_final(operation.state)) watched.erase(operation.id);
    // A caller that does not read loses its connection, and nobody waits for it.
    if (auto posted = peer->post(protocol::OperationChanged{operation}); !posted) peer->close();
  }

  bool may_hold(const OperationId& operation) const {
    return requests > 0 && (held.contains(operation) || held.size() < k_most_held);
  }

  void tell_held() {
    for (const auto& [id, operation] : std::exchange(held, {})) {
      if (watched.contains(id)) tell(operation);
      else if (requests > 0) held.emplace(id, operation);
    }
  }
};

LocalServer::LocalServer(asio::any_io_executor executor, LocalListener& listener, BrokerSession& session, LocalLimits limits)
    : executor_(std::move(executor)), listener_(listener), session_(session), limits_(limits) {}

LocalServer::~LocalServer() = default;

asio::awaitable<void> LocalServer::run() {
  while (!stopping_) {
    Result<LocalConnection> accepted = co_await listener_.accept();
    if (accepted) {
      take(std::move(accepted).value());
    } else if (!stopping_) {
      log_error(accepted.error().message);
      if (accepted.error().code == Errc::unavailable) break;
      co_await changed_.wait_until(std::chrono::steady_clock::now() + k_accept_pause);
    }
  }
  while (!connections_.empty()) co_await changed_.wait();
}

void LocalServer::stop(Error why) {
  stopping_ = true;
  listener_.close();
  drop_all(std::move(why));
  changed_.wake();
}

Result<void> LocalServer::check_room(const LocalCaller& caller) const {
  const auto of_user = std::count_if(connections_.begin(), connections_.end(),
                                     [&](const auto& connection) { return connection->caller.user == caller.user; });
  if (static_cast<std::size_t>(of_user) >= limits_.most_connections_of_one_user) {
    return fail(Errc::limit_exceeded, "cannot serve " + caller.user + ": it has " + std::to_string(of_user) +
                                          " connections, and more are not allowed");
  }
  if (connections_.size() >= limits_.most_connections) {
    return fail(Errc::limit_exceeded, "cannot serve " + caller.user + ": there are " + std::to_string(connections_.size()) +
                                          " connections, and more are not allowed");
  }
  return outcome::success();
}

void LocalServer::take(LocalConnection accepted) {
  auto room = check_room(accepted.caller);
  auto connection = std::make_shared<Connection>();
  connection->caller = std::move(accepted.caller);
  auto called = [this, weak = std::weak_ptr(connection)](protocol::Request request) { return answer(weak.lock(), std::move(request)); };
  connection->peer =
      std::make_unique<channel::Peer>(std::move(accepted.channel), channel::Framing::line, protocol::Sender::guest, called);
  spawn(executor_, "serving a local caller", serve(connection));
  if (room) {
    connections_.push_back(connection);
  } else {
    connection->refused = room.error();
    spawn(executor_, "refusing a local caller", hang_up(connection, room.error()));
  }
}

asio::awaitable<void> LocalServer::serve(std::shared_ptr<Connection> connection) {
  co_await connection->peer->run();
  connections_.remove(connection);
  changed_.wake();
}

asio::awaitable<std::string> LocalServer::answer(std::shared_ptr<Connection> connection, protocol::Request request) {
  if (!connection || !request.id) co_return std::string();
  if (connection->refused) co_return protocol::encode_error(request.id, *connection->refused);
  if (auto allowed = check_rights(connection->caller, request.method); !allowed)
    co_return protocol::encode_error(request.id, allowed.error());
  ++connection->requests;
  Forwarded forwarded = co_await forward(session_, std::move(request));
  if (forwarded.operation) connection->watch(*forwarded.operation, limits_.most_watched);
  // When the response has been put on its way: that happens before anything else runs on this thread.
  asio::post(executor_, [this, connection] { request_ended(connection); });
  co_return std::move(forwarded.response);
}

void LocalServer::request_ended(const std::shared_ptr<Connection>& connection) {
  --connection->requests;
  connection->tell_held();
  changed_.wake();
}

void LocalServer::operation_changed(const protocol::OperationView& operation) {
  for (const auto& connection : connections_) {
    if (connection->may_hold(operation.id)) connection->held[operation.id] = operation;
    else if (connection->watched.contains(operation.id)) connection->tell(operation);
  }
}

void LocalServer::watch_again() {
  std::set<OperationId> watched;
  for (const auto& connection : connections_) watched.insert(connection->watched.begin(), connection->watched.end());
  for (const OperationId& operation : watched) spawn(executor_, "watching an operation again", watch_operation_again(operation));
}

asio::awaitable<void> LocalServer::watch_operation_again(OperationId operation) {
  protocol::OperationWatch watch{operation};
  protocol::Request envelope;
  Result<protocol::OperationView> now = co_await session_.call(std::move(watch), std::move(envelope));
  if (now) operation_changed(now.value());
  else if (now.error().code != Errc::unavailable) log_warning("cannot watch operation " + operation.text() + " again: " + now.error().message);
}

void LocalServer::drop_all(Error why) {
  for (const auto& connection : connections_) spawn(executor_, "leaving a local caller", hang_up(connection, why));
}

asio::awaitable<void> LocalServer::hang_up(std::shared_ptr<Connection> connection, Error why) {
  while (connection->requests > 0) co_await changed_.wait();
  co_await connection->peer->close_with(std::move(why));
}

}  // namespace zynclone::agent
