#pragma once
// Holds the guest at rest while its disks are copied: hooks, then file systems; and lets go again, always. One cycle at a time, named by
// the broker's token, runs as a task of its own, so that whatever happens to the caller, the thaw comes. Runs on the agent's one thread.

#include <memory>
#include <optional>
#include <string>

#include "guest-agent-core/freezer.hpp"
#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/quiesce_record.hpp"
#include "protocol/channel/wake_up.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

struct QuiesceLimits {
  std::chrono::milliseconds longest_hold{600'000};  // that the broker may ask for
  Deadline freeze = std::chrono::seconds(10);       // until all file systems are frozen: the kernel writes out what is dirty
  Deadline thaw_retry = std::chrono::seconds(1);
  Deadline beyond_hold = std::chrono::seconds(5);   // after which the freezer thaws although this object did not say so
};

class Quiescer {
 public:
  Quiescer(asio::any_io_executor executor, Hooks& hooks, Freezer& freezer, QuiesceStore& store, QuiesceLimits limits);

  // Brings the guest to rest and holds it there for call.hold_ms. An error means that nothing is held any more. The same token again:
  // the same answer, and the hold time is not extended. Errors: busy (another token), invalid_argument, cancelled (thawed meanwhile), a
  // hook's or the freezer's.
  asio::awaitable<Result<protocol::QuiesceReport>> quiesce(protocol::GuestQuiesce call);

  // Lets go and answers when that is done. Without a quiesce: was_quiesced is false. The same token again: the same answer.
  // Errors: conflict (another token).
  asio::awaitable<Result<protocol::ThawReport>> thaw(protocol::GuestThaw call);

  // Lets go of whatever is held, without waiting; `why` is logged.
  void release(std::string why);

  // Lets go of what an earlier agent held when it was killed. To be called first; ends at once if there is nothing.
  void recover();

  // Until nothing is held.
  asio::awaitable<void> wait_idle();
  // The token that the guest is held for, or brought to rest or thawed for.
  std::optional<OperationId> held_for() const;

 private:
  struct Cycle;
  enum class ThawEnd { done, try_again };

  asio::awaitable<void> run(std::shared_ptr<Cycle> cycle);
  asio::awaitable<void> bring_to_rest(std::shared_ptr<Cycle> cycle);
  asio::awaitable<Result<protocol::QuiesceReport>> rest(std::shared_ptr<Cycle> cycle);
  asio::awaitable<void> hold(std::shared_ptr<Cycle> cycle);
  asio::awaitable<void> let_go(std::shared_ptr<Cycle> cycle);
  asio::awaitable<ThawEnd> thaw_mounts(std::shared_ptr<Cycle> cycle, unsigned attempts);
  asio::awaitable<void> until_asked_to_thaw(std::shared_ptr<Cycle> cycle);
  Result<void> check(const protocol::GuestQuiesce& call) const;

  asio::any_io_executor executor_;
  Hooks& hooks_;
  Freezer& freezer_;
  QuiesceStore& store_;
  QuiesceLimits limits_;
  channel::WakeUp changed_;
  std::shared_ptr<Cycle> cycle_;  // null: nothing is held
  std::shared_ptr<Cycle> last_;   // the one before, for a thaw that is asked for again
};

}  // namespace zynclone::agent
