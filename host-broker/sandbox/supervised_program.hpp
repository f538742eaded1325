#pragma once
// A program that is kept running as systemd would with Restart=on-failure: started again shortly after it failed, unless it does
// so again and again. Used on its executor's thread.

#include <deque>
#include <functional>
#include <memory>
#include <set>

#include "host-broker/sandbox/child_process.hpp"

namespace zynclone::sandbox {

class SupervisedProgram {
 public:
  SupervisedProgram(asio::any_io_executor executor, std::string name, ChildSpec spec);
  SupervisedProgram(const SupervisedProgram&) = delete;
  SupervisedProgram& operator=(const SupervisedProgram&) = delete;

  // Errors: system. One that runs is no error.
  Result<void> start();

  // While held, a program that ended is not started again; that is made up for afterwards.
  void hold();
  void release();

  // From now on it is not started again until `start`.
  void retire();

  std::optional<pid_t> pid() const;  // while it runs
  unsigned restarts() const { return restarts_; }

  // Of this and earlier runs, as far as somebody of them is still there.
  std::set<pid_t> sessions();

  // Called each time the program ended, with its status.
  void on_end(std::function<void(int status)> observer) { observer_ = std::move(observer); }

 private:
  void ended(int status);
  void restart_later();
  bool restarts_too_often();

  asio::any_io_executor executor_;
  std::string name_;
  ChildSpec spec_;
  std::unique_ptr<ChildProcess> child_;
  std::set<pid_t> sessions_;
  std::shared_ptr<asio::steady_timer> timer_;  // handlers that come too late find it gone
  std::deque<std::chrono::steady_clock::time_point> recent_restarts_;
  unsigned restarts_ = 0;
  bool held_ = false;
  bool retired_ = false;
  bool restart_is_due_ = false;
  std::function<void(int)> observer_;
};

}  // namespace zynclone::sandbox
