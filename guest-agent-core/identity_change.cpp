#include "guest-agent-core/identity_change.hpp"

#include <set>

#include "system/log.hpp"

namespace zynclone::agent {
namespace {

constexpr std::size_t k_longest_hostname = 128;  // <vm>-<clone>
constexpr unsigned k_most_interfaces = 64;

Error identity_failed(Errc code, const OperationId& token, const std::string& why) {
  return Error{code, "cannot apply identity '" + token.text() + "': " + why};
}

std::string macs_of(const std::vector<protocol::VifIdentity>& vifs) {
  std::string text;
  for (const protocol::VifIdentity& vif : vifs) {
    if (!text.empty()) text += ' ';
    text += std::to_string(vif.index) + "=" + vif.mac;
  }
  return text;
}

}  // namespace

// Hooks take what they are told as it is.
Result<void> IdentityChange::check(const protocol::GuestApplyIdentity& call) const {
  if (call.generation_id.text().empty()) return fail(Errc::invalid_argument, "it has no generation id", "/params/generation_id");
  TRY(parse_checked_name(call.hostname, "host name", k_longest_hostname));
  std::set<unsigned> indices;
  for (const protocol::VifIdentity& vif : call.vifs) {
    const std::string name = std::to_string(vif.index);
    if (vif.index >= k_most_interfaces) return fail(Errc::invalid_argument, "there is no interface " + name + ": 0 to 63 are allowed", "/params/vifs");
    if (!indices.insert(vif.index).second) return fail(Errc::invalid_argument, "interface " + name + " is named twice", "/params/vifs");
    TRY(MacAddress::parse(vif.mac));
  }
  return outcome::success();
}

asio::awaitable<Result<protocol::IdentityReport>> IdentityChange::apply(protocol::GuestApplyIdentity call) {
  if (const auto& running = calls_.running(); running && *running != call.token)
    co_return identity_failed(Errc::busy, call.token, "another one, '" + running->text() + "', is being applied");
  if (calls_.running()) {
    co_await calls_.ended(call.token);
    if (const Outcome* outcome = calls_.outcome_of(call.token)) co_return *outcome;
    co_return identity_failed(Errc::busy, call.token, "another one was applied meanwhile");
  }
  if (const auto done = applied(); done && done->token == call.token) {
    protocol::IdentityReport report;
    report.hooks = done->hooks;
    co_return report;
  }
  if (const auto token = quiescer_.held_for()) co_return identity_failed(Errc::busy, call.token, "this guest is quiesced for '" + token->text() + "'");
  if (auto fine = check(call); !fine) co_return with_context(fine.error(), "cannot apply identity '" + call.token.text() + "'");

  const OperationId token = call.token;
  std::function<Error(const Error&)> dropped = [token](const Error& why) { return identity_failed(why.code, token, why.message); };
  co_return co_await calls_.run(token, run_hooks(std::move(call)), std::move(dropped));
}

asio::awaitable<IdentityChange::Outcome> IdentityChange::run_hooks(protocol::GuestApplyIdentity call) {
  HookEnvironment environment{{"ZYNCLONE_TOKEN", call.token.text()},
                              {"ZYNCLONE_GENERATION_ID", call.generation_id.text()},
                              {"ZYNCLONE_HOSTNAME", call.hostname},
                              {"ZYNCLONE_MACS", macs_of(call.vifs)}};
  const HookReport ran = co_await hooks_.run(HookEvent::apply_identity, std::move(environment));
  if (const HookResult* failure = ran.first_failure()) co_return identity_failed(failure->error->code, call.token, failure->error->message);
  protocol::IdentityReport report;
  report.hooks = static_cast<unsigned>(ran.results.size());
  // It is done, whatever becomes of the record: without it a repeated call runs hooks again that find nothing left to do.
  if (auto saved = store_.save(IdentityRecord{call.token, report.hooks}); !saved) log_error(saved.error().message);
  log_info("this guest has an identity of its own now, " + call.hostname + " (" + std::to_string(report.hooks) + " hooks)");
  co_return report;
}

std::optional<IdentityRecord> IdentityChange::applied() const {
  auto record = store_.load();
  if (record) return std::move(record).value();
  log_warning(record.error().message);
  return std::nullopt;
}

std::optional<std::string> IdentityChange::in_work() const {
  if (!calls_.running()) return std::nullopt;
  return "this guest's identity is being applied";
}

}  // namespace zynclone::agent
