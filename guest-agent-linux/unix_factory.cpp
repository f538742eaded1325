#include "guest-agent-linux/unix_factory.hpp"

#include <unistd.h>

#include "guest-agent-core/either.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr std::string_view k_announcement = "data/zynclone/broker/event-channel";
constexpr std::chrono::seconds k_announce_again{2};

}  // namespace

asio::awaitable<Result<std::unique_ptr<channel::Channel>>> UnixFactory::open() {
  CO_TRY(auto listener, channel::UnixListener::create(executor_, path_, 0600));
  std::optional<Opened> opened = co_await unless(announce(), accept(listener));
  if (!opened) co_return fail(Errc::internal, "cannot open '" + path_ + "': announcing it ended");
  co_return std::move(*opened);
}

asio::awaitable<UnixFactory::Opened> UnixFactory::accept(channel::UnixListener& listener) {
  while (true) {
    CO_TRY(auto accepted, co_await listener.accept());
    if (accepted.peer.user == 0 || accepted.peer.user == ::geteuid()) co_return std::move(accepted.channel);
    log_warning("cannot take uid " + std::to_string(accepted.peer.user) + " for the broker: allowed is root");
  }
}

// Until it is written, and then for ever: only the accept ends.
asio::awaitable<void> UnixFactory::announce() {
  // A new value each time, as the broker watches the node.
  const std::string value = Uuid::random().text();
  asio::steady_timer timer(executor_);
  while (true) {
    const std::function<Result<bool>(xenstore::Store&)> write = [value](xenstore::Store& store) -> Result<bool> {
      TRY(store.write(std::string(k_announcement), value));
      return true;
    };
    Result<bool> written = co_await store_.run<bool>(write);
    if (!written && written.error().message != last_error_) log_warning("cannot tell the broker where to connect: " + written.error().message);
    last_error_ = written ? std::string() : written.error().message;
    timer.expires_at(written ? asio::steady_timer::time_point::max() : std::chrono::steady_clock::now() + k_announce_again);
    co_await timer.async_wait(asio::use_awaitable);
  }
}

}  // namespace zynclone::agent
