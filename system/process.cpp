#include "system/process.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

#include <algorithm>
#include <memory>

#include "protocol/names.hpp"
#include "system/spawn_child.hpp"
#include "system/watched_child.hpp"

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

// A child process and what it writes.
class Child {
 public:
  Child(asio::any_io_executor executor, WatchedChild process, SpawnedChild spawned, std::size_t most_output)
      : process_(std::move(process)),
        output_(std::make_shared<Stream>(executor, std::move(spawned.output), most_output)),
        errors_(std::make_shared<Stream>(executor, std::move(spawned.errors), most_output)) {
    output_->watch();
    errors_->watch();
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Also when the io_context is destroyed under a running child. Blocks for the moment that SIGKILL takes.
  ~Child() {
    if (!process_.is_reaped()) {
      process_.kill_group();
      process_.ends_within(std::chrono::seconds(1));
    }
    output_->finish();
    errors_->finish();
  }

  WatchedChild& process() { return process_; }
  ProcessOutput finish() { return ProcessOutput{process_.status().value_or(255), output_->finish(), errors_->finish()}; }

 private:
  WatchedChild process_;
  std::shared_ptr<Stream> output_;
  std::shared_ptr<Stream> errors_;
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
  CO_TRY(auto process, WatchedChild::adopt(executor, spawned.pid, program));
  Child child(executor, std::move(process), std::move(spawned), options.most_output);
  const bool ended = co_await child.process().ended_within(options.limit);
  if (ended) co_return child.finish();

  const bool is_cancelled = (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
  child.process().kill_group();
  // Once cancelled, this coroutine would throw at its next wait; but the child must be gone before its caller goes on.
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await child.process().ended_within(k_death_deadline);
  co_await asio::this_coro::throw_if_cancelled(true);
  if (is_cancelled) co_return fail(Errc::cancelled, "cannot run '" + program + "': it was cancelled");
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
