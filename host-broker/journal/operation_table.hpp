#pragma once
// Writes the tables of operations, their steps and approvers; operation_queries.hpp reads them. Calls stand inside the caller's transaction and throw soci_error; sql_store.cpp
// turns that into a Result. What is written often is prepared once. One thread.

#include "host-broker/journal/operation_row.hpp"

namespace zynclone::broker::journal {

class OperationTable {
 public:
  explicit OperationTable(soci::session& session);

  // As of Journal, in ports/journal.hpp.
  Result<void> insert(const OperationRecord& operation);
  Result<void> update(const OperationRecord& operation);
  Result<void> update_step(const OperationId& id, std::size_t position, const StepRecord& step);
  std::size_t forget(Timestamp time);

 private:
  void write_approvers(const OperationRecord& operation);
  long long count(const std::string& query, const std::string& first, const std::string& second);

  soci::session& session_;
  OperationRow row_;
  StepRow step_;
  std::string approver_operation_;
  soci::statement insert_;
  soci::statement update_;
  soci::statement insert_step_;
  soci::statement update_step_;
  soci::statement remove_approvers_;
};

}  // namespace zynclone::broker::journal
