#pragma once
// The commands that only zynclone has, one file each; the others stand in cli/commands/commands.hpp.

#include "cli/session.hpp"

namespace zynclone::guest {

void add_family_show(const cli::Command& parent, cli::Session& session);
void add_clone_show(const cli::Command& parent, cli::Session& session);
void add_clone_list(const cli::Command& parent, cli::Session& session);

}  // namespace zynclone::guest
