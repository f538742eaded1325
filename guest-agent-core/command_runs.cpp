#include "guest-agent-core/command_runs.hpp"

#include "guest-agent-core/text.hpp"
#include "protocol/command.hpp"
#include "system/duration.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

Error failed(Errc code, const protocol::GuestRun& call, const std::string& why) {
  return Error{code, "cannot run '" + protocol::command_text(call.command) + "': " + why};
}

}  // namespace

Result<void> CommandRuns::check(const protocol::GuestRun& call) const {
  if (programs_ == nullptr) return failed(Errc::refused, call, "this guest allows no commands (commands in agent.conf)");
  if (const auto& running = calls_.running()) return failed(Errc::busy, call, "the command of '" + running->text() + "' is running");
  if (const auto token = quiescer_.held_for()) return failed(Errc::busy, call, "this guest is quiesced for '" + token->text() + "'");
  TRY(protocol::check_command(call.command));
  const auto longest = static_cast<std::uint64_t>(std::chrono::milliseconds(protocol::k_longest_run).count());
  if (call.limit_ms == 0 || call.limit_ms > longest) {
    return fail(Errc::invalid_argument, "cannot run it for " + std::to_string(call.limit_ms) + " ms: 1 to " + std::to_string(longest) + " are allowed", "/params/limit_ms");
  }
  return outcome::success();
}

asio::awaitable<CommandRuns::Outcome> CommandRuns::run(protocol::GuestRun call) {
  if (calls_.running() == call.token) {
    co_await calls_.ended(call.token);
    if (calls_.outcome_of(call.token) == nullptr) co_return failed(Errc::unavailable, call, "it was given up");
  }
  if (const Outcome* outcome = calls_.outcome_of(call.token)) co_return *outcome;
  if (call.attach) co_return failed(Errc::not_found, call, "cannot tell what became of it: the agent was started anew, or never was asked");
  if (auto fine = check(call); !fine) co_return outcome::failure(std::move(fine).error());

  log_info("runs '" + protocol::command_text(call.command) + "' for the host's operation " + call.token.text());
  std::function<Error(const Error&)> dropped = [call](const Error& why) { return failed(why.code, call, why.message); };
  Outcome outcome = co_await calls_.run(call.token, run_program(call), std::move(dropped));
  if (calls_.was_dropped()) calls_.forget();
  co_return outcome;
}

asio::awaitable<CommandRuns::Outcome> CommandRuns::run_program(protocol::GuestRun call) {
  HookEnvironment environment = common_();
  environment["ZYNCLONE_EVENT"] = "run";
  environment["ZYNCLONE_TOKEN"] = call.token.text();
  const Deadline limit = std::chrono::milliseconds(call.limit_ms);
  Result<CommandEnd> ended = co_await programs_->run(call.command, std::move(environment), limit);
  if (!ended) co_return failed(ended.error().code, call, ended.error().message);
  const CommandEnd& end = ended.value();
  if (!end.in_time) {
    co_return failed(Errc::timed_out, call, "it took longer than " + format_duration(std::chrono::milliseconds(call.limit_ms)) + " and was killed" + it_said(end.output));
  }
  protocol::RunReport report;
  report.status = end.status;
  report.output = std::string(tail(end.output, protocol::k_longest_run_output));
  co_return report;
}

void CommandRuns::drop(Error why) {
  calls_.forget();
  calls_.drop(std::move(why));
}

}  // namespace zynclone::agent
