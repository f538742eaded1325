#include "host-broker/journal/operation_queries.hpp"

#include "host-broker/journal/operation_row.hpp"

namespace zynclone::broker::journal {
namespace {

const std::string k_select = "select " ZYNCLONE_FIXED_COLUMNS ", " ZYNCLONE_CHANGING_COLUMNS " from operation ";

}  // namespace

Result<std::optional<OperationRecord>> OperationQueries::find(const OperationId& id) {
  return one("where id = :first or id = :second", id.text(), id.text());
}

Result<std::optional<OperationRecord>> OperationQueries::find_request(const std::string& requester, const RequestId& id) {
  return one("where requester = :first and request_id = :second", requester, id.text());
}

Result<std::vector<OperationRecord>> OperationQueries::list(const OperationFilter& filter) {
  const std::string family = filter.family ? filter.family->text() : "";
  const std::string place = filter.decision_place.value_or("");
  std::string where = filter.family ? "where family = :first" : "where :first = ''";
  where += filter.decision_place ? " and decision_place = :second" : " and :second = ''";
  if (filter.unfinished_only) where += " and unfinished = 1";
  if (filter.created_after) where += " and created > " + std::to_string(filter.created_after->time_since_epoch().count());
  if (filter.created_until) where += " and created <= " + std::to_string(filter.created_until->time_since_epoch().count());
  if (filter.older_than) where += " and id < '" + filter.older_than->text() + '\'';  // a checked name: letters and digits
  where += " order by created desc, id desc limit " + std::to_string(std::min<std::size_t>(filter.most, 100'000));
  TRY(auto operations, select(where, family, place));
  if (!filter.whole) return operations;
  for (OperationRecord& operation : operations) {
    TRY(complete(operation));
  }
  return operations;
}

Result<std::optional<OperationRecord>> OperationQueries::one(const std::string& where, const std::string& first, const std::string& second) {
  TRY(auto found, select(where, first, second));
  if (found.empty()) return std::optional<OperationRecord>();
  TRY(complete(found.front()));
  return std::optional<OperationRecord>(std::move(found.front()));
}

Result<void> OperationQueries::complete(OperationRecord& operation) {
  read_approvers(operation);
  return read_steps(operation);
}

Result<std::vector<OperationRecord>> OperationQueries::select(const std::string& where, const std::string& first, const std::string& second) {
  std::vector<OperationRecord> operations;
  OperationRow row;
  soci::indicator of_message = soci::i_null;
  soci::indicator of_place = soci::i_null;
  {
    soci::statement query =
        (session_.prepare << k_select + where, soci::into(row.id), soci::into(row.family), soci::into(row.vm), soci::into(row.requester),
         soci::into(row.requester_name), soci::into(row.request_id, row.has_request_id), soci::into(row.request), soci::into(row.kind),
         soci::into(row.target), soci::into(row.created), soci::into(row.state), soci::into(row.unfinished), soci::into(row.undoing),
         soci::into(row.cancel_requested), soci::into(row.percent), soci::into(row.finished, row.has_finished),
         soci::into(row.approval_expires, row.has_approval_expires), soci::into(row.approvers_needed), soci::into(row.decision),
         soci::into(row.decision_place), soci::into(row.summary), soci::into(row.error_code, row.has_error),
         soci::into(row.error_message, of_message), soci::into(row.error_place, of_place), soci::use(first, "first"),
         soci::use(second, "second"));
    query.execute();
    while (query.fetch()) {
      TRY(auto operation, row.record());
      operations.push_back(std::move(operation));
    }
  }
  return operations;
}

Result<void> OperationQueries::read_steps(OperationRecord& operation) {
  StepRow row;
  row.operation = operation.id.text();
  soci::statement query = (session_.prepare << "select name, state, text, result, warning from operation_step where operation = :operation order by position",
                           soci::into(row.name), soci::into(row.state), soci::into(row.text), soci::into(row.result), soci::into(row.warning),
                           soci::use(row.operation, "operation"));
  query.execute();
  while (query.fetch()) {
    TRY(auto step, row.record());
    operation.steps.push_back(std::move(step));
  }
  return outcome::success();
}

void OperationQueries::read_approvers(OperationRecord& operation) {
  const std::string id = operation.id.text();
  std::string name;
  soci::statement query = (session_.prepare << "select name from operation_approver where operation = :operation order by position",
                           soci::into(name), soci::use(id, "operation"));
  query.execute();
  while (query.fetch()) operation.allowed_by.push_back(name);
}

}  // namespace zynclone::broker::journal
