#pragma once
// What XlToolstack does to domains other than to create them. Real: Libxl. Tests: FakeHypervisor (tests/host-broker/xen).

#include <vector>

#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker::xen {

enum class Awaited {
  stopped,  // shut down, or gone
  gone,     // no longer there, and neither are its backends in whatever domain
};

enum class DomainKind { pv, pvh, hvm };

struct DomainMemory {
  std::uint64_t bytes = 0;    // that it has now
  DomainKind kind = DomainKind::pv;
};

class Hypervisor {
 public:
  virtual ~Hypervisor() = default;
  // All but dom0. Errors of all: xen, timed_out; of those with a domain: not_found.
  virtual asio::awaitable<Result<std::vector<Domain>>> list() = 0;
  virtual asio::awaitable<Result<DomainMemory>> memory_of(DomainId domain) = 0;
  virtual asio::awaitable<Result<void>> pause(DomainId domain) = 0;
  // Also one that was suspended to be saved, and whose saver has died.
  virtual asio::awaitable<Result<void>> unpause(DomainId domain) = 0;
  virtual asio::awaitable<Result<void>> ask_to_shut_down(DomainId domain) = 0;
  virtual asio::awaitable<Result<void>> destroy(DomainId domain) = 0;
  virtual asio::awaitable<Result<void>> wait_for(DomainId domain, Awaited awaited, Deadline limit) = 0;
};

}  // namespace zynclone::broker::xen
