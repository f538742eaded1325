#pragma once
// The hypervisor through libxenlight: each call in a thread of its own pool, under a deadline; waits by watches in XenStore. Destroy it before
// the io_context.

#include <memory>

#include "host-broker/xen/hypervisor.hpp"
#include "host-broker/xen/libxl_context.hpp"

namespace zynclone::broker::xen {

class Libxl final : public Hypervisor {
 public:
  // Errors: xen.
  static Result<std::unique_ptr<Libxl>> create();

  asio::awaitable<Result<std::vector<Domain>>> list() override;
  asio::awaitable<Result<DomainMemory>> memory_of(DomainId domain) override;
  asio::awaitable<Result<void>> pause(DomainId domain) override;
  asio::awaitable<Result<void>> unpause(DomainId domain) override;
  asio::awaitable<Result<void>> ask_to_shut_down(DomainId domain) override;
  asio::awaitable<Result<void>> destroy(DomainId domain) override;
  asio::awaitable<Result<void>> wait_for(DomainId domain, Awaited awaited, Deadline limit) override;

 private:
  explicit Libxl(std::unique_ptr<LibxlContext> context) : context_(std::move(context)), quick_(2), slow_(6) {}
  asio::awaitable<Result<void>> wait_without_limit(DomainId domain, Awaited awaited);

  std::shared_ptr<LibxlContext> context_;  // shared with calls that took too long
  asio::thread_pool quick_;                // hypercalls and reads
  asio::thread_pool slow_;                 // what waits for a guest or runs hotplug scripts
};

}  // namespace zynclone::broker::xen
