#pragma once
// The commands that zynclone and vmclone have in common, one file each. In vmclone, which speaks for an administrator, those about a
// clone or a family name its VM first.

#include "cli/session.hpp"

namespace zynclone::cli {

void add_clone_create(const Command& parent, Session& session);
void add_clone_start(const Command& parent, Session& session);
void add_clone_stop(const Command& parent, Session& session);
void add_clone_activate(const Command& parent, Session& session);
void add_clone_deactivate(const Command& parent, Session& session);
void add_clone_remove(const Command& parent, Session& session);
void add_clone_rename(const Command& parent, Session& session);

void add_clone_protect(const Command& parent, Session& session);
void add_clone_unprotect(const Command& parent, Session& session);

void add_cutover_start(const Command& parent, Session& session);
void add_cutover_commit(const Command& parent, Session& session);
void add_cutover_undo(const Command& parent, Session& session);
void add_cutover_show(const Command& parent, Session& session);

void add_volume_switch(const Command& parent, Session& session);
void add_volume_list(const Command& parent, Session& session);

void add_peripheral_list(const Command& parent, Session& session);

void add_operation_show(const Command& parent, Session& session);
void add_operation_list(const Command& parent, Session& session);
void add_operation_cancel(const Command& parent, Session& session);
void add_operation_watch(const Command& parent, Session& session);

// Each in a group of their own.
void add_cutover_commands(const Command& root, Session& session);
void add_volume_commands(const Command& root, Session& session);
void add_peripheral_commands(const Command& root, Session& session);
void add_operation_commands(const Command& root, Session& session);

}  // namespace zynclone::cli
