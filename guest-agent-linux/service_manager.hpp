#pragma once
// The agent as a service of systemd: the inherited socket, readiness, status and the watchdog. Without systemd none of it does anything.

#include <functional>
#include <string>

#include "system/async.hpp"
#include "system/descriptor.hpp"

namespace zynclone::agent {

// The first socket that systemd passed to this process, or none. Once only.
Descriptor inherited_socket();

// READY=1 with the first status, STATUS= with each.
class ServiceStatus {
 public:
  void tell(const std::string& status);
  void stopping();

 private:
  bool ready_ = false;
};

// Says that this thread is alive, twice in each WatchdogSec of the unit. Never ends; to be cancelled.
asio::awaitable<void> feed_watchdog();

// Calls `stop` at SIGTERM and SIGINT. Never ends; to be cancelled.
asio::awaitable<void> call_when_terminated(std::function<void()> stop);

// Lines to the journal are dropped rather than waited for: while the journal's file system is frozen, journald reads nothing, and the
// agent must go on to thaw it.
void never_wait_for_journal();

}  // namespace zynclone::agent
