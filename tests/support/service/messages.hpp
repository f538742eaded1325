#pragma once
// Views for tests of command lines and the client library: one family, its clone, and the operation that made it.

#include "protocol/messages.hpp"

namespace zynclone::tests {

OperationId sample_operation_id();          // 01JD0000000000000000000001
protocol::CloneView sample_clone();         // upgrade-1 of pos1, running, locked down
protocol::FamilyView sample_family();
// standby has it since a moment, until half an hour later; then it is undone.
protocol::ProbationView sample_probation();
// sales of pos1, as xvds, standby has it.
protocol::VolumeView sample_volume();
protocol::PeripheralView sample_peripheral();
// cutover.* of pos1 by ada, once, for half an hour.
protocol::GrantView sample_grant();

// clone.create pos1 → upgrade-1 as of one moment of its life: `steps_done` of its four steps are done, the next one runs.
protocol::OperationView sample_operation(std::size_t steps_done);
// The same when it has ended well.
protocol::OperationView finished_operation();
// Its snapshot failed, and what was done before is undone.
protocol::OperationView failed_operation();
protocol::OperationView awaiting_operation();

Timestamp sample_time();                    // 2026-11-21 02:58:59 UTC

}  // namespace zynclone::tests
