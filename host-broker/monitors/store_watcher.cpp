#include "host-broker/monitors/store_watcher.hpp"

#include <algorithm>

#include "host-broker/xen/store/xenstore.hpp"
#include "system/log.hpp"

namespace zynclone::broker::monitors {
namespace {

constexpr std::chrono::milliseconds k_reconnect_after{500};

// Registration is a round trip each and done but once a connection, so it needs no pool.
asio::awaitable<Result<void>> watch_once(std::vector<std::string> paths, Doorbell& doorbell, DelayOf delay_of) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  CO_TRY(auto store, xenstore::Store::open(executor));
  doorbell.ring();
  for (const std::string& path : paths) {
    CO_TRY(store.watch(path, "monitor"));
  }
  for (;;) {
    const auto event = co_await store.next_event();
    if (!event) co_return event.error();
    const std::string& path = event.value().path;
    const bool whole = std::find(paths.begin(), paths.end(), path) != paths.end() && !path.starts_with('@');
    const Deadline delay = delay_of(path);
    if (whole) doorbell.ring();
    else if (delay > Deadline::zero()) doorbell.ring_after(delay, path);
    else doorbell.ring(path);
  }
}

}  // namespace

asio::awaitable<void> watch_store(std::vector<std::string> paths, Doorbell& doorbell, DelayOf delay_of) {
  std::string last_error;
  for (;;) {
    const auto lost = co_await watch_once(paths, doorbell, delay_of);
    if (lost.error().message != last_error) log_warning(lost.error().message + "; trying again");
    last_error = lost.error().message;
    co_await sleep_for(k_reconnect_after);
  }
}

}  // namespace zynclone::broker::monitors
