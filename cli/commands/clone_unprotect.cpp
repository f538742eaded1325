#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_clone_unprotect(const Command& parent, Session& session) {
  add_clone_change<protocol::CloneUnprotect>(parent, session, "unprotect",
                                  "let a clone be removed again");
}

}  // namespace zynclone::cli
