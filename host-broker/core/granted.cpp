// What was allowed ahead of time. A step of Broker::accept: each grant counts as its administrator's word, so that a rule that wants two people
// wants grants of two.
#include "host-broker/core/broker.hpp"
#include "protocol/codec.hpp"
#include "system/glob.hpp"

namespace zynclone::broker {
namespace {

constexpr std::uint64_t k_most_times = 1000;
constexpr std::chrono::hours k_longest{31 * 24};
constexpr std::size_t k_most_grants = 50;  // of one VM: a list of them fits a message

bool is_pattern(const std::string& text) {
  return !text.empty() && text.size() <= 64 && text.find_first_not_of("abcdefghijklmnopqrstuvwxyz.*") == std::string::npos;
}

Result<void> check(const protocol::GrantAdd& call, Timestamp now) {
  if (!is_pattern(call.operations)) {
    return fail(Errc::invalid_argument, "cannot grant '" + printable(call.operations) + "': an operation is allowed, or a pattern of small letters, '.' and '*'",
                "/params/operations");
  }
  if (call.until <= now || call.until > now + k_longest) {
    return fail(Errc::invalid_argument, "cannot grant something until " + to_rfc3339(call.until) + ": a time within the next 31 days is allowed", "/params/until");
  }
  if (call.times < 1 || call.times > k_most_times) {
    return fail(Errc::invalid_argument, "cannot grant something " + std::to_string(call.times) + " times: 1 to 1000 are allowed", "/params/times");
  }
  return outcome::success();
}

}  // namespace

asio::awaitable<Result<protocol::GrantView>> Broker::add_grant(Caller caller, VmName vm, protocol::GrantAdd call) {
  const Timestamp now = ports_.clock.now();
  CO_TRY(check(call, now));
  CO_TRY(const auto there, co_await ports_.grants.usable_grants(vm, now));
  if (there.size() >= k_most_grants) {
    co_return fail(Errc::limit_exceeded, "cannot grant more: '" + vm.text() + "' has " + std::to_string(there.size()) + " grants that may still be used");
  }
  protocol::GrantView grant{.id = make_operation_id(now), .vm = vm, .operations = call.operations, .created = now, .until = call.until, .times = call.times};
  grant.by = "admin:" + std::get<Caller::Administrator>(caller.identity).user;
  // Nothing is granted that cannot be written down.
  CO_TRY(co_await ports_.audit.append(grant.by, "granted", "", grant.operations + ' ' + vm.text() + ", " + std::to_string(grant.times) + " times until " +
                                                                   to_rfc3339(grant.until) + ", " + grant.id.text()));
  CO_TRY(co_await ports_.grants.add_grant(grant));
  co_return grant;
}

asio::awaitable<Result<void>> Broker::apply_grants(OperationRecord& record) {
  CO_TRY(const auto grants, co_await ports_.grants.usable_grants(record.vm, record.created));
  for (const protocol::GrantView& grant : grants) {
    if (record.allowed_by.size() >= record.approvers_needed) break;
    const std::string user = grant.by.substr(grant.by.find(':') + 1);
    const bool has_spoken = std::find(record.allowed_by.begin(), record.allowed_by.end(), user) != record.allowed_by.end();
    if (has_spoken || !glob_matches(grant.operations, record.kind)) continue;
    // Nothing is used that cannot be written down.
    CO_TRY(co_await ports_.audit.append(grant.by, "grant used", record.id.text(), grant.operations + ", " + grant.id.text()));
    if (auto used = co_await ports_.grants.use_grant(grant.id); !used) {
      CO_TRY(co_await ports_.audit.append(grant.by, "grant not used", record.id.text(), grant.id.text() + ": " + used.error().message));
      continue;  // revoked at this moment
    }
    record.allowed_by.push_back(user);
  }
  if (record.allowed_by.size() >= record.approvers_needed) record.state = protocol::OperationState::queued;
  co_return outcome::success();
}

// What still waits for a second person has no longer the word of who gave this one ahead of time; who gave it otherwise, too, gives it again.
asio::awaitable<Result<void>> Broker::withdraw(protocol::GrantView revoked, std::string actor) {
  const std::string user = revoked.by.substr(revoked.by.find(':') + 1);
  Result<void> all = outcome::success();
  std::vector<OperationId> ids;
  for (const auto& [id, record] : waiting_) {
    const bool is_meant = record.vm == revoked.vm && glob_matches(revoked.operations, record.kind);
    if (is_meant && std::find(record.allowed_by.begin(), record.allowed_by.end(), user) != record.allowed_by.end()) ids.push_back(id);
  }
  for (const OperationId& id : ids) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) continue;  // decided meanwhile
    OperationRecord record = found->second;
    std::erase(record.allowed_by, user);
    const AuditNote note{actor, "word withdrawn", id.text(), "of " + user + ", with " + revoked.id.text()};
    auto changed_one = co_await change_waiting(record, note);
    if (!changed_one && all) all = std::move(changed_one);
  }
  co_return all;
}

}  // namespace zynclone::broker
