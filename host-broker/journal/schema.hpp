#pragma once
// The journal's tables and how they came about. Each migration is run once, in its own transaction, and never changed afterwards.
//
// Versions
//   1  operation, operation_step, operation_approver, audit
//   2  audit refuses INSERT OR REPLACE of an entry too
//   3  leases
//   4  grants
//   5  warnings of steps

#include "host-broker/journal/sqlite_database.hpp"

namespace zynclone::broker::journal {

inline constexpr int k_schema_version = 5;

// Brings an owner's journal to the newest version. Errors: unsupported_version when a newer program made it; those of the database.
Result<void> migrate(SqliteDatabase& database);

// For a reader. Errors: unsupported_version for any version but the newest.
Result<void> check_schema(SqliteDatabase& database);

}  // namespace zynclone::broker::journal
