#pragma once
// Where administrators connect: /run/zynclone/broker.sock. Anybody who may open it may connect; who they are says the kernel, and which
// groups they are in says what they may do. Owned by main; the broker's one thread.

#include <memory>

#include "host-broker/ports/request_handler.hpp"
#include "protocol/channel/peer.hpp"
#include "protocol/channel/unix_listener.hpp"

namespace zynclone::broker::gateway {

inline constexpr std::size_t k_most_connections = 64;
inline constexpr std::size_t k_most_connections_of_a_user = 16;  // but root's, which no other user's can keep out

class AdminSocket {
 public:
  // Mode 0666: the check is by who connects, as three groups may, and so that a refusal can say which is missing. Errors: as of
  // UnixListener::create.
  static Result<AdminSocket> create(asio::any_io_executor executor, const std::string& path, RequestHandler& handler);

  // Serves until closed. A connection above the limit is told so and closed.
  asio::awaitable<void> run();
  void close();

  AdminSocket(AdminSocket&&) noexcept;
  ~AdminSocket();

 private:
  class Connections;
  AdminSocket(channel::UnixListener listener, RequestHandler& handler);
  static asio::awaitable<void> serve(channel::UnixListener::Accepted accepted, RequestHandler& handler, std::shared_ptr<Connections> connections);

  std::unique_ptr<channel::UnixListener> listener_;
  RequestHandler* handler_;
  std::shared_ptr<Connections> connections_;  // shared with those that are open
};

// By group: zynclone-viewer, -approver, -admin; root and the broker's own user are administrators. Errors: refused, naming the groups.
Result<Caller::Administrator> administrator_of(const PeerCredentials& peer);

}  // namespace zynclone::broker::gateway
