#pragma once
// The steps of a move of production from one member to another, but those of its volumes (volume_steps.hpp). The lease decides who has it; the
// family's file follows it, is published, and counts when the backends have acknowledged it.

#include <map>

#include "host-broker/core/operations/member_step.hpp"

namespace zynclone::broker {

// May who gives production up say no? In a cutover's start it may; an undo is not to be stopped by whom it takes production from.
enum class IfRefused { fail, force };

// What came of asking for a volume: of whom, and what is at risk; empty: nothing.
struct Released {
  std::optional<DomainId> asked;                // none: the member did not run
  std::string risk;
};

// One move, known to all of its steps.
struct Move {
  Uuid from;
  Uuid to;
  GuestConfig config;
  IfRefused if_refused = IfRefused::fail;
  bool was_paused = false;                      // `from`, before the operation
  bool is_of_production = false;                // not of a volume alone: who is in the way loses production, and may be ended
  std::shared_ptr<bool> is_silent = std::make_shared<bool>(false);  // the agent of `from`, so that nobody knows what it would do
  std::shared_ptr<std::map<VolumeName, Released>> released = std::make_shared<std::map<VolumeName, Released>>();
};

// The move as it is to be made, or, taken up after a restart, as it was begun. Errors: conflict, not_found, with the field's place.
asio::awaitable<Result<Move>> plan_move(Context context, Uuid from, Uuid to);

// After a restart: from whom the operation had begun to move something; none: it had not come so far.
std::optional<Uuid> moved_from(const Context& context);
// What the first step journals for it.
std::string from_text(const Uuid& from);

// All steps of it, in their order, with every shared volume that `from` has. What the backends need to follow, the volumes use: each
// acknowledgement is waited for only when the next step needs it.
std::vector<std::unique_ptr<Step>> move_steps(const Context& context, Move move);

// Locks down whom the backends let speak instead of `move.to`, and waits until all of them follow; the lease stays where it is. Nothing, where
// `move.to` speaks.
std::unique_ptr<Step> silence_other_step(Context context, Move move);

// Gives production to `move.to`, whoever had it, announces its addresses and waits until the backends follow. Undo takes it away again.
std::unique_ptr<Step> hand_over_step(Context context, Move move);

// An agent's answer is awaited for so long: all hooks of one event, as the agent limits them, and the way there.
inline constexpr std::chrono::seconds k_prepare_limit{35};

// Why a member that does not say that it is well is not; empty: it is.
std::string why_unwell(const Result<protocol::GuestHealthReport>& report);

// Waits until the agent says that the member is well.
std::unique_ptr<Step> health_step(Context context, Move move);

// The member that has the production lease of the family, and the lease.
struct Holding {
  Lease lease;
  std::optional<Uuid> member;                   // the original, where the lease was never given
};
asio::awaitable<Result<Holding>> holding_of(Context context, std::string resource);

inline constexpr std::chrono::seconds k_boot_limit{180};  // until the agent of a member that was started has its channel

// Waits until the agent has its channel, for a time: a broker that was just started, or a link that died, is no silence of the agent's. To be
// called before one that does not answer is moved away from.
asio::awaitable<void> wait_for_agent(Context context, Uuid member);

// Holds a member still that is in the way and does not answer. One that is to lose production may be ended, where it cannot be held still. Gives what was
// done, with its name; empty: it does not run.
enum class IfItRunsOn { end, fail };
asio::awaitable<Result<std::string>> fence(Context context, Uuid member, std::string name, IfItRunsOn if_it_runs_on);

// Holds a member still, or lets it go on. One that does not run is no error.
asio::awaitable<Result<void>> hold_still(Context context, Uuid member);
asio::awaitable<Result<void>> let_go_on(Context context, Uuid member);

}  // namespace zynclone::broker
