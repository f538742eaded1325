#include "guest-agent-core/cutover_preparation.hpp"

namespace zynclone::agent {
namespace {

Error preparation_failed(Errc code, const OperationId& token, const std::string& why) {
  return Error{code, "cannot prepare cutover '" + token.text() + "': " + why};
}

}  // namespace

asio::awaitable<Result<protocol::PrepareReport>> CutoverPreparation::prepare(protocol::GuestPrepareCutover call) {
  const Call asked{call.token, call.side};
  if (const auto& running = calls_.running(); running && *running != asked)
    co_return preparation_failed(Errc::busy, asked.token, "another one, '" + running->token.text() + "', is being prepared");
  if (calls_.running()) {
    co_await calls_.ended(asked);
    if (const Outcome* outcome = calls_.outcome_of(asked)) co_return *outcome;
    co_return preparation_failed(Errc::busy, asked.token, "another one was prepared meanwhile");
  }
  if (const Outcome* outcome = calls_.outcome_of(asked); outcome != nullptr && *outcome) co_return *outcome;
  if (const auto token = quiescer_.held_for())
    co_return preparation_failed(Errc::busy, asked.token, "this guest is quiesced for '" + token->text() + "'");

  std::function<Error(const Error&)> dropped = [token = asked.token](const Error& why) { return preparation_failed(why.code, token, why.message); };
  co_return co_await calls_.run(asked, run_hooks(asked), std::move(dropped));
}

asio::awaitable<CutoverPreparation::Outcome> CutoverPreparation::run_hooks(Call call) {
  HookEnvironment environment{{"ZYNCLONE_SIDE", std::string(protocol::to_string(call.side))}, {"ZYNCLONE_TOKEN", call.token.text()}};
  const HookReport ran = co_await hooks_.run(HookEvent::prepare_cutover, std::move(environment));
  if (const HookResult* failure = ran.first_failure()) co_return preparation_failed(failure->error->code, call.token, failure->error->message);
  protocol::PrepareReport report;
  report.hooks = static_cast<unsigned>(ran.results.size());
  co_return report;
}

std::optional<std::string> CutoverPreparation::in_work() const {
  if (!calls_.running()) return std::nullopt;
  return "a cutover is being prepared";
}

}  // namespace zynclone::agent
