#include "host-broker/sandbox/supervised_program.hpp"

#include "host-broker/sandbox/session_processes.hpp"
#include "system/log.hpp"

namespace zynclone::sandbox {
namespace {

// systemd's defaults: RestartSec, StartLimitBurst, StartLimitIntervalSec.
constexpr std::chrono::milliseconds k_restart_pause{100};
constexpr std::size_t k_most_restarts = 5;
constexpr std::chrono::seconds k_restart_interval{1};

}  // namespace

SupervisedProgram::SupervisedProgram(asio::any_io_executor executor, std::string name, ChildSpec spec)
    : executor_(executor), name_(std::move(name)), spec_(std::move(spec)), timer_(std::make_shared<asio::steady_timer>(executor)) {}

Result<void> SupervisedProgram::start() {
  retired_ = false;
  restart_is_due_ = false;
  if (child_) return outcome::success();
  auto started = ChildProcess::start(executor_, spec_, [this](int status) { ended(status); });
  if (!started) return started.error();
  child_ = std::move(started.value());
  sessions_.insert(child_->pid());
  return outcome::success();
}

std::optional<pid_t> SupervisedProgram::pid() const {
  if (!child_) return std::nullopt;
  return child_->pid();
}

std::set<pid_t> SupervisedProgram::sessions() {
  // The number of a session in which nobody is left may be given to somebody else.
  std::erase_if(sessions_, [this](pid_t session) { return (!child_ || child_->pid() != session) && processes_of({session}).empty(); });
  return sessions_;
}

void SupervisedProgram::hold() { held_ = true; }

void SupervisedProgram::release() {
  held_ = false;
  if (std::exchange(restart_is_due_, false)) restart_later();
}

void SupervisedProgram::retire() {
  retired_ = true;
  restart_is_due_ = false;
  timer_->cancel();
}

void SupervisedProgram::ended(int status) {
  child_.reset();
  if (observer_) observer_(status);
  if (status == 0 || retired_) return;
  log_warning(name_ + " ended with status " + std::to_string(status));
  if (restarts_too_often()) {
    log_error(name_ + " is not started again: it failed " + std::to_string(k_most_restarts) + " times within " +
              std::to_string(k_restart_interval.count()) + " s");
    return;
  }
  if (held_)
    restart_is_due_ = true;
  else
    restart_later();
}

bool SupervisedProgram::restarts_too_often() {
  const auto now = std::chrono::steady_clock::now();
  while (!recent_restarts_.empty() && now - recent_restarts_.front() > k_restart_interval) recent_restarts_.pop_front();
  if (recent_restarts_.size() >= k_most_restarts) return true;
  recent_restarts_.push_back(now);
  return false;
}

void SupervisedProgram::restart_later() {
  timer_->expires_after(k_restart_pause);
  timer_->async_wait([this, alive = std::weak_ptr(timer_)](boost::system::error_code error) {
    if (error || alive.expired() || retired_) return;
    if (held_) {
      restart_is_due_ = true;
      return;
    }
    ++restarts_;
    if (auto started = start(); !started) log_error("cannot start " + name_ + " again: " + started.error().message);
  });
}

}  // namespace zynclone::sandbox
