#pragma once
// Steps that several kinds of operation share: lockdown published and acknowledged, a clone's domain started, stopped.

#include "host-broker/core/context.hpp"

namespace zynclone::broker {

// Puts the clone into `state` in its family's file and waits until every backend has applied what follows. Undo puts back the state before.
// `interfaces` is for the plan: what its interfaces may do then (interfaces_text).
std::unique_ptr<Step> publish_step(Context context, CloneName clone, protocol::CloneState state, std::string interfaces = {});

// Creates the clone's domain, paused: from its disks, or from the memory image that this operation made. Undo destroys it.
std::unique_ptr<Step> start_paused_step(Context context, CloneName clone, GuestConfig config);
std::unique_ptr<Step> restore_paused_step(Context context, CloneName clone, GuestConfig config);

// Lets the clone's domain run. Comes after publish_step: that order is lockdown's.
std::unique_ptr<Step> unpause_step(Context context, CloneName clone);

// Asks the guest to shut down within the configured time, then ends it. Has no undo: a guest that has shut down stays so.
std::unique_ptr<Step> shut_down_step(Context context, CloneName clone, GuestConfig config);

// A step with no line of its own that edits the family's file. `edit` and `revert` must find their own work done.
std::unique_ptr<Step> edit_step(Context context, std::string name, std::function<void(Family&)> edit,
                                std::function<void(Family&)> revert);

}  // namespace zynclone::broker
