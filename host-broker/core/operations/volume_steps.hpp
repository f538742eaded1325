#pragma once
// The steps that move a shared volume. Whoever gives it up is asked first: hooks, sync, unmount; who does not answer is held still and loses
// it by force, and the operation says what was at risk. The lease is passed only when no backend serves the volume any more.

#include "host-broker/core/operations/production_steps.hpp"

namespace zynclone::broker {

// Has `move.from` let go of the volume, if it has it; its hooks may refuse. Undo gives it back, whatever the next step did.
std::unique_ptr<Step> release_volume_step(Context context, Move move, SharedVolume volume);
// Takes what is released: device, then lease.
std::unique_ptr<Step> detach_volume_step(Context context, Move move, SharedVolume volume);

// Gives the volume, that nobody has, to `move.to`. Undo takes it away again.
std::unique_ptr<Step> acquire_volume_step(Context context, Move move, SharedVolume volume);

// As many of a family's operations, with their steps, newest first, as are looked through for what became of a volume.
asio::awaitable<Result<std::vector<OperationRecord>>> recent_operations(Journal& journal, Uuid family);

// The newest of these operations (with their steps, newest first) that has begun to take or give the volume; null: none.
const OperationRecord* last_about(const std::vector<OperationRecord>& operations, const VolumeName& volume);

// To which domain was the volume given last, its agent having been told, as far as these operations (with their steps, newest first) know? None: they do not.
std::optional<DomainId> last_given_to(const std::vector<OperationRecord>& operations, const VolumeName& volume);

}  // namespace zynclone::broker
