#pragma once
// Reads the journal, blocking, by a connection that can change nothing: beside its owner, which may be writing and syncing meanwhile, without
// either waiting for the other. Each call sees what had been committed when it began. SqlJournal runs it in its thread. One thread at a time.

#include <filesystem>
#include <memory>

#include "host-broker/journal/operation_queries.hpp"
#include "host-broker/journal/sqlite_database.hpp"
#include "host-broker/ports/grants.hpp"
#include "host-broker/ports/leases.hpp"

namespace zynclone::broker::journal {

class SqlReader {
 public:
  // Errors: not_found when there is no such file; unsupported_version; those of the database.
  static Result<std::unique_ptr<SqlReader>> open(const std::filesystem::path& file);

  // As of Journal and AuditLog, in ports/journal.hpp, Leases, in ports/leases.hpp, and Grants, in ports/grants.hpp.
  Result<std::optional<OperationRecord>> find(const OperationId& id);
  Result<std::optional<OperationRecord>> find_request(const std::string& requester, const RequestId& id);
  Result<std::vector<OperationRecord>> list(const OperationFilter& filter);
  Result<std::vector<protocol::AuditEntry>> entries(std::uint64_t after, std::size_t most);
  Result<std::uint64_t> last_entry();
  Result<Lease> find_lease(const std::string& resource);
  Result<std::vector<protocol::GrantView>> usable_grants(const std::optional<VmName>& vm, Timestamp now);

 private:
  explicit SqlReader(std::unique_ptr<SqliteDatabase> database);
  template <class Work>
  auto read(Work work) -> decltype(work());

  std::unique_ptr<SqliteDatabase> database_;
  OperationQueries operations_;
};

}  // namespace zynclone::broker::journal
