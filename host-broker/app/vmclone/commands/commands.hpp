#pragma once
// The commands that only vmclone has, one file each; those it shares with zynclone stand in cli/commands/commands.hpp.

#include "cli/session.hpp"
#include "host-broker/app/vmclone/host_files.hpp"

namespace zynclone::broker::vmclone {

// Asked of the broker.
void add_list(const cli::Command& parent, cli::Session& session);
void add_show(const cli::Command& parent, cli::Session& session);
void add_approval_list(const cli::Command& parent, cli::Session& session);
void add_approval_allow(const cli::Command& parent, cli::Session& session);
void add_approval_deny(const cli::Command& parent, cli::Session& session);
// grant, and below it list and revoke.
void add_grant(const cli::Command& parent, cli::Session& session);
void add_audit_list(const cli::Command& parent, cli::Session& session);
// run, rehearse, upgrade VM -- COMMAND...
void add_run(const cli::Command& parent, cli::Session& session);
void add_rehearse(const cli::Command& parent, cli::Session& session);
void add_upgrade(const cli::Command& parent, cli::Session& session);
void add_health(const cli::Command& parent, cli::Session& session);
void add_repair(const cli::Command& parent, cli::Session& session);

// Read from the host's files, so that they work while the broker is down.
void add_audit_verify(const cli::Command& parent, cli::Session& session, HostFiles& files);
void add_config_show(const cli::Command& parent, cli::Session& session, HostFiles& files);
void add_config_check(const cli::Command& parent, cli::Session& session, HostFiles& files);
void add_policy_check(const cli::Command& parent, cli::Session& session, HostFiles& files);
void add_policy_explain(const cli::Command& parent, cli::Session& session, HostFiles& files);

}  // namespace zynclone::broker::vmclone
