#include "host-broker/gateway/admin_socket.hpp"

#include <unistd.h>

#include "system/log.hpp"

namespace zynclone::broker::gateway {
namespace {

using channel::Peer;

asio::awaitable<std::string> handle(RequestHandler& handler, Caller caller, protocol::Request request) {
  co_return co_await handler.handle(std::move(caller), std::move(request));
}

// One connection, to its end. What it holds lives as long as the last of its requests.
asio::awaitable<void> serve(channel::UnixListener::Accepted accepted, RequestHandler& handler, std::shared_ptr<std::size_t> open) {
  struct Count {
    std::shared_ptr<std::size_t> open;
    explicit Count(std::shared_ptr<std::size_t> all) : open(std::move(all)) { ++*open; }
    ~Count() { --*open; }
  };
  const Count count(open);
  auto administrator = administrator_of(accepted.peer);
  auto caller = std::make_shared<Caller>();
  auto peer = std::make_shared<Peer>(std::move(accepted.channel), channel::Framing::line, protocol::Sender::administrator,
                                     [&handler, caller](protocol::Request request) { return handle(handler, *caller, std::move(request)); });
  if (*open > k_most_connections) {
    co_await peer->close_with(Error{Errc::limit_exceeded, "cannot take another connection: " + std::to_string(k_most_connections) + " are open"});
    co_return;
  }
  if (!administrator) {
    co_await peer->close_with(std::move(administrator).error());
    co_return;
  }
  caller->identity = administrator.value();
  // The peer holds the caller, so the caller must not hold the peer.
  caller->notify = std::make_shared<Notify>([weak = std::weak_ptr<Peer>(peer)](const protocol::OperationView& view) {
    if (const auto connection = weak.lock()) (void)connection->post(protocol::OperationChanged{view});
  });
  const Error ended = co_await peer->run();
  if (ended.code != Errc::unavailable) log_warning("administrator's connection of " + administrator.value().user + " ended: " + ended.message);
}

}  // namespace

Result<Caller::Administrator> administrator_of(const PeerCredentials& peer) {
  Caller::Administrator administrator{.user = user_name(peer.user)};
  if (peer.user == 0 || peer.user == geteuid()) {
    administrator.role = AdminRole::admin;
    return administrator;
  }
  constexpr std::pair<const char*, AdminRole> k_groups[] = {
      {"zynclone-admin", AdminRole::admin}, {"zynclone-approver", AdminRole::approver}, {"zynclone-viewer", AdminRole::viewer}};
  for (const auto& [group, role] : k_groups) {
    TRY(const bool member, is_in_group(peer, group));
    if (!member) continue;
    administrator.role = role;
    return administrator;
  }
  return fail(Errc::refused, "cannot serve '" + printable(administrator.user) +
                                 "': the user is in none of the groups zynclone-viewer, zynclone-approver, zynclone-admin");
}

Result<AdminSocket> AdminSocket::create(asio::any_io_executor executor, const std::string& path, RequestHandler& handler) {
  TRY(auto listener, channel::UnixListener::create(executor, path, 0666));
  return AdminSocket(std::move(listener), handler);
}

asio::awaitable<void> AdminSocket::run() {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    auto accepted = co_await listener_->accept();
    if (!accepted) {
      if (accepted.error().code == Errc::unavailable) co_return;
      log_error("cannot accept administrators' connections: " + accepted.error().message);
      co_await sleep_for(std::chrono::seconds(1));  // out of descriptors, most likely: trying at once would spin
      continue;
    }
    spawn(executor, "an administrator's connection", serve(std::move(accepted).value(), *handler_, open_));
  }
}

void AdminSocket::close() { listener_->close(); }

}  // namespace zynclone::broker::gateway
