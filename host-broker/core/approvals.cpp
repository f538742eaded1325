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
  for (auto found = waiting_.find(id); found != waiting_.end(); found = waiting_.find(id)) {
    const OperationRecord record = found->second;
    const Error error{Errc::expired, "no administrator answered in time"};
    auto ended = co_await end_waiting(record, OperationState::expired, error, "broker");
    if (ended) co_return;
    log_error("cannot note that operation " + id.text() + " has expired: " + ended.error().message);
    co_await sleep_for(settings_.retry_pause);
  }
}

asio::awaitable<Result<void>> Broker::end_waiting(OperationRecord record, OperationState state, Error error, std::string actor) {
  // Out of the map first: from here on nobody else can decide about it.
  if (waiting_.erase(record.id) == 0) {
    co_return fail(Errc::conflict, "cannot end operation '" + record.id.text() + "': it does not wait any more");
  }
  OperationRecord waiting = record;
  record.state = state;
  record.error = std::move(error);
  record.finished = ports_.clock.now();
  std::vector<AuditNote> notes(1);
  notes[0] = AuditNote{actor, std::string(protocol::to_string(state)), record.id.text(), record.error->message};
  auto journalled = co_await ports_.journal.update(record, notes);
  if (!journalled) {
    const OperationId id = waiting.id;
    waiting_.insert_or_assign(id, std::move(waiting));  // it waits as before, for the next attempt
    co_return journalled;
  }
  meant_.erase(record.id);
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
  OperationRecord waiting = found->second;
  if (std::find(waiting.allowed_by.begin(), waiting.allowed_by.end(), user) != waiting.allowed_by.end()) {
    co_return fail(Errc::conflict, "cannot allow operation '" + id.text() + "' twice: '" + user + "' has allowed it, and " +
                                       std::to_string(waiting.approvers_needed) + " different people must");
  }
  // Else a guest could have one clone looked at and approved, and give its name to another meanwhile.
  const std::optional<Uuid> meant = meant_[id];
  if (meant && named_by(waiting) != meant) {
    co_return fail(Errc::conflict, "cannot allow operation '" + id.text() + "': clone '" + printable(waiting.target) +
                                       "' is not the one that had this name when it was asked for; deny it, and have it asked for again");
  }
  OperationRecord record = waiting;
  record.allowed_by.push_back(user);
  const bool enough = record.allowed_by.size() >= record.approvers_needed;
  if (enough) record.state = OperationState::queued;
  waiting_.erase(found);  // while the journal is written nobody else decides about it
  std::vector<AuditNote> notes(1);
  notes[0] = AuditNote{actor, "allowed", id.text(), reason};
  auto journalled = co_await ports_.journal.update(record, notes);
  if (!journalled) {
    await_approval(std::move(waiting));
    co_return outcome::failure(std::move(journalled).error());
  }
  if (enough) meant_.erase(id);
  if (enough) engine_.enqueue(record);
  else await_approval(record);
  changed(record);
  co_return view_of(record, registry_.find(record.vm), Audience::administrator);
}

}  // namespace zynclone::broker
