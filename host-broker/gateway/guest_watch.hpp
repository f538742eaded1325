#pragma once
// What the gateway must know of the domains and of what they advertise. Real: XenGuestWatch, over XenStore. Tests: FakeGuestWatch.

#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/toolstack.hpp"
#include "system/async.hpp"

namespace zynclone::broker::gateway {

enum class Rendezvous { vchan, mailbox };

// Which guest's advertisement changed, by the key given to `watch`; nullopt: domains came or went.
struct GuestEvent {
  std::optional<std::uint64_t> key;
};

class GuestWatch {
 public:
  virtual ~GuestWatch() = default;
  // Of guests (not of dom0) that have a UUID; the state is not filled in.
  virtual asio::awaitable<Result<std::vector<Domain>>> domains() = 0;
  // Which VM the domain is now; nullopt when there is none of that id.
  virtual asio::awaitable<Result<std::optional<Uuid>>> identity(DomainId domain) = 0;
  // What it advertises, untrusted: a value that changes when there is something new to connect to; nullopt for nothing.
  virtual asio::awaitable<Result<std::optional<std::string>>> advertised(DomainId domain, Rendezvous kind) = 0;
  virtual asio::awaitable<Result<void>> watch(std::uint64_t key, DomainId domain, Rendezvous kind) = 0;
  virtual asio::awaitable<Result<void>> unwatch(std::uint64_t key, DomainId domain, Rendezvous kind) = 0;
  // A hint, which may be spurious. One coroutine. Errors: unavailable when the source is gone.
  virtual asio::awaitable<Result<GuestEvent>> next_event() = 0;
};

}  // namespace zynclone::broker::gateway
