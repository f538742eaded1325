#pragma once
// Domains and what they advertise, as XenStore has them. Requests run in the XenStore pool, events arrive on the broker's thread.

#include "host-broker/gateway/guest_watch.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::gateway {

class XenGuestWatch final : public GuestWatch {
 public:
  // With a connection to XenStore of its own. `pool` outlives it. Errors: unavailable.
  static Result<std::unique_ptr<GuestWatch>> open(asio::any_io_executor executor, asio::thread_pool& pool);

  asio::awaitable<Result<std::vector<Domain>>> domains() override;
  asio::awaitable<Result<std::optional<Uuid>>> identity(DomainId domain) override;
  asio::awaitable<Result<std::optional<std::string>>> advertised(DomainId domain, Rendezvous kind) override;
  asio::awaitable<Result<void>> watch(std::uint64_t key, DomainId domain, Rendezvous kind) override;
  asio::awaitable<Result<void>> unwatch(std::uint64_t key, DomainId domain, Rendezvous kind) override;
  asio::awaitable<Result<GuestEvent>> next_event() override;

 private:
  XenGuestWatch(std::shared_ptr<xenstore::Store> store, asio::thread_pool& pool) : store_(std::move(store)), pool_(pool) {}

  std::shared_ptr<xenstore::Store> store_;  // shared with requests that are under way in the pool
  asio::thread_pool& pool_;
};

}  // namespace zynclone::broker::gateway
