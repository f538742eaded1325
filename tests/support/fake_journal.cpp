#include "tests/support/fake_journal.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "protocol/codec.hpp"

namespace zynclone::tests {

using broker::AuditNote;
using broker::OperationFilter;
using broker::OperationRecord;
using broker::StepRecord;

namespace {

asio::awaitable<void> take_time(bool slow) {
  if (slow) co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

}  // namespace

OperationRecord* FakeJournal::find_record(const OperationId& id) {
  for (OperationRecord& operation : operations) {
    if (operation.id == id) return &operation;
  }
  return nullptr;
}

Result<void> FakeJournal::begin(std::string call) {
  calls.push_back(call);
  if (!fails) return outcome::success();
  if (auto error = fails(call)) return *error;
  return outcome::success();
}

void FakeJournal::write(const std::vector<AuditNote>& notes) {
  for (const AuditNote& note : notes) {
    protocol::AuditEntry entry{.sequence = audit.size() + 1, .time = clock_.now(), .actor = note.actor, .event = note.event,
                               .operation = note.operation, .detail = note.detail};
    entry.previous = audit.empty() ? std::string(64, '0') : audit.back().hash;
    entry.hash = broker::audit_hash(entry);
    audit.push_back(std::move(entry));
  }
}

asio::awaitable<Result<void>> FakeJournal::insert(OperationRecord operation, std::vector<AuditNote> notes) {
  co_await take_time(slow);
  CO_TRY(begin("insert " + operation.id.text()));
  for (const OperationRecord& other : operations) {
    const bool same_request = operation.request_id && other.requester == operation.requester && other.request_id == operation.request_id;
    if (other.id == operation.id || same_request) {
      co_return fail(Errc::already_exists, "cannot insert operation '" + operation.id.text() + "': its id or request id is in use");
    }
  }
  operations.push_back(std::move(operation));
  write(notes);
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeJournal::update(OperationRecord operation, std::vector<AuditNote> notes) {
  auto begun = begin("update " + operation.id.text());
  co_await take_time(slow);
  CO_TRY(std::move(begun));
  OperationRecord* record = find_record(operation.id);
  if (record == nullptr) {
    co_return fail(Errc::not_found, "cannot update operation '" + operation.id.text() + "': there is none");
  }
  OperationRecord next = *record;
  next.state = operation.state;
  next.undoing = operation.undoing;
  next.cancel_requested = operation.cancel_requested;
  next.percent = operation.percent;
  next.finished = operation.finished;
  next.approval_expires = operation.approval_expires;
  next.approvers_needed = operation.approvers_needed;
  next.allowed_by = operation.allowed_by;
  next.decision = operation.decision;
  next.decision_place = operation.decision_place;
  next.summary = operation.summary;
  next.error = operation.error;
  *record = std::move(next);
  write(notes);
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeJournal::update_step(OperationId id, std::size_t position, StepRecord step) {
  CO_TRY(begin("update_step " + id.text() + " " + std::to_string(position) + " " + std::string(protocol::to_string(step.state))));
  OperationRecord* record = find_record(id);
  if (record == nullptr) co_return fail(Errc::not_found, "cannot update operation '" + id.text() + "': there is none");
  if (position > record->steps.size()) {
    co_return fail(Errc::invalid_argument, "cannot update step " + std::to_string(position) + " of operation '" + id.text() +
                                               "': it has " + std::to_string(record->steps.size()));
  }
  if (position == record->steps.size()) record->steps.emplace_back();
  record->steps[position] = std::move(step);
  co_return outcome::success();
}

asio::awaitable<Result<std::optional<OperationRecord>>> FakeJournal::find(OperationId id) {
  const OperationRecord* record = find_record(id);
  if (record == nullptr) co_return std::optional<OperationRecord>();
  co_return std::optional<OperationRecord>(*record);
}

asio::awaitable<Result<std::optional<OperationRecord>>> FakeJournal::find_request(std::string requester, RequestId id) {
  for (const OperationRecord& operation : operations) {
    if (operation.requester == requester && operation.request_id == id) co_return std::optional<OperationRecord>(operation);
  }
  co_return std::optional<OperationRecord>();
}

asio::awaitable<Result<std::vector<OperationRecord>>> FakeJournal::list(OperationFilter filter) {
  co_await take_time(slow);
  std::vector<OperationRecord> found;
  for (const OperationRecord& operation : operations) {
    if (filter.family && operation.family != *filter.family) continue;
    if (filter.unfinished_only && protocol::is_final(operation.state)) continue;
    if (filter.decision_place && operation.decision_place != *filter.decision_place) continue;
    if (filter.created_after && operation.created <= *filter.created_after) continue;
    if (filter.created_until && operation.created > *filter.created_until) continue;
    if (filter.older_than && operation.id >= *filter.older_than) continue;
    found.push_back(operation);
    if (filter.whole) continue;
    found.back().steps.clear();
    found.back().allowed_by.clear();
  }
  std::sort(found.begin(), found.end(), [](const OperationRecord& a, const OperationRecord& b) {
    return std::tie(a.created, a.id) > std::tie(b.created, b.id);
  });
  if (found.size() > filter.most) found.resize(filter.most);
  co_return found;
}

asio::awaitable<Result<std::size_t>> FakeJournal::forget(Timestamp time) {
  CO_TRY(begin("forget " + to_rfc3339(time)));
  co_return std::erase_if(operations, [&](const OperationRecord& operation) {
    return protocol::is_final(operation.state) && operation.finished && *operation.finished < time;
  });
}

asio::awaitable<Result<void>> FakeJournal::append(std::string actor, std::string event, std::string operation, std::string detail) {
  CO_TRY(begin("append " + event));
  write({AuditNote{std::move(actor), std::move(event), std::move(operation), std::move(detail)}});
  co_return outcome::success();
}

asio::awaitable<Result<std::vector<protocol::AuditEntry>>> FakeJournal::entries(std::uint64_t after, std::size_t most) {
  std::vector<protocol::AuditEntry> found;
  for (std::size_t at = after; at < audit.size() && found.size() < most; ++at) found.push_back(audit[at]);
  co_return found;
}

asio::awaitable<Result<std::uint64_t>> FakeJournal::last_entry() { co_return audit.size(); }

}  // namespace zynclone::tests
