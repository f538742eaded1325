#pragma once
// The local API's Unix socket. Anyone may connect, as anyone may read; who may change something is told by the kernel's word on who
// connected. One thread.

#include <string>

#include "guest-agent-core/local_listener.hpp"
#include "protocol/channel/unix_listener.hpp"

namespace zynclone::agent {

class UnixLocalListener final : public LocalListener {
 public:
  UnixLocalListener(asio::any_io_executor executor, std::string path, std::string group)
      : executor_(std::move(executor)), path_(std::move(path)), group_(std::move(group)) {}

  // Takes the socket that systemd listens on if there is one (sd_listen_fds(3)), else makes `path`, mode 0666, and its folder.
  Result<void> open() override;
  asio::awaitable<Result<LocalConnection>> accept() override;
  void close() override;

 private:
  asio::any_io_executor executor_;
  std::string path_;
  std::string group_;
  std::unique_ptr<channel::UnixListener> listener_;  // null: not opened yet
};

// Root, whom the agent runs as, and the members of the group.
Rights rights_of(const PeerCredentials& peer, const std::string& group);

}  // namespace zynclone::agent
