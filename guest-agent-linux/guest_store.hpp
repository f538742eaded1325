#pragma once
// This guest's connection to XenStore, opened when it is needed and again when it broke. Requests block for a round trip to the host, or
// for ever if the host's xenstored hangs, so they run on a thread of their own and under a deadline: a thaw must not wait for them.

#include <functional>
#include <memory>
#include <string>

#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::agent {

class GuestStore {
 public:
  // `watched`: paths whose changes `changed` reports.
  GuestStore(asio::any_io_executor executor, std::vector<std::string> watched);

  // Runs `work` on the store's thread. Errors: unavailable (no XenStore), timed_out, or those of `work`.
  template <class T>
  asio::awaitable<Result<T>> run(std::function<Result<T>(xenstore::Store&)> work);

  // Until one of the watched paths may have changed. Errors: unavailable; the next `run` opens it again.
  asio::awaitable<Result<void>> changed();

 private:
  using Opened = std::shared_ptr<xenstore::Store>;
  asio::awaitable<Result<Opened>> opened();
  void forget_if_broken(const Error& error);

  static constexpr std::chrono::seconds k_deadline{5};

  asio::any_io_executor executor_;
  std::vector<std::string> watched_;
  asio::thread_pool thread_;
  Opened store_;  // null: not open
};

template <class T>
asio::awaitable<Result<T>> GuestStore::run(std::function<Result<T>(xenstore::Store&)> work) {
  CO_TRY(auto store, co_await opened());
  auto on_thread = [store, work = std::move(work)] { return work(*store); };
  Result<T> result = co_await run_blocking_within(thread_, std::move(on_thread), k_deadline, "asking XenStore");
  if (!result) forget_if_broken(result.error());
  co_return result;
}

}  // namespace zynclone::agent
