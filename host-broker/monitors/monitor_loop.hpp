#pragma once
// The life of a monitor: reconcile, tell systemd, wait for a ring or the period, again; until SIGTERM or SIGINT. Errors are logged when
// they begin, change and end, and tried again sooner than the period.

#include <memory>

#include "host-broker/monitors/reconciler.hpp"

namespace zynclone::broker::monitors {

struct LoopOptions {
  bool once = false;                                  // reconcile once and end
  Deadline period = std::chrono::seconds(30);         // the longest time between two reconciliations
  Deadline first_retry = std::chrono::milliseconds(500);  // after an error; doubled until it reaches the period
  Deadline limit = std::chrono::seconds(20);          // for one reconciliation
};

// Runs in this thread until the end; gives the program's exit status. With `once` that is 1 when the reconciliation failed.
int run_monitor(std::string_view name, asio::io_context& context, std::shared_ptr<Reconciler> reconciler, LoopOptions options);

}  // namespace zynclone::broker::monitors
