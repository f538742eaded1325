#include "guest-agent-linux/unix_local_listener.hpp"

#include <filesystem>
#include <unistd.h>

#include "guest-agent-linux/service_manager.hpp"
#include "system/log.hpp"

namespace zynclone::agent {

Result<void> UnixLocalListener::open() {
  if (Descriptor inherited = inherited_socket(); inherited) {
    TRY(auto adopted, channel::UnixListener::adopt(executor_, std::move(inherited)));
    listener_ = std::make_unique<channel::UnixListener>(std::move(adopted));
    return outcome::success();
  }
  std::error_code ignored;  // the listener says what is wrong
  std::filesystem::create_directories(std::filesystem::path(path_).parent_path(), ignored);
  TRY(auto made, channel::UnixListener::create(executor_, path_, 0666));
  listener_ = std::make_unique<channel::UnixListener>(std::move(made));
  return outcome::success();
}

void UnixLocalListener::close() {
  if (listener_) listener_->close();
}

asio::awaitable<Result<LocalConnection>> UnixLocalListener::accept() {
  CO_TRY(auto accepted, co_await listener_->accept());
  LocalConnection connection;
  connection.channel = std::move(accepted.channel);
  connection.caller.user = "uid " + std::to_string(accepted.peer.user);
  connection.caller.group = group_;
  connection.caller.rights = [peer = accepted.peer, group = group_] { return rights_of(peer, group); };
  co_return connection;
}

Rights rights_of(const PeerCredentials& peer, const std::string& group) {
  if (peer.user == 0 || peer.user == ::geteuid()) return Rights::change;
  auto member = is_in_group(peer, group);
  if (!member) log_error(member.error().message);
  return member && member.value() ? Rights::change : Rights::read;
}

}  // namespace zynclone::agent
