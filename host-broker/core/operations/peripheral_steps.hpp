#pragma once
// The steps that move a peripheral with production. A device that is unplugged, or that fails, holds no till up: the step says so, as a warning,
// and the broker gives it later (core/peripheral_keeping.cpp).

#include "host-broker/core/operations/production_steps.hpp"

namespace zynclone::broker {

// Takes it from `move.from`, if that has it. Undo gives it back, as far as that can be done.
std::unique_ptr<Step> take_peripheral_step(Context context, Move move, Peripheral peripheral);

// Gives it to `move.to`; from another member of the family it is taken before. Undo takes it away again.
std::unique_ptr<Step> give_peripheral_step(Context context, Move move, Peripheral peripheral);

// For vm.repair: the same, and from whatever domain has it.
std::unique_ptr<Step> repair_peripheral_step(Context context, Move move, Peripheral peripheral);

// Has it, of the family's members and strangers, somebody who is not `member`, or `member` not, which runs? What cannot be told is no need.
asio::awaitable<bool> needs_repair(Context context, Uuid member, Peripheral peripheral);

// How long one device may take: a till that is served waits no longer for a printer.
inline constexpr std::chrono::seconds k_peripheral_limit{15};

}  // namespace zynclone::broker
