#include "cli/commands/clone_change.hpp"
#include "cli/commands/parse.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct Values : cli::FamilyChange {
  std::string member;
};

Result<cli::ExitCode> repair(cli::Session& session, const Values& values) {
  TRY(auto vm, values.parsed_vm());
  protocol::VmRepair call;
  if (!values.member.empty()) {
    TRY(call.to, cli::parse_value<CloneName>(values.member, "--to"));
  }
  return session.change(std::move(call), values.change, std::move(vm));
}

}  // namespace

void add_repair(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<Values>();
  const cli::Command command = session.add(parent, "repair", "lead a VM's family out of what a cutover could not end; --plan says what is wrong",
                                           [values, &session] { return repair(session, *values); });
  cli::add_vm_argument(command, session, values->vm);
  command.filled_option("--to", values->member, "who is to have production where nobody has: a clone's name, or the VM's (default: the original)");
  session.add_change_options(command, values->change);
}

}  // namespace zynclone::broker::vmclone
