#include "guest-agent-linux/service_manager.hpp"

#include <boost/asio/signal_set.hpp>

#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <optional>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "system/log.hpp"
#include "system/notify.hpp"

namespace zynclone::agent {
namespace {

constexpr int k_first_inherited = 3;  // sd_listen_fds(3): SD_LISTEN_FDS_START

std::optional<std::uint64_t> number_in(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return std::nullopt;
  const std::string_view text(value);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// A variable such as LISTEN_PID says which process is meant: a child inherits the variables, but not what they speak of.
bool is_for_this_process(const char* variable) {
  return number_in(variable) == static_cast<std::uint64_t>(::getpid());
}

void notify(const std::string& state) {
  if (auto notified = notify_service_manager(state); !notified) log_warning(notified.error().message);
}

}  // namespace

Descriptor inherited_socket() {
  const bool given = is_for_this_process("LISTEN_PID") && number_in("LISTEN_FDS").value_or(0) >= 1;
  ::unsetenv("LISTEN_PID");
  ::unsetenv("LISTEN_FDS");
  if (!given) return Descriptor();
  ::fcntl(k_first_inherited, F_SETFD, FD_CLOEXEC);
  return Descriptor(k_first_inherited);
}

void ServiceStatus::tell(const std::string& status) {
  notify((ready_ ? "STATUS=" : "READY=1\nSTATUS=") + status);
  ready_ = true;
}

void ServiceStatus::stopping() { notify("STOPPING=1\nSTATUS=thawing and stopping"); }

asio::awaitable<void> feed_watchdog() {
  const std::uint64_t interval = number_in("WATCHDOG_USEC").value_or(0);
  const bool is_wanted = interval > 0 && (std::getenv("WATCHDOG_PID") == nullptr || is_for_this_process("WATCHDOG_PID"));
  asio::steady_timer timer(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  while (true) {
    if (is_wanted) {
      notify("WATCHDOG=1");
      timer.expires_after(std::chrono::microseconds(interval / 2));
    }
    co_await timer.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<void> call_when_terminated(std::function<void()> stop) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGTERM, SIGINT);
  while (true) {
    co_await signals.async_wait(asio::use_awaitable);
    stop();
  }
}

void never_wait_for_journal() {
  struct stat status {};
  if (::fstat(STDERR_FILENO, &status) != 0 || !S_ISSOCK(status.st_mode)) return;
  const int flags = ::fcntl(STDERR_FILENO, F_GETFL);
  if (flags >= 0) ::fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK);
}

}  // namespace zynclone::agent
