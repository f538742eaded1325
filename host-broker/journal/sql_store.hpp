#pragma once
// Writes the journal, blocking: each call is one transaction, synced to disk when it returns. SqlJournal runs it in a thread, and SqlReader
// beside it in another. One thread at a time.

#include <filesystem>
#include <memory>

#include "host-broker/journal/audit_table.hpp"
#include "host-broker/journal/operation_table.hpp"
#include "host-broker/journal/sqlite_database.hpp"
#include "host-broker/ports/grants.hpp"
#include "host-broker/ports/leases.hpp"

namespace zynclone::broker::journal {

class SqlStore {
 public:
  // Creates the file if it is not there; its folder must be. Errors: busy when another broker has it, unsupported_version, no_space, system.
  static Result<std::unique_ptr<SqlStore>> open(const std::filesystem::path& file);

  // As of Journal and AuditLog, in ports/journal.hpp, Leases, in ports/leases.hpp, and Grants, in ports/grants.hpp. `now` is the time of the
  // notes.
  Result<void> insert(const OperationRecord& operation, const std::vector<AuditNote>& notes, Timestamp now);
  Result<void> update(const OperationRecord& operation, const std::vector<AuditNote>& notes, Timestamp now);
  Result<void> update_step(const OperationId& id, std::size_t position, const StepRecord& step);
  // Forgets old grants too.
  Result<std::size_t> forget(Timestamp time);
  Result<void> append(const AuditNote& note, Timestamp now);
  Result<Lease> pass_lease(const std::string& resource, std::uint64_t token, const std::optional<Uuid>& holder);
  Result<void> add_grant(const protocol::GrantView& grant);
  Result<void> use_grant(const OperationId& id);
  Result<protocol::GrantView> revoke_grant(const OperationId& id);
  // Writes a page of the database anew and syncs it. Errors: those of writing.
  Result<void> check_writable();

  // See SqliteDatabase.
  bool upkeep_due() const { return database_->upkeep_due(); }
  void upkeep() { database_->upkeep(); }

 private:
  explicit SqlStore(std::unique_ptr<SqliteDatabase> database);
  template <class Work>
  auto transact(Work work) -> decltype(work());

  std::unique_ptr<SqliteDatabase> database_;
  OperationTable operations_;
  AuditTable audit_;
};

}  // namespace zynclone::broker::journal
