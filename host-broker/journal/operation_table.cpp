#include "host-broker/journal/operation_table.hpp"

namespace zynclone::broker::journal {
namespace {

const char* const k_insert =
    "insert into operation (" ZYNCLONE_FIXED_COLUMNS ", " ZYNCLONE_CHANGING_COLUMNS ") values "
    "(:id, :family, :vm, :requester, :requester_name, :request_id, :request, :kind, :target, :created, "
    ":state, :unfinished, :undoing, :cancel_requested, :percent, :finished, :approval_expires, :approvers_needed, :decision, "
    ":decision_place, :summary, :error_code, :error_message, :error_place)";

const char* const k_update =
    "update operation set state = :state, unfinished = :unfinished, undoing = :undoing, cancel_requested = :cancel_requested, "
    "percent = :percent, finished = :finished, approval_expires = :approval_expires, approvers_needed = :approvers_needed, "
    "decision = :decision, decision_place = :decision_place, summary = :summary, error_code = :error_code, "
    "error_message = :error_message, error_place = :error_place where id = :id";

// soci's lists of bindings grow by value; these append to one that is being built.
template <class Prepared>
auto& bind_fixed(Prepared& prepared, OperationRow& row) {
  prepared, soci::use(row.family, "family"), soci::use(row.vm, "vm"), soci::use(row.requester, "requester"),
      soci::use(row.requester_name, "requester_name"), soci::use(row.request_id, row.has_request_id, "request_id"),
      soci::use(row.request, "request"), soci::use(row.kind, "kind"), soci::use(row.target, "target"), soci::use(row.created, "created");
  return prepared;
}

template <class Prepared>
auto& bind_changing(Prepared& prepared, OperationRow& row) {
  prepared, soci::use(row.id, "id"), soci::use(row.state, "state"), soci::use(row.unfinished, "unfinished"),
      soci::use(row.undoing, "undoing"), soci::use(row.cancel_requested, "cancel_requested"), soci::use(row.percent, "percent"),
      soci::use(row.finished, row.has_finished, "finished"),
      soci::use(row.approval_expires, row.has_approval_expires, "approval_expires"),
      soci::use(row.approvers_needed, "approvers_needed"), soci::use(row.decision, "decision"),
      soci::use(row.decision_place, "decision_place"), soci::use(row.summary, "summary"),
      soci::use(row.error_code, row.has_error, "error_code"), soci::use(row.error_message, row.has_error, "error_message"),
      soci::use(row.error_place, row.has_error, "error_place");
  return prepared;
}

soci::statement prepare_insert(soci::session& session, OperationRow& row) {
  auto prepared = (session.prepare << k_insert);
  return soci::statement(bind_changing(bind_fixed(prepared, row), row));
}

soci::statement prepare_update(soci::session& session, OperationRow& row) {
  auto prepared = (session.prepare << k_update);
  return soci::statement(bind_changing(prepared, row));
}

soci::statement prepare_step(soci::session& session, const char* query, StepRow& row) {
  return (session.prepare << query, soci::use(row.operation, "operation"), soci::use(row.position, "position"), soci::use(row.name, "name"),
          soci::use(row.state, "state"), soci::use(row.text, "text"), soci::use(row.result, "result"), soci::use(row.warning, "warning"));
}

Error no_such(const OperationId& id) {
  return Error{Errc::not_found, "cannot update operation '" + id.text() + "': there is none"};
}

}  // namespace

OperationTable::OperationTable(soci::session& session)
    : session_(session),
      insert_(prepare_insert(session, row_)),
      update_(prepare_update(session, row_)),
      insert_step_(prepare_step(session, "insert into operation_step (operation, position, name, state, text, result, warning) "
                                         "values (:operation, :position, :name, :state, :text, :result, :warning)", step_)),
      update_step_(prepare_step(session, "update operation_step set name = :name, state = :state, text = :text, result = :result, warning = :warning "
                                         "where operation = :operation and position = :position", step_)),
      remove_approvers_((session.prepare << "delete from operation_approver where operation = :operation",
                         soci::use(approver_operation_, "operation"))) {}

long long OperationTable::count(const std::string& query, const std::string& first, const std::string& second) {
  long long number = 0;
  soci::statement select = (session_.prepare << query, soci::into(number), soci::use(first, "first"), soci::use(second, "second"));
  select.execute();
  while (select.fetch()) {  // to the end, which releases the database's read lock
  }
  return number;
}

Result<void> OperationTable::insert(const OperationRecord& operation) {
  const std::string request_id = operation.request_id ? operation.request_id->text() : "";
  if (count("select count(*) from operation where id = :first or id = :second", operation.id.text(), operation.id.text()) != 0) {
    return fail(Errc::already_exists, "cannot insert operation '" + operation.id.text() + "': there is one of this id");
  }
  if (operation.request_id &&
      count("select count(*) from operation where requester = :first and request_id = :second", operation.requester, request_id) != 0) {
    return fail(Errc::already_exists, "cannot insert operation '" + operation.id.text() + "': request id '" + request_id + "' is in use");
  }
  row_.assign(operation);
  insert_.execute(true);
  for (std::size_t at = 0; at < operation.steps.size(); ++at) {
    step_.assign(operation.id, at, operation.steps[at]);
    insert_step_.execute(true);
  }
  if (!operation.allowed_by.empty()) write_approvers(operation);
  return outcome::success();
}

Result<void> OperationTable::update(const OperationRecord& operation) {
  row_.assign(operation);
  update_.execute(true);
  if (update_.get_affected_rows() == 0) return no_such(operation.id);
  write_approvers(operation);
  return outcome::success();
}

void OperationTable::write_approvers(const OperationRecord& operation) {
  approver_operation_ = operation.id.text();
  remove_approvers_.execute(true);
  for (std::size_t at = 0; at < operation.allowed_by.size(); ++at) {
    const int position = static_cast<int>(at);
    session_ << "insert into operation_approver (operation, position, name) values (:operation, :position, :name)",
        soci::use(approver_operation_, "operation"), soci::use(position, "position"), soci::use(operation.allowed_by[at], "name");
  }
}

Result<void> OperationTable::update_step(const OperationId& id, std::size_t position, const StepRecord& step) {
  step_.assign(id, position, step);
  update_step_.execute(true);
  if (update_step_.get_affected_rows() != 0) return outcome::success();
  if (count("select count(*) from operation where id = :first or id = :second", id.text(), id.text()) == 0) return no_such(id);
  const auto steps = static_cast<std::size_t>(
      count("select count(*) from operation_step where operation = :first or operation = :second", id.text(), id.text()));
  if (position != steps) {
    return fail(Errc::invalid_argument, "cannot update step " + std::to_string(position) + " of operation '" + id.text() + "': it has " +
                                            std::to_string(steps));
  }
  insert_step_.execute(true);
  return outcome::success();
}

std::size_t OperationTable::forget(Timestamp time) {
  const long long before = time.time_since_epoch().count();
  soci::statement remove = (session_.prepare << "delete from operation where unfinished = 0 and finished < :before", soci::use(before, "before"));
  remove.execute(true);
  return static_cast<std::size_t>(remove.get_affected_rows());
}

}  // namespace zynclone::broker::journal
