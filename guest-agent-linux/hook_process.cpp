#include "guest-agent-linux/hook_process.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>

#include "guest-agent-core/either.hpp"
#include "guest-agent-core/text.hpp"
#include "guest-agent-linux/process_tree.hpp"
#include "protocol/names.hpp"
#include "system/spawn_child.hpp"
#include "system/watched_child.hpp"

namespace zynclone::agent {
namespace {

using asio::posix::stream_descriptor;

constexpr std::size_t k_pipe_capacity = 64 * 1024;  // pipe(7): what a dead writer can have left at most
constexpr std::chrono::seconds k_death{1};          // from SIGKILL to the end; one in uninterruptible sleep is left to init

class HookProcess {
 public:
  HookProcess(asio::any_io_executor executor, WatchedChild process, SpawnedChild child, std::string mark)
      : process_(std::move(process)),
        mark_(std::move(mark)),
        output_(executor, child.output.release()),
        errors_(executor, child.errors.release()) {
    output_.non_blocking(true);
    errors_.non_blocking(true);
  }
  HookProcess(const HookProcess&) = delete;
  HookProcess& operator=(const HookProcess&) = delete;

  // Also when the coroutine that awaits its end is cancelled or destroyed.
  ~HookProcess() {
    if (!process_.is_reaped()) kill();
  }

  // False: it still runs.
  asio::awaitable<bool> ended_within(Deadline limit) {
    co_await either(ended(limit), either(follow(output_), follow(errors_)));
    co_return process_.is_reaped();
  }

  // Blocks for the moment that SIGKILL takes.
  void kill() {
    process_.kill_group();
    kill_processes_with(mark_);
    process_.ends_within(k_death);
  }

  int status() { return process_.status().value_or(0); }

  std::string take_output() {
    read_available(output_);
    read_available(errors_);
    return readable_output(kept_);
  }

 private:
  asio::awaitable<void> ended(Deadline limit) {
    const bool has_ended = co_await process_.ended_within(limit);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (!has_ended && cancellation.cancelled() != asio::cancellation_type::none) throw boost::system::system_error(asio::error::operation_aborted);
  }

  // Keeps reading and never ends by itself: only the process's end counts, as a child of it may hold the pipe open for ever.
  asio::awaitable<void> follow(stream_descriptor& pipe) {
    while (read_available(pipe)) {
      boost::system::error_code error;
      co_await pipe.async_wait(stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    }
    asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
    co_await never.async_wait(asio::use_awaitable);
  }

  // False at the end of the stream. Bounded, so that one that never stops writing leaves the thread to others.
  bool read_available(stream_descriptor& pipe) {
    char buffer[4096];
    boost::system::error_code error;
    for (std::size_t total = 0; total < k_pipe_capacity;) {
      const std::size_t count = pipe.read_some(asio::buffer(buffer), error);
      if (error == asio::error::would_block) return true;
      if (error) return false;
      kept_.append(buffer, count);
      if (kept_.size() > k_longest_hook_output) kept_.erase(0, kept_.size() - k_longest_hook_output);
      total += count;
    }
    return true;
  }

  WatchedChild process_;
  std::string mark_;
  stream_descriptor output_;
  stream_descriptor errors_;
  std::string kept_;
};

std::string failed(HookEvent event, const std::string& name) {
  return "cannot run the " + std::string(to_string(event)) + " hook '" + printable(name) + "'";
}

Result<std::unique_ptr<HookProcess>> start(asio::any_io_executor executor, const std::vector<std::string>& command, HookEnvironment environment) {
  const std::string id = Uuid::random().text();
  environment["ZYNCLONE_HOOK_RUN"] = id;
  TRY(auto child, spawn_child(command, environment, "/"));
  TRY(auto process, WatchedChild::adopt(executor, child.pid, command.front()));
  return std::make_unique<HookProcess>(executor, std::move(process), std::move(child), "ZYNCLONE_HOOK_RUN=" + id);
}

}  // namespace

std::string readable_output(std::string_view untrusted_output) {
  std::string text;
  while (!untrusted_output.empty()) {
    const std::size_t end = untrusted_output.find('\n');
    text += printable(untrusted_output.substr(0, end));
    if (end == std::string_view::npos) break;
    text += '\n';
    untrusted_output.remove_prefix(end + 1);
  }
  return std::string(tail(text, k_longest_hook_output));
}

asio::awaitable<Result<CommandEnd>> run_command(std::vector<std::string> command, HookEnvironment environment, Deadline limit) {
  auto started = start(co_await asio::this_coro::executor, command, std::move(environment));
  if (!started) co_return outcome::failure(std::move(started).error());
  HookProcess& process = *started.value();
  CommandEnd end;
  end.in_time = co_await process.ended_within(limit);
  if (!end.in_time) process.kill();
  end.output = process.take_output();
  end.status = static_cast<unsigned>(process.status());
  co_return end;
}

asio::awaitable<HookResult> run_hook(std::string program, HookEvent event, std::string name, HookEnvironment environment, Deadline limit) {
  HookResult result;
  result.name = name;
  std::vector<std::string> command(1, std::move(program));
  auto ran = co_await run_command(std::move(command), std::move(environment), limit);
  if (!ran) {
    result.error = with_context(ran.error(), failed(event, name));
    co_return result;
  }
  CommandEnd& end = ran.value();
  result.output = std::move(end.output);
  if (!end.in_time) {
    result.error = with_context(took_too_long("it", limit), failed(event, name));
  } else if (end.status != 0) {
    result.error = Error{Errc::system, failed(event, name) + ": exit status " + std::to_string(end.status)};
  }
  co_return result;
}

}  // namespace zynclone::agent
