#pragma once
// The channel in a sandbox: the agent listens on a Unix socket, and says so in XenStore where a real guest says that its vchan is there.

#include <string>

#include "guest-agent-core/channel_factory.hpp"
#include "guest-agent-linux/guest_store.hpp"
#include "protocol/channel/unix_listener.hpp"

namespace zynclone::agent {

class UnixFactory final : public ChannelFactory {
 public:
  UnixFactory(asio::any_io_executor executor, std::string path, GuestStore& store)
      : executor_(std::move(executor)), path_(std::move(path)), store_(store) {}

  // Listens until the broker has come, and no longer. Only root and whom the agent runs as are taken for the broker.
  asio::awaitable<Result<std::unique_ptr<channel::Channel>>> open() override;

 private:
  using Opened = Result<std::unique_ptr<channel::Channel>>;
  static asio::awaitable<Opened> accept(channel::UnixListener& listener);
  asio::awaitable<void> announce();

  asio::any_io_executor executor_;
  std::string path_;
  GuestStore& store_;
  std::string last_error_;
};

}  // namespace zynclone::agent
