#pragma once
// One maker per kind of operation, each in the file of its name. A maker checks what must hold before anything is done (when the
// operation is fresh) and gives the steps. Errors: those of the checks, with the field's place.

#include "host-broker/core/context.hpp"

namespace zynclone::broker {

asio::awaitable<Result<Operation>> make_clone_create(Context context, protocol::CloneCreate call);
asio::awaitable<Result<Operation>> make_clone_start(Context context, protocol::CloneStart call);
asio::awaitable<Result<Operation>> make_clone_stop(Context context, protocol::CloneStop call);
asio::awaitable<Result<Operation>> make_clone_activate(Context context, protocol::CloneActivate call);
asio::awaitable<Result<Operation>> make_clone_deactivate(Context context, protocol::CloneDeactivate call);
asio::awaitable<Result<Operation>> make_clone_remove(Context context, protocol::CloneRemove call);
asio::awaitable<Result<Operation>> make_clone_protect(Context context, protocol::CloneProtect call);
asio::awaitable<Result<Operation>> make_clone_unprotect(Context context, protocol::CloneUnprotect call);
asio::awaitable<Result<Operation>> make_clone_rename(Context context, protocol::CloneRename call);
asio::awaitable<Result<Operation>> make_cutover_start(Context context, protocol::CutoverStart call);
asio::awaitable<Result<Operation>> make_cutover_commit(Context context, protocol::CutoverCommit call);
asio::awaitable<Result<Operation>> make_cutover_undo(Context context, protocol::CutoverUndo call);
asio::awaitable<Result<Operation>> make_vm_repair(Context context, protocol::VmRepair call);
asio::awaitable<Result<Operation>> make_volume_switch(Context context, protocol::VolumeSwitch call);
asio::awaitable<Result<Operation>> make_agent_run(Context context, protocol::AgentRun call);

// The maker for whatever the record's request asks.
asio::awaitable<Result<Operation>> make_operation(Context context);

}  // namespace zynclone::broker
