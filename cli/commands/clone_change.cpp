#include "cli/commands/clone_change.hpp"

#include "cli/commands/parse.hpp"

namespace zynclone::cli {

Result<std::optional<VmName>> CloneChange::parsed_vm() const {
  if (vm.empty()) return std::optional<VmName>();
  TRY(auto parsed, parse_value<VmName>(vm, "VM"));
  return std::optional<VmName>(std::move(parsed));
}

Result<CloneName> CloneChange::parsed_name() const {
  return parse_value<CloneName>(name, "CLONE");
}

void add_clone_change_arguments(const Command& command, Session& session, CloneChange& values) {
  if (session.program().names_vm == NamesVm::yes) command.argument("VM", values.vm, "the original VM");
  command.argument("CLONE", values.name, "the clone's name");
  session.add_change_options(command, values.change);
}

}  // namespace zynclone::cli
