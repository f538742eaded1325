#pragma once
// Runs the hooks of events that nobody waits for (interfaces, identity), one event after the other. An event that comes again while it waits
// for its turn runs once, as hooks are told what is, not what was; and none runs while the guest is held at rest, where it would hang. Owned by
// Agent; runs on its one thread.

#include <deque>

#include "guest-agent-core/hooks.hpp"
#include "guest-agent-core/quiesce.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::agent {

class EventHooks {
 public:
  EventHooks(Hooks& hooks, Quiescer& quiescer) : hooks_(hooks), quiescer_(quiescer) {}

  void happened(HookEvent event, HookEnvironment environment);

  // Until stop(), which ends a hook that runs.
  asio::awaitable<void> run();
  void stop();

 private:
  struct Waiting {
    HookEvent event;
    HookEnvironment environment;
  };

  asio::awaitable<void> until_stopped();

  Hooks& hooks_;
  Quiescer& quiescer_;
  std::deque<Waiting> waiting_;
  channel::WakeUp changed_;
  bool stopping_ = false;
};

}  // namespace zynclone::agent
