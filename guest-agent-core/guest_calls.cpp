#include "guest-agent-core/guest_calls.hpp"

#include "guest-agent-core/text.hpp"
#include "protocol/codec.hpp"

namespace zynclone::agent {
namespace {

template <class R>
std::string response_to(std::optional<std::uint64_t> id, const Result<R>& result) {
  if (!id) return {};
  return result ? protocol::encode_response(*id, result.value()) : protocol::encode_error(id, result.error());
}

protocol::HealthCheck check_of(const HookResult& result) {
  protocol::HealthCheck check;
  check.name = result.name;
  check.healthy = !result.error;
  const std::string_view line = last_line(result.output);
  check.detail = std::string(tail(line.empty() && result.error ? std::string_view(result.error->message) : line, protocol::k_longest_text));
  return check;
}

}  // namespace

asio::awaitable<std::string> GuestCalls::handle(protocol::Request request) {
  if (const auto* changed = std::get_if<protocol::OperationChanged>(&request.method)) {
    operation_changed_(changed->operation);
    co_return std::string();
  }
  if (auto* quiesce = std::get_if<protocol::GuestQuiesce>(&request.method)) {
    Result<protocol::QuiesceReport> report = co_await this->quiesce(std::move(*quiesce));
    co_return response_to(request.id, report);
  }
  if (auto* thaw = std::get_if<protocol::GuestThaw>(&request.method)) {
    Result<protocol::ThawReport> report = co_await quiescer_.thaw(std::move(*thaw));
    co_return response_to(request.id, report);
  }
  if (auto* prepare = std::get_if<protocol::GuestPrepareCutover>(&request.method)) {
    Result<protocol::PrepareReport> report = co_await this->prepare(std::move(*prepare));
    co_return response_to(request.id, report);
  }
  if (auto* identity = std::get_if<protocol::GuestApplyIdentity>(&request.method)) {
    Result<protocol::IdentityReport> report = co_await apply_identity(std::move(*identity));
    co_return response_to(request.id, report);
  }
  if (auto* release = std::get_if<protocol::GuestReleaseVolume>(&request.method)) {
    Result<protocol::ReleaseReport> report = co_await this->release(std::move(*release));
    co_return response_to(request.id, report);
  }
  if (auto* acquire = std::get_if<protocol::GuestAcquireVolume>(&request.method)) {
    Result<protocol::AcquireReport> report = co_await this->acquire(std::move(*acquire));
    co_return response_to(request.id, report);
  }
  if (auto* run = std::get_if<protocol::GuestRun>(&request.method)) {
    Result<protocol::RunReport> report = co_await commands_.run(std::move(*run));
    co_return response_to(request.id, report);
  }
  if (std::holds_alternative<protocol::GuestHealth>(request.method)) {
    Result<protocol::GuestHealthReport> report = co_await health();
    co_return response_to(request.id, report);
  }
  const Error unknown{Errc::unknown_method,
                      "cannot call '" + std::string(protocol::method_name(request.method)) + "': a guest does not offer it", "/method"};
  co_return request.id ? protocol::encode_error(request.id, unknown) : std::string();
}

asio::awaitable<Result<protocol::QuiesceReport>> GuestCalls::quiesce(protocol::GuestQuiesce call) {
  // A hook or a mount that began before would hang on the frozen file systems.
  const auto preparing = preparation_.in_work();
  const auto changing = volumes_.in_work();
  const std::string cannot = "cannot quiesce for '" + call.token.text() + "'";
  CO_TRY(check_identity_is_settled(cannot));
  if (preparing || changing) co_return fail(Errc::busy, cannot + ": " + (preparing ? *preparing : *changing));
  Result<protocol::QuiesceReport> report = co_await quiescer_.quiesce(std::move(call));
  co_return report;
}

// What its hooks change, an address say, the hooks of others use.
Result<void> GuestCalls::check_identity_is_settled(std::string_view cannot) const {
  if (const auto applying = identity_.in_work()) return fail(Errc::busy, std::string(cannot) + ": " + *applying);
  return outcome::success();
}

asio::awaitable<Result<protocol::IdentityReport>> GuestCalls::apply_identity(protocol::GuestApplyIdentity call) {
  const auto preparing = preparation_.in_work();
  const auto changing = volumes_.in_work();
  if (preparing || changing)
    co_return fail(Errc::busy, "cannot apply identity '" + call.token.text() + "': " + (preparing ? *preparing : *changing));
  Result<protocol::IdentityReport> report = co_await identity_.apply(std::move(call));
  co_return report;
}

asio::awaitable<Result<protocol::PrepareReport>> GuestCalls::prepare(protocol::GuestPrepareCutover call) {
  CO_TRY(check_identity_is_settled("cannot prepare cutover '" + call.token.text() + "'"));
  Result<protocol::PrepareReport> report = co_await preparation_.prepare(std::move(call));
  co_return report;
}

asio::awaitable<Result<protocol::ReleaseReport>> GuestCalls::release(protocol::GuestReleaseVolume call) {
  CO_TRY(check_identity_is_settled("cannot release volume '" + call.volume.text() + "'"));
  Result<protocol::ReleaseReport> report = co_await volumes_.release(std::move(call));
  co_return report;
}

asio::awaitable<Result<protocol::AcquireReport>> GuestCalls::acquire(protocol::GuestAcquireVolume call) {
  CO_TRY(check_identity_is_settled("cannot acquire volume '" + call.volume.text() + "'"));
  Result<protocol::AcquireReport> report = co_await volumes_.acquire(std::move(call));
  co_return report;
}

asio::awaitable<Result<protocol::GuestHealthReport>> GuestCalls::health() {
  if (checking_health_) co_return fail(Errc::busy, "cannot check this guest's health: a check is running");
  // A hook would hang on a frozen file system, and say that the application does.
  if (const auto token = quiescer_.held_for())
    co_return fail(Errc::busy, "cannot check this guest's health: quiesced for '" + token->text() + "'");
  checking_health_ = true;
  HookReport ran = co_await hooks_.run(HookEvent::health, HookEnvironment());
  checking_health_ = false;
  protocol::GuestHealthReport report;
  report.healthy = ran.first_failure() == nullptr;
  for (const HookResult& result : ran.results) report.checks.push_back(check_of(result));
  co_return report;
}

}  // namespace zynclone::agent
