#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_cutover_commands(const Command& root, Session& session) {
  const Command cutover = root.group("cutover", "who has production: start, commit, undo, show");
  add_cutover_start(cutover, session);
  add_cutover_commit(cutover, session);
  add_cutover_undo(cutover, session);
  add_cutover_show(cutover, session);
}

}  // namespace zynclone::cli
