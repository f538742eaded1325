#include "system/watched_child.hpp"

#include <boost/asio/redirect_error.hpp>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/names.hpp"

namespace zynclone {

using asio::posix::stream_descriptor;

Result<WatchedChild> WatchedChild::adopt(asio::any_io_executor executor, pid_t id, const std::string& program) {
  // Not by glibc's own functions, which are of 2.36: guests may be older.
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, id, 0));
  if (process < 0) {
    const int number = errno;
    ::kill(-id, SIGKILL);
    ::waitpid(id, nullptr, 0);
    return fail(Errc::system, "cannot watch '" + printable(program) + "': " + std::strerror(number));
  }
  return WatchedChild(id, std::make_shared<stream_descriptor>(executor, process));
}

WatchedChild::~WatchedChild() {
  if (process_) (void)status();
}

// Woken is not ended: Asio's reactor may pass on an event of the descriptor that had the number before, and the callback of an earlier call may be queued
// still, which outlives its timer (hence the weak pointer) and cancels this wait.
asio::awaitable<bool> WatchedChild::ended_within(Deadline limit) {
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  const auto is_over = std::make_shared<bool>(false);
  timer.async_wait([weak = std::weak_ptr(process_), is_over](boost::system::error_code error) {
    if (error) return;
    *is_over = true;
    if (const auto process = weak.lock()) process->cancel();
  });
  while (!status() && !*is_over) {
    boost::system::error_code ignored;
    co_await process_->async_wait(stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, ignored));
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) break;
  }
  co_return status().has_value();
}

bool WatchedChild::ends_within(std::chrono::milliseconds limit) {
  if (status()) return true;
  pollfd ended{process_->native_handle(), POLLIN, 0};
  ::poll(&ended, 1, static_cast<int>(limit.count()));
  return status().has_value();
}

std::optional<int> WatchedChild::status() {
  if (status_) return status_;
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(P_PID, static_cast<id_t>(id_), &info, WEXITED | WNOHANG);
  } while (result != 0 && errno == EINTR);
  if (result != 0) status_ = 255;  // ECHILD
  else if (info.si_pid != 0) status_ = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  return status_;
}

void WatchedChild::kill() {
  if (!status_) ::syscall(SYS_pidfd_send_signal, process_->native_handle(), SIGKILL, nullptr, 0);
}

void WatchedChild::kill_group() {
  if (status_) return;
  ::kill(-id_, SIGKILL);
  kill();
}

}  // namespace zynclone
