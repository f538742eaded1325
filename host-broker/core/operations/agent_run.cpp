// agent.run: a command in a member, through its agent. What it did there cannot be taken back, so there is nothing to undo; and it is begun once:
// whenever it may have been begun, the agent is only asked what became of it.
#include <algorithm>

#include "host-broker/core/operations/member_step.hpp"
#include "host-broker/core/operations/operations.hpp"
#include "protocol/command.hpp"
#include "system/duration.hpp"

namespace zynclone::broker {
namespace {

constexpr std::chrono::seconds k_answer_margin{30};  // for the agent to kill what took too long, and to say so
constexpr std::size_t k_longest_line = 200;

using SteadyTime = std::chrono::steady_clock::time_point;

const std::string k_step = "run";
const std::string k_member = "member ";  // its intent: in whom, also when the clone is renamed or removed meanwhile

// The last line that is not empty, of what a guest's command wrote.
std::string last_line_of(std::string_view untrusted_output) {
  const auto end = untrusted_output.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos) return {};
  untrusted_output = untrusted_output.substr(0, end + 1);
  const auto begin = untrusted_output.rfind('\n');
  if (begin != std::string_view::npos) untrusted_output.remove_prefix(begin + 1);
  return printable(cut_text(untrusted_output, k_longest_line));
}

Result<void> check_limit(std::uint64_t limit_s) {
  const auto longest = static_cast<std::uint64_t>(protocol::k_longest_run.count());
  if (limit_s >= 1 && limit_s <= longest) return outcome::success();
  return fail(Errc::invalid_argument, "cannot use a limit of " + std::to_string(limit_s) + " s: 1 s to " + std::to_string(longest) + " s are allowed", "/params/limit_s");
}

class RunStep : public MemberStep {
 public:
  RunStep(Context context, Uuid member, protocol::AgentRun call, std::shared_ptr<std::string> last_line)
      : MemberStep(std::move(context), std::move(member)), call_(std::move(call)), last_line_(std::move(last_line)) {
    for (const StepRecord& step : context_.record.steps) {
      if (step.name != k_step) continue;
      was_begun_ = context_.making == Making::taken_up && step.state != protocol::StepState::pending;
      is_done_ = step.state == protocol::StepState::done;
    }
  }

  std::string name() const override { return k_step; }
  std::string plan() const override { return "run '" + command() + "' in " + member(); }
  std::string intent() const override { return k_member + member_.text(); }
  asio::awaitable<Result<Presence>> probe() override { co_return is_done_ ? Presence::present : Presence::absent; }
  void resume(const StepRecord& step) override { *last_line_ = step.result; }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

  asio::awaitable<Result<StepOutcome>> act() override {
    const SteadyTime began = context_.ports.clock.steady();
    if (!was_begun_) {
      CO_TRY(co_await wait_connected(began + k_connect_limit));
    }
    auto ran = co_await run_once(began + std::chrono::seconds(call_.limit_s) + k_answer_margin);
    if (!ran) co_return failed(std::move(ran).error());
    const protocol::RunReport report = std::move(ran).value();
    *last_line_ = last_line_of(report.output);
    if (report.status != 0) {
      const std::string status = cannot() + "exit status " + std::to_string(report.status);
      co_return fail(Errc::conflict, last_line_->empty() ? status : status + ": " + *last_line_);
    }
    const auto took = std::chrono::ceil<std::chrono::milliseconds>(context_.ports.clock.steady() - began);
    StepOutcome outcome;
    outcome.text = "ran '" + command() + "' in " + member() + " (" + seconds_text(took) + ')';
    outcome.result = *last_line_;
    co_return outcome;
  }

 private:
  std::string command() const { return protocol::command_text(call_.command); }
  std::string cannot() const { return "cannot run '" + command() + "' in '" + member() + "': "; }

