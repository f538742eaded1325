#pragma once
// Disks as of one instant: quiesce the guest, copy each disk, thaw. Where the guest does not quiesce in time, the copies are crash-consistent,
// and a guest with several disks is paused over them, so that they are still of one instant.

#include "host-broker/core/operations/clone_plan.hpp"

namespace zynclone::broker {

std::unique_ptr<Step> quiesce_step(Context context, ClonePlan plan);
std::unique_ptr<Step> snapshot_step(Context context, ClonePlan plan, CloneDisk disk);
std::unique_ptr<Step> thaw_step(Context context, ClonePlan plan);

// Lets an original go on that this operation, taken up after a restart, may still hold. Needs nothing but the record.
asio::awaitable<void> end_hold(Context context);

}  // namespace zynclone::broker
