#include "cli/commands/commands.hpp"

namespace zynclone::cli {

void add_operation_commands(const Command& root, Session& session) {
  const Command operation = root.group("operation", "requested pieces of work: show, list, cancel, watch");
  add_operation_show(operation, session);
  add_operation_list(operation, session);
  add_operation_cancel(operation, session);
  add_operation_watch(operation, session);
}

}  // namespace zynclone::cli
