#include "host-broker/monitors/monitor_loop.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "protocol/names.hpp"
#include "system/log.hpp"
#include "system/notify.hpp"

namespace zynclone::broker::monitors {
namespace {

void tell_service_manager(const std::string& state) {
  if (auto told = notify_service_manager(state); !told) log_warning(told.error().message);
}

// Half of what systemd allows between two signs of life (sd_watchdog_enabled(3)); none: it wants none.
std::optional<Deadline> watchdog_interval() {
  const char* text = std::getenv("WATCHDOG_USEC");
  std::uint64_t microseconds = 0;
  if (text == nullptr || std::from_chars(text, text + std::strlen(text), microseconds).ec != std::errc() || microseconds == 0) return std::nullopt;
  return std::chrono::microseconds(microseconds / 2);
}

class Loop {
 public:
  Loop(std::string_view name, asio::io_context& context, std::shared_ptr<Reconciler> reconciler, LoopOptions options)
      : name_(name), context_(context), reconciler_(std::move(reconciler)), options_(options), doorbell_(context.get_executor()),
        signals_(context.get_executor(), SIGTERM, SIGINT), pool_(1) {}

  int run() {
    if (!options_.once) {
      spawn(context_.get_executor(), name_ + ": signals", wait_for_end());
      reconciler_->start_watching(doorbell_);
    }
    spawn(context_.get_executor(), name_, reconcile_for_ever());
    context_.run();
    pool_.join();
    return status_;
  }

 private:
  asio::awaitable<void> wait_for_end() {
    const auto [error, signal] = co_await signals_.async_wait(asio::as_tuple(asio::use_awaitable));
    if (error) co_return;
    tell_service_manager("STOPPING=1");
    log_info(name_ + " ends; what is in force stays in force");
    context_.stop();
  }

  asio::awaitable<void> reconcile_for_ever() {
    const auto watchdog = watchdog_interval();
    Deadline retry = options_.first_retry;
    Hints hints = Hints::all();
    for (;;) {
      auto work = [reconciler = reconciler_, hints] { return reconciler->reconcile(hints); };  // owns it: it may outlive the loop
      const auto done = co_await run_blocking_within(pool_, std::move(work), options_.limit, name_);
      report(done);
      if (options_.once) {
        status_ = done ? EXIT_SUCCESS : EXIT_FAILURE;
        context_.stop();
        co_return;
      }
      Deadline wait = options_.period;
      if (done) {
        retry = options_.first_retry;
      } else {
        wait = std::min(retry, options_.period);
        retry = std::min(retry * 2, options_.period);
      }
      // No sign of life while the blocking thread hangs: systemd then starts the monitor anew.
      const bool alive = done || done.error().code != Errc::timed_out;
      if (watchdog && alive) tell_service_manager("WATCHDOG=1");
      if (watchdog) wait = std::min(wait, *watchdog);
      hints = co_await doorbell_.wait(wait);
      if (!done) hints = Hints::all();
    }
  }

  void report(const Result<void>& done) {
    const std::string error = done ? "" : done.error().message + (done.error().place.empty() ? "" : " (" + done.error().place + ")");
    if (!done && error != last_error_) log_error(error);
    if (done && !last_error_.empty()) log_info(name_ + ": the error is over");
    last_error_ = error;

    std::string state = "STATUS=" + (done ? reconciler_->status() : printable(error));
    if (done && !ready_) {
      state += "\nREADY=1";
      ready_ = true;
    }
    if (state == last_state_) return;
    tell_service_manager(state);
    last_state_ = state;
  }

  std::string name_;
  asio::io_context& context_;
  std::shared_ptr<Reconciler> reconciler_;
  LoopOptions options_;
  Doorbell doorbell_;
  asio::signal_set signals_;
  asio::thread_pool pool_;
  std::string last_error_;
  std::string last_state_;
  bool ready_ = false;
  int status_ = EXIT_SUCCESS;
};

}  // namespace

int run_monitor(std::string_view name, asio::io_context& context, std::shared_ptr<Reconciler> reconciler, LoopOptions options) {
  return Loop(name, context, std::move(reconciler), options).run();
}

}  // namespace zynclone::broker::monitors
