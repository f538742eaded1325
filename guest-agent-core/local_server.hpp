#pragma once
// The agent's API for this guest's own programs: one JSON-RPC line a request. Passes requests on to the broker, and what the broker says
// about an operation to the callers that started or watch it. Owned by Agent; runs on its one thread.

#include <list>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "guest-agent-core/broker_session.hpp"
#include "guest-agent-core/local_listener.hpp"
#include "protocol/channel/peer.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::agent {

struct LocalLimits {
  std::size_t most_connections = 64;
  std::size_t most_connections_of_one_user = 16;
  std::size_t most_watched = 64;  // operations of one connection; the oldest are forgotten
};

class LocalServer {
 public:
  LocalServer(asio::any_io_executor executor, LocalListener& listener, BrokerSession& session, LocalLimits limits);
  ~LocalServer();

  // Until stop(), and until every connection has ended after it.
  asio::awaitable<void> run();
  void stop(Error why);

  // From the broker, for those callers that want to hear of it.
  void operation_changed(const protocol::OperationView& operation);
  // The session is up again: what is watched may have changed meanwhile, and the broker must be told anew who watches.
  void watch_again();
  // Answers every caller with `why` and hangs up; what is pending must have been ended (BrokerSession::drop) before.
  void drop_all(Error why);

  std::size_t connections() const { return connections_.size(); }

 private:
  struct Connection;

  void take(LocalConnection accepted);
  Result<void> check_room(const LocalCaller& caller) const;
  asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  asio::awaitable<std::string> answer(std::shared_ptr<Connection> connection, protocol::Request request);
  void request_ended(const std::shared_ptr<Connection>& connection);
  asio::awaitable<void> hang_up(std::shared_ptr<Connection> connection, Error why);
  asio::awaitable<void> watch_operation_again(OperationId operation);

  asio::any_io_executor executor_;
  LocalListener& listener_;
  BrokerSession& session_;
  LocalLimits limits_;
  std::list<std::shared_ptr<Connection>> connections_;
  channel::WakeUp changed_;  // connections_, a connection's requests
  bool stopping_ = false;
};

}  // namespace zynclone::agent
