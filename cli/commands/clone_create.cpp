#include "cli/commands/clone_change.hpp"
#include "cli/commands/commands.hpp"
#include "cli/commands/parse.hpp"

namespace zynclone::cli {
namespace {

struct CreateValues : CloneChange {
  std::string mode = "online";
  std::string note;
  std::string ttl;
  std::string network;
  bool no_start = false;
};

Result<ExitCode> create(Session& session, const CreateValues& values) {
  TRY(auto vm, values.parsed_vm());
  protocol::CloneCreate call{.start = !values.no_start, .note = values.note};
  TRY(call.name, parse_value<CloneName>(values.name, "--name"));
  TRY(call.mode, parse_word<protocol::CloneMode>(values.mode, "mode", "--mode"));
  TRY(call.network, parse_optional_network(values.network));
  if (!values.ttl.empty()) {
    TRY(call.ttl_s, parse_seconds(values.ttl, "--ttl"));
  }
  return session.change(std::move(call), values.change, std::move(vm));
}

}  // namespace

void add_clone_create(const Command& parent, Session& session) {
  auto values = std::make_shared<CreateValues>();
  const Command command = session.add(parent, "create", "make a clone and start it, locked down before its first packet",
                                      [values, &session] { return create(session, *values); });
  add_vm_argument(command, session, values->vm);
  command.required_option("--name", values->name, "the clone's name, unique among the VM's clones")
      .option("--mode", values->mode, "online: the VM runs on; live: its memory too, it is paused for a moment; offline: for administrators, of a VM that is shut down (default: online)")
      .flag("--no-start", values->no_start, "make it, but do not start it")
      .option("--note", values->note, "a text kept with the clone")
      .filled_option("--network", values->network, "original: the original's bridges; isolated: one for this VM's clones alone (default: as configured)")
      .filled_option("--ttl", values->ttl, "remove it after this time: 12h, 2d (default: it stays)");
  session.add_change_options(command, values->change);
}

}  // namespace zynclone::cli
