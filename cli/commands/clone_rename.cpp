#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"

namespace zynclone::cli {
namespace {

struct RenameValues : CloneChange {
  std::string new_name;
};

Result<ExitCode> rename(Session& session, const RenameValues& values) {
  TRY(auto vm, values.parsed_vm());
  TRY(auto name, values.parsed_name());
  TRY(auto new_name, parse_value<CloneName>(values.new_name, "NEW-NAME"));
  return session.change(protocol::CloneRename{.name = std::move(name), .new_name = std::move(new_name)}, values.change, std::move(vm));
}

}  // namespace

void add_clone_rename(const Command& parent, Session& session) {
  auto values = std::make_shared<RenameValues>();
  const Command command =
      session.add(parent, "rename", "give a stopped clone another name", [values, &session] { return rename(session, *values); });
  add_clone_change_arguments(command, session, *values);
  command.argument("NEW-NAME", values->new_name, "its name from now on");
}

}  // namespace zynclone::cli
