#pragma once
// The table of grants: what was allowed ahead of time, and how often it has been used. Calls stand inside the caller's transaction and throw
// soci_error; sql_store.cpp and sql_reader.cpp turn that into a Result. One thread.

#include <soci/soci.h>

#include "host-broker/ports/grants.hpp"

namespace zynclone::broker::journal {

// As of Grants, in ports/grants.hpp. Errors: system for a value that no version of this program writes.
void add_grant(soci::session& session, const protocol::GrantView& grant);
Result<void> use_grant(soci::session& session, const OperationId& id);
Result<protocol::GrantView> revoke_grant(soci::session& session, const OperationId& id);

// Needs no more than a session, so that a reader may use it.
Result<std::vector<protocol::GrantView>> usable_grants(soci::session& session, const std::optional<VmName>& vm, Timestamp now);

// Removes those that are used up or whose time was over before `time`: the audit log keeps what became of them.
void forget_grants(soci::session& session, Timestamp time);

}  // namespace zynclone::broker::journal
