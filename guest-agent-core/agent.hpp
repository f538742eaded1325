#pragma once
// The guest's agent: wires the session with the broker, the local API, quiescing, shared volumes and the identity watcher, and says what each
// means for the others. Owned by a platform's main; runs on one thread.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "guest-agent-core/broker_session.hpp"
#include "guest-agent-core/command_runs.hpp"
#include "guest-agent-core/cutover_preparation.hpp"
#include "guest-agent-core/event_hooks.hpp"
#include "guest-agent-core/freezer.hpp"
#include "guest-agent-core/guest_calls.hpp"
#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/identity.hpp"
#include "guest-agent-core/identity_change.hpp"
#include "guest-agent-core/local_server.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "guest-agent-core/volume_changes.hpp"

namespace zynclone::agent {

// What differs between platforms. All outlive the agent.
struct AgentParts {
  ChannelFactory& channels;
  LocalListener& listener;
  HookPrograms& hooks;
  Freezer& freezer;
  QuiesceStore& quiesce_store;
  IdentitySource& identity;
  LastIdentity& last_identity;
  IdentityStore& identity_store;
  VolumeMounter& mounter;
  VolumeStore& volume_store;
  MountPoints mount_points;
  CommandPrograms* commands = nullptr;  // null: none may be run
  std::string root = {};                // a folder that stands for / in hooks; empty: none
};

struct AgentLimits {
  HookLimits hooks;
  HookLimits identity_hooks{.each = std::chrono::seconds(60), .total = std::chrono::seconds(120)};  // apply-identity
  QuiesceLimits quiesce;
  VolumeLimits volumes;
  SessionLimits session;
  LocalLimits local;
  Deadline first_reading = std::chrono::seconds(3);  // of the identity, before anything is served
  Deadline longest_save = std::chrono::minutes(10);  // without a channel, should the host have forgotten that it copied the memory
  Deadline thaw = std::chrono::seconds(30);          // at the start and at the end, before going on without
};

class Agent {
 public:
  // `status` is told, in one line for people, how the agent does; first when it serves.
  Agent(asio::any_io_executor executor, AgentParts parts, AgentLimits limits, std::function<void(std::string)> status);

  // Thaws what an earlier agent left, then serves until stop(), then thaws, and returns when everything has ended. Errors: of
  // LocalListener::open; what was left is thawed then, too.
  asio::awaitable<Result<void>> run();
  void stop();

  const std::optional<Identity>& identity() const { return watcher_.current(); }

 private:
  SessionEvents session_events();
  IdentityEvents identity_events();
  HookEnvironment common_environment() const;
  void moved(Move move, const Identity& now);
  void follow_save(bool is_being_saved);
  asio::awaitable<void> end_of_save(std::uint64_t save);
  void tell_status();
  void serve();
  asio::awaitable<void> end();
  asio::awaitable<void> wait_thawed();
  asio::awaitable<void> remember(Uuid uuid);
  void start(std::string name, asio::awaitable<void> part);
  asio::awaitable<void> counted(asio::awaitable<void> part);

  asio::any_io_executor executor_;
  LocalListener& listener_;
  AgentLimits limits_;
  std::function<void(std::string)> status_;
  std::string last_status_;
  std::string root_;
  LastIdentity& last_identity_;
  std::optional<Uuid> remembered_;
  Hooks hooks_;
  Quiescer quiescer_;
  CutoverPreparation preparation_;
  VolumeChanges volumes_;
  CommandRuns commands_;
  Hooks identity_hooks_;
  IdentityChange identity_change_;
  EventHooks event_hooks_;
  GuestCalls calls_;
  BrokerSession session_;
  LocalServer server_;
  IdentityWatcher watcher_;
  std::uint64_t saves_ = 0;  // that began or ended
  bool being_saved_ = false;
  channel::WakeUp changed_;  // stopping_, parts_, saves_
  unsigned parts_ = 0;       // that run
  bool stopping_ = false;
  bool serving_ = false;
};

}  // namespace zynclone::agent
