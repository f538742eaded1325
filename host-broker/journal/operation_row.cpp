#include "host-broker/journal/operation_row.hpp"

#include "protocol/codec.hpp"
#include "protocol/words.hpp"

namespace zynclone::broker::journal {
namespace {

using protocol::OperationState;
using protocol::StepState;

long long to_column(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp from_column(long long column) { return Timestamp(std::chrono::milliseconds(column)); }

soci::indicator set(const std::optional<Timestamp>& time, long long& column) {
  column = time ? to_column(*time) : 0;
  return time ? soci::i_ok : soci::i_null;
}

std::optional<Timestamp> get(soci::indicator has, long long column) {
  return has == soci::i_ok ? std::optional(from_column(column)) : std::nullopt;
}

auto damaged(const std::string& id, std::string_view column, const std::string& value) {
  return fail(Errc::system, "cannot read operation '" + printable(id) + "' in the journal: its " + std::string(column) + " is '" +
                                printable(value) + "'");
}

template <class State>
Result<State> read_state(const std::string& id, std::string_view column, const std::string& text) {
  const auto state = protocol::parse_word<State>(text, column);
  if (!state) return damaged(id, column, text);
  return state;
}

// A code that a later version wrote is kept as an error all the same.
Errc read_code(const std::string& text) {
  for (int code = 0; code <= static_cast<int>(Errc::internal); ++code) {
    if (text == to_string(static_cast<Errc>(code))) return static_cast<Errc>(code);
  }
  return Errc::internal;
}

}  // namespace

void OperationRow::assign(const OperationRecord& operation) {
  id = operation.id.text();
  family = operation.family.text();
  vm = operation.vm.text();
  requester = operation.requester;
  requester_name = operation.requester_name;
  has_request_id = operation.request_id ? soci::i_ok : soci::i_null;
  request_id = operation.request_id ? operation.request_id->text() : "";
  request = operation.request;
  kind = operation.kind;
  target = operation.target;
  state = protocol::to_string(operation.state);
  unfinished = protocol::is_final(operation.state) ? 0 : 1;
  undoing = operation.undoing ? 1 : 0;
  cancel_requested = operation.cancel_requested ? 1 : 0;
  percent = static_cast<int>(operation.percent);
  created = to_column(operation.created);
  has_finished = set(operation.finished, finished);
  has_approval_expires = set(operation.approval_expires, approval_expires);
  approvers_needed = static_cast<int>(operation.approvers_needed);
  decision = operation.decision;
  decision_place = operation.decision_place;
  summary = operation.summary;
  has_error = operation.error ? soci::i_ok : soci::i_null;
  error_code = operation.error ? to_string(operation.error->code) : "";
  error_message = operation.error ? operation.error->message : "";
  error_place = operation.error ? operation.error->place : "";
}

Result<OperationRecord> OperationRow::record() const {
  OperationRecord operation;
  auto parsed_id = OperationId::parse(id);
  auto parsed_family = Uuid::parse(family);
  auto parsed_vm = VmName::parse(vm);
  if (!parsed_id) return damaged(id, "id", id);
  if (!parsed_family) return damaged(id, "family", family);
  if (!parsed_vm) return damaged(id, "vm", vm);
  operation.id = parsed_id.value();
  operation.family = parsed_family.value();
  operation.vm = parsed_vm.value();
  operation.requester = requester;
  operation.requester_name = requester_name;
  if (has_request_id == soci::i_ok) {
    auto parsed_request = RequestId::parse(request_id);
    if (!parsed_request) return damaged(id, "request_id", request_id);
    operation.request_id = parsed_request.value();
  }
  operation.request = request;
  operation.kind = kind;
  operation.target = target;
  TRY(operation.state, read_state<OperationState>(id, "state", state));
  operation.undoing = undoing != 0;
  operation.cancel_requested = cancel_requested != 0;
  operation.percent = static_cast<unsigned>(percent);
  operation.created = from_column(created);
  operation.finished = get(has_finished, finished);
  operation.approval_expires = get(has_approval_expires, approval_expires);
  operation.approvers_needed = static_cast<unsigned>(approvers_needed);
  operation.decision = decision;
  operation.decision_place = decision_place;
  operation.summary = summary;
  if (has_error == soci::i_ok) operation.error = Error{read_code(error_code), error_message, error_place};
  return operation;
}

void StepRow::assign(const OperationId& id, std::size_t at, const StepRecord& step) {
  operation = id.text();
  position = static_cast<int>(at);
  name = step.name;
  state = protocol::to_string(step.state);
  text = step.text;
  result = step.result;
  warning = step.warning ? 1 : 0;
}

Result<StepRecord> StepRow::record() const {
  TRY(const auto known, read_state<StepState>(operation, "step's state", state));
  return StepRecord{.name = name, .state = known, .text = text, .result = result, .warning = warning != 0};
}

}  // namespace zynclone::broker::journal
