// run VM -- COMMAND...: one command in a VM or a clone, through its agent.
#include <memory>

#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/commands/run_options.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct RunValues : RunOptions {
  std::string clone;
  cli::ChangeOptions change;
};

Result<cli::ExitCode> run_in_guest(cli::Session& session, const RunValues& values) {
  TRY(auto vm, values.parsed_vm());
  TRY(values.check_command());
  protocol::AgentRun call{.command = values.command};
  TRY(const auto limit, values.parsed_limit());
  call.limit_s = static_cast<std::uint64_t>(limit.count());
  if (!values.clone.empty()) {
    TRY(call.clone, cli::parse_value<CloneName>(values.clone, "--clone"));
  }
  cli::ChangeOptions change = values.change;
  change.wait = !change.plan;
  return session.change(std::move(call), change, std::optional<VmName>(std::move(vm)));
}

}  // namespace

void add_run(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<RunValues>();
  values->limit = "10m";
  const cli::Command command = session.add(parent, "run", "run a command in a VM through its agent, wait for its end and show it",
                                           [values, &session] { return run_in_guest(session, *values); });
  add_run_options(command, *values);
  command.filled_option("--clone", values->clone, "in this clone of the VM")
      .flag("--plan", values->change.plan, "show what would be done, and do nothing")
      .filled_option("--request-id", values->change.request_id, "name of this request: repeated with the same one, it is done once");
}

}  // namespace zynclone::broker::vmclone
