#pragma once
// Makes this guest's applications ready for a cutover, by hooks: they are told that production will leave this member, or come to it. Owned by
// Agent; runs on its one thread.

#include <optional>
#include <string>

#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "protocol/channel/wake_up.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

class CutoverPreparation {
 public:
  CutoverPreparation(Hooks& hooks, const Quiescer& quiescer) : hooks_(hooks), quiescer_(quiescer) {}

  // Runs the prepare-cutover hooks. The same call again: waits for it, or the same answer if it had succeeded. Errors: busy (another one runs, or
  // the guest is quiesced); the first hook's that fails; what was given to drop().
  asio::awaitable<Result<protocol::PrepareReport>> prepare(protocol::GuestPrepareCutover call);

  // Ends what runs: its hook is killed.
  void drop(Error why);

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
  asio::awaitable<void> until_dropped();

  Hooks& hooks_;
  const Quiescer& quiescer_;
  channel::WakeUp changed_;
  std::optional<Call> running_;
  std::optional<Error> dropped_;
  std::optional<Call> last_;  // that has ended
  std::optional<Outcome> outcome_;
};

}  // namespace zynclone::agent
