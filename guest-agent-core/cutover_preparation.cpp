#include "guest-agent-core/cutover_preparation.hpp"

#include "guest-agent-core/either.hpp"

namespace zynclone::agent {
namespace {

Error failed(Errc code, const OperationId& token, const std::string& why) {
  return Error{code, "cannot prepare cutover '" + token.text() + "': " + why};
}

}  // namespace

asio::awaitable<Result<protocol::PrepareReport>> CutoverPreparation::prepare(protocol::GuestPrepareCutover call) {
  const Call asked{call.token, call.side};
  if (running_ && *running_ != asked)
    co_return failed(Errc::busy, asked.token, "another one, '" + running_->token.text() + "', is being prepared");
  if (running_) {
    while (running_ == asked) co_await changed_.wait();
    if (last_ == asked) co_return *outcome_;
    co_return failed(Errc::busy, asked.token, "another one was prepared meanwhile");
  }
  if (last_ == asked && *outcome_) co_return *outcome_;
  if (const auto token = quiescer_.held_for())
    co_return failed(Errc::busy, asked.token, "this guest is quiesced for '" + token->text() + "'");

  // A handler runs to its end also when the channel has ended, so whoever asks again finds what it came to.
  running_ = asked;
  dropped_.reset();
  struct End {
    CutoverPreparation& preparation;
    ~End() {
      preparation.running_.reset();
      preparation.changed_.wake();
    }
  } const end{*this};
  last_.reset();
  std::optional<Outcome> finished = co_await unless(until_dropped(), run_hooks(asked));
  if (!finished) finished = failed(dropped_->code, asked.token, dropped_->message);
  last_ = asked;
  outcome_ = *finished;
  co_return *finished;
}

asio::awaitable<CutoverPreparation::Outcome> CutoverPreparation::run_hooks(Call call) {
  HookEnvironment environment{{"ZYNCLONE_SIDE", std::string(protocol::to_string(call.side))}, {"ZYNCLONE_TOKEN", call.token.text()}};
  const HookReport ran = co_await hooks_.run(HookEvent::prepare_cutover, std::move(environment));
  if (const HookResult* failure = ran.first_failure()) co_return failed(failure->error->code, call.token, failure->error->message);
  protocol::PrepareReport report;
  report.hooks = static_cast<unsigned>(ran.results.size());
  co_return report;
}

asio::awaitable<void> CutoverPreparation::until_dropped() {
  while (!dropped_) co_await changed_.wait();
}

void CutoverPreparation::drop(Error why) {
  if (!running_) return;
  dropped_ = std::move(why);
  changed_.wake();
}

std::optional<std::string> CutoverPreparation::in_work() const {
  if (!running_) return std::nullopt;
  return "a cutover is being prepared";
}

}  // namespace zynclone::agent
