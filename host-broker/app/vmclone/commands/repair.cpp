#include "cli/commands/clone_change.hpp"
#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct RepairValues : cli::FamilyChange {
  std::string member;
  bool yes = false;
};

// The plan is the diagnosis, and some of it is done by force: it is seen before it is done.
Result<bool> is_wanted(cli::Session& session, const protocol::VmRepair& call, const RepairValues& values, const std::optional<VmName>& vm) {
  if (values.change.plan || session.json()) return true;
  TRY(const auto plan, session.plan(call, vm));
  session.screen().write(cli::plan_text(plan));
  if (plan.steps.empty() || values.yes || session.confirm("do this? [y/N] ")) return true;
  session.screen().write("nothing was done\n");
  return false;
}

Result<cli::ExitCode> repair(cli::Session& session, const RepairValues& values) {
  TRY(auto vm, values.parsed_vm());
  protocol::VmRepair call;
  if (!values.member.empty()) {
    TRY(call.to, cli::parse_value<CloneName>(values.member, "--to"));
  }
  TRY(const bool wanted, is_wanted(session, call, values, vm));
  if (!wanted) return cli::ExitCode::refused;
  return session.change(std::move(call), values.change, std::move(vm));
}

}  // namespace

void add_repair(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<RepairValues>();
  const cli::Command command = session.add(parent, "repair", "show what is wrong with a VM's family after a cutover that could not end, and lead out of it",
                                           [values, &session] { return repair(session, *values); });
  cli::add_vm_argument(command, session, values->vm);
  command.filled_option("--to", values->member, "who is to have production where nobody has: a clone's name, or the VM's (default: the original)");
  command.flag("--yes", values->yes, "do not ask at a terminal whether to do what the plan says");
  session.add_change_options(command, values->change);
}

}  // namespace zynclone::broker::vmclone
