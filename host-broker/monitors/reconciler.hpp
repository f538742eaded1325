#pragma once
// What a monitor does, apart from its loop: it compares what should be with what is, mends the difference, and says where to look
// for hints that it is time again. Real: CloneMonitor, NetMonitor. Tests: one that counts.

#include <mutex>
#include <string>

#include "host-broker/monitors/doorbell.hpp"

namespace zynclone::broker::monitors {

class Reconciler {
 public:
  virtual ~Reconciler() = default;

  // Looks at what is hinted at, or at everything. Blocks; in a pool thread, one at a time. After an error the next call is for everything.
  virtual Result<void> reconcile(const Hints& hints) = 0;

  // Starts the tasks that ring when something may have changed. On the loop's thread, once; `doorbell` outlives them.
  virtual void start_watching(Doorbell& doorbell) = 0;

  // One line for `systemctl status`. Any thread.
  std::string status() const {
    const std::lock_guard lock(mutex_);
    return status_;
  }

 protected:
  void set_status(std::string status) {
    const std::lock_guard lock(mutex_);
    status_ = std::move(status);
  }

 private:
  mutable std::mutex mutex_;
  std::string status_;
};

}  // namespace zynclone::broker::monitors
