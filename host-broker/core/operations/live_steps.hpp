#pragma once
// The steps of a live clone: memory and disks copied as of one instant, restored as the clone, told who it is. The original stands still between the
// end of the memory's copy and the last disk's, and whatever happens in between, it goes on first.

#include "host-broker/core/operations/clone_plan.hpp"

namespace zynclone::broker {

// Copies the original's memory and all of the clone's disks. After a crash it is done anew: what an earlier try left is of another instant.
std::unique_ptr<Step> copy_step(Context context, ClonePlan plan);

// The memory image goes as soon as the clone has been built from it.
std::unique_ptr<Step> remove_image_step(Context context);

// Has the clone's agent take the clone's identity, and publishes that. An agent that is silent or refuses is no failure: the clone stays silent, and is
// asked again when it connects.
std::unique_ptr<Step> identity_step(Context context, CloneName clone);

// Asks the agent of a clone that awaits its identity, and notes that it has taken it. Errors: unavailable, the agent's own, and
// those of the family's file; the clone stays silent then.
asio::awaitable<Result<protocol::IdentityReport>> give_identity(Ports ports, Registry& registry, VmName vm, Uuid clone);

// May this member have production, or this volume (none: any)? A clone that awaits its identity may not, and one that was made live of an original that
// had a shared volume has a copy of its own in that one's place. The text says why and what the way round is; empty: it may. Errors: configuration.
Result<std::string> why_not_for_production(const Context& context, const Uuid& member, const std::optional<VolumeName>& volume = {});

// Lets an original go on that this operation, taken up after a restart, may still hold. Needs nothing but the record.
asio::awaitable<void> end_copy(Context context);

}  // namespace zynclone::broker
