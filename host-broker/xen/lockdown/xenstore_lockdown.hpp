#pragma once
// Waits until lockdown is in force: until clone-net-monitor in every backend's domain has acknowledged a family's generation in XenStore.
// It neither publishes nor applies anything. Each wait has a connection of its own, so waits of many families go side by side.

#include "host-broker/ports/network.hpp"

namespace zynclone::broker::xen {

class XenstoreLockdown : public Network {
 public:
  // `pool` is where XenStore is asked; it must outlive this.
  explicit XenstoreLockdown(asio::thread_pool& pool) : pool_(pool) {}

  // Gives the domains' names: domain 0 by its host name, others as /local/domain/<id>/name says, made printable. Errors: timed_out with
  // those that did not acknowledge, and what they did; unavailable when there is no XenStore.
  asio::awaitable<Result<std::vector<std::string>>> wait_applied(Family family, Deadline limit) override;

  asio::awaitable<Result<std::vector<std::string>>> not_applied(std::vector<Family> families) override;

 private:
  asio::thread_pool& pool_;
};

}  // namespace zynclone::broker::xen
