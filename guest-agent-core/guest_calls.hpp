#pragma once
// What the broker asks of this guest: quiesce, thaw, health, identity, cutovers, shared volumes and commands; and its notifications. Owned by
// Agent; runs on its one thread.

#include <functional>
#include <string>

#include "guest-agent-core/command_runs.hpp"
#include "guest-agent-core/cutover_preparation.hpp"
#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/identity_change.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "guest-agent-core/volume_changes.hpp"
#include "protocol/messages.hpp"

namespace zynclone::agent {

class GuestCalls {
 public:
  GuestCalls(Quiescer& quiescer, Hooks& hooks, CutoverPreparation& preparation, VolumeChanges& volumes, CommandRuns& commands,
             IdentityChange& identity, std::function<void(const protocol::OperationView&)> operation_changed)
      : quiescer_(quiescer), hooks_(hooks), preparation_(preparation), volumes_(volumes), commands_(commands), identity_(identity),
        operation_changed_(std::move(operation_changed)) {}

  // Gives the response's text; empty for a notification.
  asio::awaitable<std::string> handle(protocol::Request request);

 private:
  asio::awaitable<Result<protocol::QuiesceReport>> quiesce(protocol::GuestQuiesce call);
  asio::awaitable<Result<protocol::IdentityReport>> apply_identity(protocol::GuestApplyIdentity call);
  asio::awaitable<Result<protocol::PrepareReport>> prepare(protocol::GuestPrepareCutover call);
  asio::awaitable<Result<protocol::ReleaseReport>> release(protocol::GuestReleaseVolume call);
  asio::awaitable<Result<protocol::AcquireReport>> acquire(protocol::GuestAcquireVolume call);
  asio::awaitable<Result<protocol::GuestHealthReport>> health();
  Result<void> check_identity_is_settled(std::string_view cannot) const;

  Quiescer& quiescer_;
  Hooks& hooks_;
  CutoverPreparation& preparation_;
  VolumeChanges& volumes_;
  CommandRuns& commands_;
  IdentityChange& identity_;
  std::function<void(const protocol::OperationView&)> operation_changed_;
  bool checking_health_ = false;
};

}  // namespace zynclone::agent
