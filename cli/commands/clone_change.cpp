#include "cli/commands/clone_change.hpp"

#include "cli/commands/parse.hpp"

namespace zynclone::cli {

Result<std::optional<VmName>> FamilyChange::parsed_vm() const {
  return parse_optional_vm(vm);
}

Result<CloneName> CloneChange::parsed_name() const {
  return parse_value<CloneName>(name, "CLONE");
}

void add_vm_argument(const Command& command, const Session& session, std::string& vm) {
  if (session.program().names_vm == NamesVm::yes) command.argument("VM", vm, "the original VM");
}

void add_optional_vm_argument(const Command& command, const Session& session, std::string& vm) {
  if (session.program().names_vm == NamesVm::yes) command.optional_argument("VM", vm, "only this VM's");
}

void add_clone_change_arguments(const Command& command, Session& session, CloneChange& values) {
  add_vm_argument(command, session, values.vm);
  command.argument("CLONE", values.name, "the clone's name");
  session.add_change_options(command, values.change);
}

}  // namespace zynclone::cli
