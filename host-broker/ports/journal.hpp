#pragma once
// What survives a crash: operations, their steps, and the audit log. Real: journal::SqlJournal (SOCI). Tests: FakeJournal.
// Whatever returns has been synced.

#include <optional>
#include <string>
#include <vector>

#include "protocol/messages.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

struct StepRecord {
  std::string name;
  protocol::StepState state = protocol::StepState::pending;  // running: the intent is written, the result is not
  std::string text;
  std::string result;        // what the step must remember, as it likes (its undo and later steps read it)
  bool warning = false;      // done, but not as well as it should be: its text says why
  std::optional<unsigned> percent = {};  // while it runs, where there is something to measure; not kept
};

struct OperationRecord {
  OperationId id;
  Uuid family;
  VmName vm;
  std::string requester;     // identity that request ids belong to: a member's UUID, or "admin:<user>"
  std::string requester_name;
  std::optional<RequestId> request_id;
  std::string request;       // protocol::encode_request: what was asked, whole
  std::string kind;
  std::string target;
  protocol::OperationState state = protocol::OperationState::queued;
  bool undoing = false;      // a step failed or it was cancelled: steps are undone in reverse
  bool cancel_requested = false;
  unsigned percent = 0;
  Timestamp created{};
  std::optional<Timestamp> finished;
  std::optional<Timestamp> approval_expires;
  unsigned approvers_needed = 0;
  std::vector<std::string> allowed_by;
  std::string decision;
  std::string decision_place;
  std::string summary;
  std::optional<Error> error;
  std::vector<StepRecord> steps;
};

struct OperationFilter {
  std::optional<Uuid> family;
  bool unfinished_only = false;
  std::optional<std::string> decision_place = {};   // accepted by this rule; with `created_after`, how often it let something through
  std::optional<Timestamp> created_after = {};
  std::optional<Timestamp> created_until = {};      // that time included: leaves out what has a time in the future, since the clock was set back
  std::optional<OperationId> older_than = {};       // by their ids, which begin with the time
  std::size_t most = 100;    // newest first
  bool whole = false;        // with steps and approvers; else the records have none
};

// An audit entry that is to be written with a change: in the same transaction, so that neither is there without the other and both cost
// one sync.
struct AuditNote {
  std::string actor;
  std::string event;
  std::string operation;
  std::string detail;
};

class Journal {
 public:
  virtual ~Journal() = default;

  // Errors: already_exists when this requester has used the request id before.
  asio::awaitable<Result<void>> insert(OperationRecord operation) { return insert(std::move(operation), {}); }
  virtual asio::awaitable<Result<void>> insert(OperationRecord operation, std::vector<AuditNote> notes) = 0;
  // What changes: state and what stands after it in the record, but steps. `update_step` is for one of those, by its position (steps are
  // appended, never removed). Errors: not_found; invalid_argument for a position beyond the next.
  asio::awaitable<Result<void>> update(OperationRecord operation) { return update(std::move(operation), {}); }
  virtual asio::awaitable<Result<void>> update(OperationRecord operation, std::vector<AuditNote> notes) = 0;
  virtual asio::awaitable<Result<void>> update_step(OperationId id, std::size_t position, StepRecord step) = 0;

  virtual asio::awaitable<Result<std::optional<OperationRecord>>> find(OperationId id) = 0;
  virtual asio::awaitable<Result<std::optional<OperationRecord>>> find_request(std::string requester, RequestId id) = 0;
  virtual asio::awaitable<Result<std::vector<OperationRecord>>> list(OperationFilter filter) = 0;

  // Removes operations in a final state that finished before `time`, with their steps and request ids, and gives their number. The
  // audit log keeps what they did.
  virtual asio::awaitable<Result<std::size_t>> forget(Timestamp time) = 0;
};

class AuditLog {
 public:
  virtual ~AuditLog() = default;
  // Gives sequence, hashes and time; appended, never changed.
  virtual asio::awaitable<Result<void>> append(std::string actor, std::string event, std::string operation, std::string detail) = 0;
  virtual asio::awaitable<Result<std::vector<protocol::AuditEntry>>> entries(std::uint64_t after, std::size_t most) = 0;
  // The newest entry's number; 0 when there is none. They are numbered from 1 without gaps.
  virtual asio::awaitable<Result<std::uint64_t>> last_entry() = 0;
};

// The hash an entry must have: SHA-256 over its fields and the hash before, each with its length so that no two entries read alike.
std::string audit_hash(const protocol::AuditEntry& entry);

}  // namespace zynclone::broker
