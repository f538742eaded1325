// rehearse VM -- COMMAND...: tries a command in a private clone, says how it went, and removes the clone.
#include <memory>

#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/commands/run_options.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "host-broker/app/vmclone/rehearsal.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct RehearseValues : TrialOptions {
  std::string mode = "online";
  std::string network = "isolated";
  bool keep = false;
};

void show_json(Undertaking& undertaking, const Rehearsal& rehearsal, const Result<void>& tried) {
  JsonObject object;
  object.text("vm", undertaking.vm().text()).text("clone", rehearsal.clone.text()).text("command", protocol::command_text(rehearsal.command, protocol::k_longest_text));
  object.boolean("succeeded", tried.has_value());
  if (!tried) object.json("error", json_of(tried.error()));
  object.list("stages", undertaking.json_stages());
  undertaking.session().write_json(object.str());
}

std::string text_of(Undertaking& undertaking, const Rehearsal& rehearsal, const Result<void>& tried) {
  const std::string vm = undertaking.vm().text();
  std::string text = "rehearsal of '" + protocol::command_text(rehearsal.command) + "' for " + vm + (tried ? ": it succeeds, and its clone is well afterwards\n" : ": it fails\n");
  text += undertaking.report();
  if (!rehearsal.keep) return text;
  return text + "clone " + rehearsal.clone.text() + " is kept for " + format_duration(time_to_live(rehearsal)) + " from its making; for longer: vmclone protect " + vm + ' ' +
         rehearsal.clone.text() + '\n';
}

Result<cli::ExitCode> rehearse(cli::Session& session, const RehearseValues& values) {
  TRY(auto vm, values.parsed_vm());
  TRY(values.check_command());
  Rehearsal rehearsal{.clone = rehearsal_name(), .command = values.command, .keep = values.keep};
  TRY(rehearsal.mode, cli::parse_word<protocol::CloneMode>(values.mode, "mode", "--mode"));
  if (rehearsal.mode == protocol::CloneMode::offline) {
    return fail(Errc::invalid_argument, "cannot rehearse in mode 'offline': the VM that works is copied; online and live are allowed", "--mode");
  }
  TRY(rehearsal.network, cli::parse_word<protocol::CloneNetwork>(values.network, "network", "--network"));
  if (!values.name.empty()) {
    TRY(rehearsal.clone, cli::parse_value<CloneName>(values.name, "--name"));
  }
  TRY(rehearsal.limit, values.parsed_limit());
  TRY(rehearsal.health_limit, values.parsed_health_limit());
  Undertaking undertaking(session, std::move(vm));
  undertaking.say("the till goes on; the command is tried in " + rehearsal.clone.text() + ", a private clone of " + undertaking.vm().text());
  const auto tried = rehearse(undertaking, rehearsal);
  if (session.interrupted()) {
    session.screen().write_error("vmclone: interrupted; clone " + rehearsal.clone.text() + " is removed by itself " + format_duration(time_to_live(rehearsal)) +
                                 " after its making, or by: vmclone stop, vmclone remove");
    return cli::ExitCode::interrupted;
  }
  if (session.json()) show_json(undertaking, rehearsal, tried);
  else session.screen().write(text_of(undertaking, rehearsal, tried));
  if (tried) return cli::ExitCode::done;
  session.screen().write_error("vmclone: the rehearsal failed: " + cli::error_text(tried.error()));
  return cli::ExitCode::failed;
}

}  // namespace

void add_rehearse(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<RehearseValues>();
  values->limit = "10m";
  const cli::Command command = session.add_long(parent, "rehearse", "try a command in a private clone of a VM, which is removed afterwards",
                                                [values, &session] { return rehearse(session, *values); });
  add_trial_options(command, *values);
  command.filled_option("--name", values->name, "the clone's name (default: rehearsal-… , a new one each time)")
      .filled_option("--network", values->network, "the clone's: isolated, or original: as configured (default: isolated)")
      .option("--mode", values->mode, "online, or live: with the VM's memory, for which it is paused for a moment (default: online)")
      .flag("--keep", values->keep, "keep the clone for a look");
}

}  // namespace zynclone::broker::vmclone
