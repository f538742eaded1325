#pragma once
// Makes this guest's applications ready for a cutover, by hooks: they are told that production will leave this member, or come to it. Owned by
// Agent; runs on its one thread.

#include <optional>
#include <string>

#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/one_at_a_time.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

class CutoverPreparation {
 public:
  CutoverPreparation(Hooks& hooks, const Quiescer& quiescer) : hooks_(hooks), quiescer_(quiescer) {}

  // Runs the prepare-cutover hooks. The same call again: waits for it, or the same answer if it had succeeded. Errors: busy (another one runs, or
  // the guest is quiesced); the first hook's that fails; what was given to drop().
  asio::awaitable<Result<protocol::PrepareReport>> prepare(protocol::GuestPrepareCutover call);

  // Ends what runs: its hook is killed.
  void drop(Error why) { calls_.drop(std::move(why)); }

  // "a cutover is being prepared"
  std::optional<std::string> in_work() const;

 private:
  struct Call {
    OperationId token;
    protocol::CutoverSide side = protocol::CutoverSide::leaving;
    bool operator==(const Call&) const = default;
  };
  using Outcome = Result<protocol::PrepareReport>;

  asio::awaitable<Outcome> run_hooks(Call call);

  Hooks& hooks_;
  const Quiescer& quiescer_;
  OneAtATime<Call, protocol::PrepareReport> calls_;
};

}  // namespace zynclone::agent
