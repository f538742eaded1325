#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"

namespace zynclone::cli {
namespace {

struct StartValues : FamilyChange {
  std::string member;
  std::string probation;
  std::string after;
};

Result<ExitCode> start(Session& session, const StartValues& values) {
  TRY(auto vm, values.parsed_vm());
  protocol::CutoverStart call;
  TRY(call.name, parse_value<CloneName>(values.member, "MEMBER"));
  if (!values.probation.empty()) {
    TRY(call.probation_s, parse_seconds(values.probation, "--probation"));
  }
  if (!values.after.empty()) {
    TRY(call.after_probation, parse_word<protocol::AfterProbation>(values.after, "end of a probation", "--after"));
  }
  return session.change(std::move(call), values.change, std::move(vm));
}

}  // namespace

void add_cutover_start(const Command& parent, Session& session) {
  auto values = std::make_shared<StartValues>();
  const Command command = session.add(parent, "start", "move production to a member of the family, on probation",
                                      [values, &session] { return start(session, *values); });
  add_vm_argument(command, session, values->vm);
  command.argument("MEMBER", values->member, "a clone's name, or the VM's for the original")
      .filled_option("--probation", values->probation, "how long it can be undone: 10s, 30m, 2h (default: as configured)")
      .filled_option("--after", values->after, "undo, commit: what becomes of it when the probation ends (default: as configured)");
  session.add_change_options(command, values->change);
}

}  // namespace zynclone::cli
