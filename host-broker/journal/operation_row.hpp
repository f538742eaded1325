#pragma once
// An operation as its table's columns, and both ways between them. Internal to journal/.

#include <soci/soci.h>

#include "host-broker/ports/journal.hpp"

namespace zynclone::broker::journal {

// Columns that an operation keeps for life, and those that change.
#define ZYNCLONE_FIXED_COLUMNS "id, family, vm, requester, requester_name, request_id, request, kind, target, created"
#define ZYNCLONE_CHANGING_COLUMNS                                                                                        \
  "state, unfinished, undoing, cancel_requested, percent, finished, approval_expires, approvers_needed, decision, " \
  "decision_place, summary, error_code, error_message, error_place"

// Statements are bound to the members, so a row stays where it is.
struct OperationRow {
  std::string id, family, vm, requester, requester_name, request_id, request, kind, target, state;
  int unfinished = 0, undoing = 0, cancel_requested = 0, percent = 0, approvers_needed = 0;
  long long created = 0, finished = 0, approval_expires = 0;
  std::string decision, decision_place, summary, error_code, error_message, error_place;
  soci::indicator has_request_id = soci::i_null, has_finished = soci::i_null, has_approval_expires = soci::i_null, has_error = soci::i_null;

  void assign(const OperationRecord& operation);
  // Without steps and approvers. Errors: system for a value that no version of this program writes.
  Result<OperationRecord> record() const;
};

struct StepRow {
  std::string operation;
  int position = 0;
  std::string name, state, text, result;
  int warning = 0;

  void assign(const OperationId& id, std::size_t at, const StepRecord& step);
  Result<StepRecord> record() const;
};

}  // namespace zynclone::broker::journal
