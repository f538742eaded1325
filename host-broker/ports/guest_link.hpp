#pragma once
// Calls from the broker into a guest's agent. Real: gateway::GuestLinks. Tests: FakeGuestLink.

#include "protocol/messages.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

class GuestLink {
 public:
  virtual ~GuestLink() = default;
  // `member` is a VM's UUID. Errors of all: unavailable when it has no channel, or does not answer
  // within `limit`; the agent's own.
  virtual asio::awaitable<Result<protocol::QuiesceReport>> quiesce(Uuid member, protocol::GuestQuiesce call, Deadline limit) = 0;
  virtual asio::awaitable<Result<protocol::ThawReport>> thaw(Uuid member, protocol::GuestThaw call, Deadline limit) = 0;
  virtual asio::awaitable<Result<protocol::PrepareReport>> prepare_cutover(Uuid member, protocol::GuestPrepareCutover call, Deadline limit) = 0;
  // To the agent that woke up in a live clone. Errors besides: a hook's that failed, with its last line; busy.
  virtual asio::awaitable<Result<protocol::IdentityReport>> apply_identity(Uuid member, protocol::GuestApplyIdentity call, Deadline limit) = 0;
  virtual asio::awaitable<Result<protocol::ReleaseReport>> release_volume(Uuid member, protocol::GuestReleaseVolume call, Deadline limit) = 0;
  virtual asio::awaitable<Result<protocol::AcquireReport>> acquire_volume(Uuid member, protocol::GuestAcquireVolume call, Deadline limit) = 0;
  // Has it a channel now? A call that begins at once is sent then.
  virtual bool is_connected(const Uuid& member) const = 0;
  virtual asio::awaitable<Result<protocol::RunReport>> run(Uuid member, protocol::GuestRun call, Deadline limit) = 0;
  virtual asio::awaitable<Result<protocol::GuestHealthReport>> health(Uuid member, Deadline limit) = 0;
};

}  // namespace zynclone::broker
