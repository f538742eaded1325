#include "guest-agent-linux/guest_store.hpp"

namespace zynclone::agent {

GuestStore::GuestStore(asio::any_io_executor executor, std::vector<std::string> watched)
    : executor_(std::move(executor)), watched_(std::move(watched)), thread_(1) {}

asio::awaitable<Result<GuestStore::Opened>> GuestStore::opened() {
  if (store_) co_return store_;
  auto open = [executor = executor_, watched = watched_]() -> Result<Opened> {
    TRY(auto store, xenstore::Store::open(executor));
    for (const std::string& path : watched) {
      TRY(store.watch(path, path));
    }
    return std::make_shared<xenstore::Store>(std::move(store));
  };
  Result<Opened> store = co_await run_blocking_within(thread_, std::move(open), k_deadline, "opening XenStore");
  if (!store) co_return store.error();
  store_ = store.value();
  co_return store_;
}

void GuestStore::forget_if_broken(const Error& error) {
  if (error.code == Errc::unavailable || error.code == Errc::timed_out) store_.reset();
}

asio::awaitable<Result<void>> GuestStore::changed() {
  const Opened store = store_;
  if (!store) co_return fail(Errc::unavailable, "cannot wait for changes in XenStore: it is not open");
  Result<xenstore::WatchEvent> event = co_await store->next_event();
  if (event) co_return outcome::success();
  if (event.error().code != Errc::cancelled) store_.reset();
  co_return event.error();
}

}  // namespace zynclone::agent
