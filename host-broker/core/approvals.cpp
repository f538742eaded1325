// Operations that wait for an administrator: allowed, denied, or expired. A step of Broker::accept.
#include "host-broker/core/broker.hpp"
#include "system/log.hpp"

namespace zynclone::broker {

using protocol::OperationState;

// The clone of the name that is asked for, if there is one.
std::optional<Uuid> Broker::named_by(const OperationRecord& record) const {
  const Family* family = registry_.find(record.vm);
  const Clone* clone = family == nullptr ? nullptr : find_clone(*family, std::string_view(record.target));
  return clone == nullptr ? std::nullopt : std::optional(clone->uuid);
}

void Broker::await_approval(OperationRecord record) {
  const OperationId id = record.id;
  meant_.try_emplace(id, named_by(record));
  const Timestamp when = record.approval_expires.value_or(record.created);
  waiting_.insert_or_assign(id, std::move(record));
  spawn(executor_, "approval of " + id.text(), expire(id, when));
}

asio::awaitable<void> Broker::expire(OperationId id, Timestamp when) {
  co_await ports_.clock.sleep_until(when);
  for (; meant_.contains(id); co_await sleep_for(settings_.retry_pause)) {
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) continue;  // what somebody has decided is just being written
    const OperationRecord record = found->second;
    const Error error{Errc::expired, "no administrator answered in time"};
    auto ended = co_await end_waiting(record, OperationState::expired, error, "broker");
    if (!ended) log_error("cannot note that operation " + id.text() + " has expired: " + ended.error().message);
  }
}

asio::awaitable<Result<void>> Broker::end_waiting(OperationRecord record, OperationState state, Error error, std::string actor) {
  record.state = state;
  record.error = std::move(error);
  record.finished = ports_.clock.now();
  const AuditNote note{std::move(actor), std::string(protocol::to_string(state)), record.id.text(), record.error->message};
  co_return co_await change_waiting(std::move(record), note);
}

asio::awaitable<Result<void>> Broker::change_waiting(OperationRecord record, AuditNote note) {
  auto before = waiting_.extract(record.id);
  if (before.empty()) {
    co_return fail(Errc::conflict, "cannot change operation '" + record.id.text() + "': it does not wait any more, or somebody else's word is just being written");
  }
  std::vector<AuditNote> notes(1);
  notes[0] = std::move(note);
  auto journalled = co_await ports_.journal.update(record, notes);
  if (!journalled) {
    waiting_.insert(std::move(before));
    co_return journalled;
  }
  if (record.state == OperationState::awaiting_approval) waiting_.insert_or_assign(record.id, record);
  else meant_.erase(record.id);
  changed(record);
  co_return outcome::success();
}

asio::awaitable<Result<protocol::OperationView>> Broker::resolve_approval(Caller caller, OperationId id, Decision decision, std::string reason) {
  const std::string user = std::get<Caller::Administrator>(caller.identity).user;
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) {
    co_return fail(Errc::not_found, "cannot find operation '" + id.text() + "' among those that wait for approval", "/params/id");
  }
  const std::string actor = "admin:" + user;
  if (decision == Decision::deny) {
    OperationRecord record = found->second;
    const Error error{Errc::denied, reason.empty() ? "denied by an administrator" : "denied by an administrator: " + reason};
    CO_TRY(co_await end_waiting(record, OperationState::denied, error, actor));
    CO_TRY(record, co_await find_operation(caller, id));
    co_return view_of(record, registry_.find(record.vm), Audience::administrator);
  }
  OperationRecord record = found->second;
  if (std::find(record.allowed_by.begin(), record.allowed_by.end(), user) != record.allowed_by.end()) {
    co_return fail(Errc::conflict, "cannot allow operation '" + id.text() + "' twice: '" + user + "' has allowed it, and " +
                                       std::to_string(record.approvers_needed) + " different people must");
  }
  // Else a guest could have one clone looked at and approved, and give its name to another meanwhile.
  const std::optional<Uuid> meant = meant_[id];
  if (meant && named_by(record) != meant) {
    co_return fail(Errc::conflict, "cannot allow operation '" + id.text() + "': clone '" + printable(record.target) +
                                       "' is not the one that had this name when it was asked for; deny it, and have it asked for again");
  }
  record.allowed_by.push_back(user);
  const bool enough = record.allowed_by.size() >= record.approvers_needed;
  if (enough) record.state = OperationState::queued;
  const AuditNote note{actor, "allowed", id.text(), reason};
  CO_TRY(co_await change_waiting(record, note));
  if (enough) engine_.enqueue(record);
  co_return view_of(record, registry_.find(record.vm), Audience::administrator);
}

}  // namespace zynclone::broker
