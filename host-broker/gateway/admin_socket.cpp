#include "host-broker/gateway/admin_socket.hpp"

#include <map>
#include <unistd.h>

#include "system/log.hpp"

namespace zynclone::broker::gateway {
namespace {

using channel::Peer;

asio::awaitable<std::string> handle(RequestHandler& handler, Caller caller, protocol::Request request) {
  co_return co_await handler.handle(std::move(caller), std::move(request));
}

}  // namespace

// How many connections there are, of whom.
class AdminSocket::Connections {
 public:
  // Counts one connection while it lives.
  class Place {
   public:
    Place(std::shared_ptr<Connections> all, uid_t user) : all_(std::move(all)), user_(user) {
      ++all_->total_;
      ++all_->by_user_[user_];
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      --all_->total_;
      if (--all_->by_user_[user_] == 0) all_->by_user_.erase(user_);
    }

   private:
    std::shared_ptr<Connections> all_;
    uid_t user_;
  };

  // With the one that is asked for counted already.
  Result<void> check(uid_t user) const {
    const std::size_t most = user == 0 ? k_most_connections : k_most_connections_of_a_user;
    if (by_user_.at(user) > most)
      return fail(Errc::limit_exceeded, "cannot take another connection of one user: " + std::to_string(most) + " are open");
    if (user != 0 && total_ > k_most_connections)
      return fail(Errc::limit_exceeded, "cannot take another connection: " + std::to_string(k_most_connections) + " are open");
    return outcome::success();
  }
  // Beyond this nobody is even told: connections that are being refused take a descriptor, too.
  bool is_flooded() const { return total_ > 2 * k_most_connections; }

 private:
  std::size_t total_ = 0;
  std::map<uid_t, std::size_t> by_user_;
};

// One connection, to its end. What it holds lives as long as the last of its requests.
asio::awaitable<void> AdminSocket::serve(channel::UnixListener::Accepted accepted, RequestHandler& handler,
                                         std::shared_ptr<Connections> connections) {
  const uid_t user = accepted.peer.user;
  const Connections::Place place(connections, user);
  if (connections->is_flooded()) co_return;
  auto allowed = connections->check(user);
  auto administrator = administrator_of(accepted.peer);
  auto caller = std::make_shared<Caller>();
  auto peer = std::make_shared<Peer>(std::move(accepted.channel), channel::Framing::line, protocol::Sender::administrator,
                                     [&handler, caller](protocol::Request request) { return handle(handler, *caller, std::move(request)); });
  if (!allowed || !administrator) {
    Error why = allowed ? administrator.error() : allowed.error();
    co_await peer->close_with(std::move(why));
    co_return;
  }
  caller->identity = administrator.value();
  // The peer holds the caller, so the caller must not hold the peer.
  caller->notify = std::make_shared<Notify>([weak = std::weak_ptr<Peer>(peer)](const protocol::OperationView& view) {
    const auto connection = weak.lock();
    if (connection && !connection->post(protocol::OperationChanged{view})) connection->close();  // it reads nothing
  });
  const Error ended = co_await peer->run();
  if (ended.code != Errc::unavailable) log_warning("administrator's connection of " + administrator.value().user + " ended: " + ended.message);
}

AdminSocket::AdminSocket(channel::UnixListener listener, RequestHandler& handler)
    : listener_(std::make_unique<channel::UnixListener>(std::move(listener))),
      handler_(&handler),
      connections_(std::make_shared<Connections>()) {}
AdminSocket::AdminSocket(AdminSocket&&) noexcept = default;
AdminSocket::~AdminSocket() = default;

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
    spawn(executor, "an administrator's connection", serve(std::move(accepted).value(), *handler_, connections_));
  }
}

void AdminSocket::close() { listener_->close(); }

}  // namespace zynclone::broker::gateway
