#pragma once
// The table of leases: who holds what, under which token. Calls stand inside the caller's transaction and throw soci_error; sql_store.cpp
// and sql_reader.cpp turn that into a Result. One thread.

#include <soci/soci.h>

#include "host-broker/ports/leases.hpp"

namespace zynclone::broker::journal {

// As of Leases, in ports/leases.hpp. Needs no more than a session, so that a reader may use it. Errors: system for a value that no version
// of this program writes.
Result<Lease> read_lease(soci::session& session, const std::string& resource);

Result<Lease> pass_lease(soci::session& session, const std::string& resource, std::uint64_t token, const std::optional<Uuid>& holder);

}  // namespace zynclone::broker::journal
