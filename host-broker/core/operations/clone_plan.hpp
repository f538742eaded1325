#pragma once
// What a new clone will be: every name, address and volume of it, derived from the operation's id and the original's configuration.

#include "host-broker/core/context.hpp"

namespace zynclone::broker {

struct ClonePlan {
  Clone clone;
  GuestConfig config;
  VmConfig original;
  std::optional<Domain> running;   // the original's domain
};

// Checks all that must hold before anything is done (fresh), or finds the clone that this operation had begun (taken up).
// Errors: configuration, already_exists, limit_exceeded, conflict (mode and state do not fit), no_space.
asio::awaitable<Result<ClonePlan>> plan_clone(Context context, protocol::CloneCreate call);

// How storage is to take a disk that a live clone's copying finds standing still: a raw file whose file system shares no blocks can be copied block by
// block then, but only one so small that its VM does not stand still for it for long; any other as one in use.
asio::awaitable<Result<SourceUse>> use_while_paused(Context context, Volume source);

// Can a clone of this family get this name? Neither it nor the domain's name, <vm>.<clone>, is anybody's, a configured VM's either that does not
// run. `cannot` begins the error: "create clone 'a'". Errors: already_exists, with `place`.
asio::awaitable<Result<void>> check_name_free(Context context, CloneName name, std::string cannot, std::string place);

}  // namespace zynclone::broker