  // The agent's own words begin as ours do, without the member.
  Error failed(Error error) const {
    const std::string prefix = "cannot run '" + command() + "': ";
    if (error.message.starts_with(prefix)) error.message.erase(0, prefix.size());
    error.message.insert(0, cannot());
    if (error.code != Errc::unavailable && error.code != Errc::timed_out) error.code = Errc::conflict;
    return error;
  }

  bool is_gone() const { return family() == nullptr || member_name(*family(), member_).empty(); }

  asio::awaitable<void> pause() {
    const Timestamp until = context_.ports.clock.now() + k_member_look_again;
    co_await context_.ports.clock.sleep_until(until);
  }

  asio::awaitable<Result<void>> wait_connected(SteadyTime until) {
    while (!context_.ports.guests.is_connected(member_)) {
      if (is_gone() || context_.ports.clock.steady() >= until) co_return fail(Errc::unavailable, cannot() + "its agent is not connected");
      co_await pause();
    }
    co_return outcome::success();
  }

  // While the channel is broken the command goes on, and its end is asked for until there is no time left for it.
  asio::awaitable<Result<protocol::RunReport>> run_once(SteadyTime until) {
    for (bool attach = was_begun_;; attach = true) {
      protocol::GuestRun call{.token = context_.record.id, .command = call_.command, .limit_ms = call_.limit_s * 1000, .attach = attach};
      const Deadline left = std::max<Deadline>(until - context_.ports.clock.steady(), k_member_look_again);
      auto ran = co_await context_.ports.guests.run(member_, std::move(call), left);
      const bool is_broken = !ran && ran.error().code == Errc::unavailable;
      if (!is_broken || is_gone() || context_.ports.clock.steady() >= until) co_return ran;
      co_await pause();
    }
  }

  protocol::AgentRun call_;
  std::shared_ptr<std::string> last_line_;
  bool was_begun_ = false;
  bool is_done_ = false;
};

// After a restart: is its end known?
bool is_over(const Context& context) {
  return context.making != Making::fresh && std::any_of(context.record.steps.begin(), context.record.steps.end(), [](const StepRecord& step) {
           return step.name == k_step && step.state == protocol::StepState::done;
         });
}

// After a restart: in whom it was begun; none: it was not, or it is over.
std::optional<Uuid> begun_in(const Context& context) {
  if (context.making == Making::fresh) return std::nullopt;
  for (const StepRecord& step : context.record.steps) {
    if (step.name != k_step || step.state == protocol::StepState::done || !step.result.starts_with(k_member)) continue;
    if (const auto member = Uuid::parse(std::string_view(step.result).substr(k_member.size()))) return member.value();
  }
  return std::nullopt;
}

}  // namespace

asio::awaitable<Result<Operation>> make_agent_run(Context context, protocol::AgentRun call) {
  CO_TRY(protocol::check_command(call.command));
  CO_TRY(check_limit(call.limit_s));
  CO_TRY(const Family* family, family_of(context));
  Uuid member = family->uuid;
  if (const auto begun = begun_in(context)) {
    member = *begun;
  } else if (call.clone) {
    const auto clone = clone_of(context, *call.clone);
    if (clone) member = clone.value()->uuid;
    else if (is_over(context)) member = Uuid();
    else co_return clone.error();
  }
  std::string name = member_name(*family, member);
  if (name.empty()) name = call.clone ? call.clone->text() : member.text();  // it is gone
  if (context.making == Making::fresh) {
    CO_TRY(const auto domain, co_await domain_of(context, member));
    if (!domain) co_return fail(Errc::conflict, "cannot run anything in '" + name + "': it is not running", "/params/clone");
  }
  const std::string command = protocol::command_text(call.command);
  const auto last_line = std::make_shared<std::string>();
  Operation operation;
  operation.steps.push_back(std::make_unique<RunStep>(context, member, std::move(call), last_line));
  operation.point_of_no_return = 0;
  operation.can_be_finished = false;
  operation.summary = [name, command, last_line] { return "'" + command + "' has run in " + name + (last_line->empty() ? std::string() : ": " + *last_line); };
  co_return operation;
}

}  // namespace zynclone::broker
