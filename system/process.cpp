#include "system/process.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <memory>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/names.hpp"
#include "system/spawn_child.hpp"

namespace zynclone {
namespace {

using asio::posix::stream_descriptor;

constexpr std::size_t k_most_error_text = 400;       // of a failed program's standard error, in a message
constexpr std::size_t k_pipe_capacity = 64 * 1024;   // pipe(7): what a dead writer can have left at most
constexpr std::chrono::seconds k_death_deadline{5};  // from SIGKILL to the end, unless it is in uninterruptible sleep

// One stream of the child. Waits for bytes and then reads without blocking, so that none are in flight when the child ends.
class Stream : public std::enable_shared_from_this<Stream> {
 public:
  Stream(asio::any_io_executor executor, Descriptor descriptor, std::size_t most)
      : pipe_(executor, descriptor.release()), most_(most) {
    pipe_.non_blocking(true);
  }

  void watch() {
    pipe_.async_wait(stream_descriptor::wait_read, [self = shared_from_this()](boost::system::error_code error) {
      if (!error && self->read_available()) self->watch();
    });
  }

  // Ends the watching and gives all that was written. What the child's own children write later is not waited for.
  std::string finish() {
    read_available();
    boost::system::error_code ignored;
    pipe_.close(ignored);
    return std::move(text_);
  }

 private:
  // False at the end of the stream. Bounded, so that a child that never stops writing leaves the thread to others.
  bool read_available() {
    char buffer[4096];
    boost::system::error_code error;
    for (std::size_t total = 0; total < k_pipe_capacity;) {
      const std::size_t count = pipe_.read_some(asio::buffer(buffer), error);
      if (error == asio::error::would_block) return true;
      if (error) return false;
      text_.append(buffer, std::min(count, most_ - text_.size()));
      total += count;
    }
    return true;
  }

  stream_descriptor pipe_;
  std::size_t most_;
  std::string text_;
};

// A child process until it is reaped. libxenlight in the same process reaps its own children only.
class Child {
 public:
  Child(asio::any_io_executor executor, SpawnedChild spawned, int process, std::size_t most_output)
      : pid_(spawned.pid),
        process_(std::make_shared<stream_descriptor>(executor, process)),
        timer_(executor),
        output_(std::make_shared<Stream>(executor, std::move(spawned.output), most_output)),
        errors_(std::make_shared<Stream>(executor, std::move(spawned.errors), most_output)) {
    output_->watch();
    errors_->watch();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Also when the io_context is destroyed under a running child. Blocks for the moment that SIGKILL takes.
  ~Child() {
    if (!reaped_) {
      kill_group();
      pollfd process{process_->native_handle(), POLLIN, 0};
      ::poll(&process, 1, 1000);
      reap();
    }
    output_->finish();
    errors_->finish();
  }

  // True when the child has ended; false when the time is over or the coroutine was cancelled.
  asio::awaitable<bool> ended_within(Deadline limit) {
    timer_.expires_after(limit);
    // A callback that is already queued outlives the timer, hence the weak pointer.
    timer_.async_wait([weak = std::weak_ptr(process_)](boost::system::error_code error) {
      if (auto process = weak.lock(); process && !error) process->cancel();
    });
    boost::system::error_code error;
    co_await process_->async_wait(stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    expired_ = timer_.cancel() == 0;
    if (!error) reap();
    co_return reaped_;
  }

  bool expired() const { return expired_; }

  // The group is signalled before its leader is reaped: until then nobody else can get its number.
  void kill_group() {
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
  }

  ProcessOutput finish() { return ProcessOutput{status_, output_->finish(), errors_->finish()}; }

 private:
  void reap() {
    siginfo_t info{};
    int result = 0;
    do {
      result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG);
    } while (result != 0 && errno == EINTR);
    if (result == 0 && info.si_pid == 0) return;
    reaped_ = true;
    // ECHILD: SIGCHLD is ignored in this process, and the status is lost. That must not look like success.
    status_ = result != 0 ? 255 : info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  }

  pid_t pid_;
  std::shared_ptr<stream_descriptor> process_;  // a pidfd: readable when the process has ended
  asio::steady_timer timer_;
  std::shared_ptr<Stream> output_;
  std::shared_ptr<Stream> errors_;
  int status_ = 0;
  bool reaped_ = false;
  bool expired_ = false;
};

std::string last_lines(std::string_view untrusted_errors) {
  while (!untrusted_errors.empty() && untrusted_errors.back() == '\n') untrusted_errors.remove_suffix(1);
  if (untrusted_errors.size() > k_most_error_text) {
    untrusted_errors.remove_prefix(untrusted_errors.size() - k_most_error_text);
    const auto line_end = untrusted_errors.find('\n');
    if (line_end != std::string_view::npos) untrusted_errors.remove_prefix(line_end + 1);
  }
  std::string text;
  for (const char c : untrusted_errors) text += c == '\n' ? std::string("; ") : std::string(1, c);
  return printable(text);
}

}  // namespace

asio::awaitable<Result<ProcessOutput>> run_process(std::vector<std::string> arguments, ProcessOptions options) {
  const auto executor = co_await asio::this_coro::executor;
  const std::string program = arguments.empty() ? std::string() : printable(arguments[0]);
  CO_TRY(auto spawned, spawn_child(arguments, options.environment, options.working_directory));
  // glibc 2.36 declares pidfd_open without extern "C".
  Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, spawned.pid, 0)));
  if (!process) {
    const int number = errno;
    ::kill(-spawned.pid, SIGKILL);
    ::waitpid(spawned.pid, nullptr, 0);
    co_return fail(Errc::system, "cannot watch '" + program + "': " + std::strerror(number));
  }
  Child child(executor, std::move(spawned), process.release(), options.most_output);
  const bool ended = co_await child.ended_within(options.limit);
  if (ended) co_return child.finish();

  const bool expired = child.expired();
  child.kill_group();
  // Once cancelled, this coroutine would throw at its next wait; but the child must be gone before its caller goes on.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await child.ended_within(k_death_deadline);
  co_await asio::this_coro::throw_if_cancelled(true);
  if (!expired) co_return fail(Errc::cancelled, "cannot run '" + program + "': it was cancelled");
  co_return with_context(took_too_long("it", options.limit), "cannot run '" + program + "'");
}

asio::awaitable<Result<std::string>> run_checked(std::vector<std::string> arguments, Errc code, ProcessOptions options) {
  const std::string program = arguments.empty() ? std::string() : printable(arguments[0]);
  CO_TRY(auto result, co_await run_process(std::move(arguments), std::move(options)));
  if (result.status == 0) co_return std::move(result.output);
  const std::string cause = last_lines(result.errors);
  co_return fail(code, "cannot run '" + program + "': exit status " + std::to_string(result.status) +
                           (cause.empty() ? std::string() : ": " + cause));
}

}  // namespace zynclone
