#pragma once
// Makes this guest the clone that it is, by hooks: host keys, machine id, random seed, addresses are still those of the VM that it was copied from.
// Its interfaces stay silent until that is done. Owned by Agent; runs on its one thread.

#include <optional>
#include <string>

#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/identity_record.hpp"
#include "guest-agent-core/one_at_a_time.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

class IdentityChange {
 public:
  // `hooks` are given more time than those of other events: keys are made.
  IdentityChange(Hooks& hooks, IdentityStore& store, const Quiescer& quiescer) : hooks_(hooks), store_(store), quiescer_(quiescer) {}

  // Runs the apply-identity hooks. The same token again: waits for it, or the same answer if it had succeeded, also after a restart of the agent;
  // after a failure it is tried again from the first hook. Errors: busy (another one runs, or the guest is quiesced); invalid_argument; the first
  // hook's that fails, with the last line that it wrote; what was given to drop().
  asio::awaitable<Result<protocol::IdentityReport>> apply(protocol::GuestApplyIdentity call);

  // Ends what runs: its hook is killed.
  void drop(Error why) { calls_.drop(std::move(why)); }

  // "this guest's identity is being applied"
  std::optional<std::string> in_work() const;

 private:
  using Outcome = Result<protocol::IdentityReport>;

  Result<void> check(const protocol::GuestApplyIdentity& call) const;
  std::optional<IdentityRecord> applied() const;
  asio::awaitable<Outcome> run_hooks(protocol::GuestApplyIdentity call);

  Hooks& hooks_;
  IdentityStore& store_;
  const Quiescer& quiescer_;
  OneAtATime<OperationId, protocol::IdentityReport> calls_;
};

}  // namespace zynclone::agent
