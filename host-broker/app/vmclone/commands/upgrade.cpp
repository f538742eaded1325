// upgrade VM -- COMMAND...: runs a command in a VM while a clone of it works in its place (upgrade.hpp).
#include <memory>

#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/commands/run_options.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "host-broker/app/vmclone/upgrade.hpp"
#include "host-broker/configuration/json_text.hpp"

namespace zynclone::broker::vmclone {
namespace {

struct UpgradeValues : TrialOptions {
  bool no_rehearsal = false;
  bool plan = false;
};

std::vector<std::string> json_of_lines(const std::vector<std::string>& lines) {
  std::vector<std::string> items;
  for (const std::string& line : lines) items.push_back(configuration::json_quoted(line));
  return items;
}

JsonObject json_head(const Undertaking& undertaking, const UpgradeOrder& order) {
  JsonObject object;
  object.text("vm", undertaking.vm().text()).text("standby", order.standby.text()).text("command", protocol::command_text(order.command, protocol::k_longest_text));
  return object;
}

cli::ExitCode show_plan(Undertaking& undertaking, const UpgradeOrder& order) {
  const auto lines = upgrade_plan(undertaking.vm(), order);
  cli::Session& session = undertaking.session();
  if (session.json()) {
    session.write_json(json_head(undertaking, order).list("plan", json_of_lines(lines)).str());
    return cli::ExitCode::done;
  }
  std::string text = "plan of the upgrade of " + undertaking.vm().text() + '\n';
  for (std::size_t i = 0; i < lines.size(); ++i) text += "  " + std::to_string(i + 1) + ". " + lines[i] + '\n';
  session.screen().write(text + "nothing was done\n");
  return cli::ExitCode::done;
}

cli::ExitCode show_end(Undertaking& undertaking, const UpgradeOrder& order, const UpgradeEnd& end) {
  cli::Session& session = undertaking.session();
  if (session.json()) {
    JsonObject object = json_head(undertaking, order);
    object.boolean("succeeded", !end.error).text("production", end.production).list("next", json_of_lines(end.lines));
    if (end.error) object.json("error", json_of(*end.error));
    session.write_json(object.list("stages", undertaking.json_stages()).str());
  } else {
    std::string text = "upgrade of " + undertaking.vm().text() + (end.error ? ": it failed\n" : ": done\n") + undertaking.report();
    for (const std::string& line : end.lines) text += printable(line) + '\n';
    session.screen().write(text);
  }
  if (!end.error) return cli::ExitCode::done;
  session.screen().write_error("vmclone: the upgrade of " + undertaking.vm().text() + " failed: " + cli::error_text(*end.error));
  return session.interrupted() ? cli::ExitCode::interrupted : cli::ExitCode::failed;
}

Result<cli::ExitCode> upgrade(cli::Session& session, const UpgradeValues& values) {
  TRY(auto vm, values.parsed_vm());
  TRY(values.check_command());
  UpgradeOrder order{.command = values.command, .rehearse = !values.no_rehearsal};
  TRY(order.standby, cli::parse_value<CloneName>(values.name, "--name"));
  TRY(order.limit, values.parsed_limit());
  TRY(order.health_limit, values.parsed_health_limit());
  Undertaking undertaking(session, std::move(vm));
  TRY(check_upgrade(undertaking));
  if (values.plan) return show_plan(undertaking, order);
  const UpgradeEnd end = upgrade(undertaking, order);
  return show_end(undertaking, order, end);
}

}  // namespace

void add_upgrade(const cli::Command& parent, cli::Session& session) {
  auto values = std::make_shared<UpgradeValues>();
  values->limit = "30m";
  values->name = "standby";
  const cli::Command command = session.add_long(parent, "upgrade", "run a command in a VM while a clone of it works in its place; rehearsed before, taken back where it fails",
                                                [values, &session] { return upgrade(session, *values); });
  add_trial_options(command, *values);
  command.filled_option("--name", values->name, "name of the clone that works meanwhile (default: " + values->name + ")")
      .flag("--no-rehearsal", values->no_rehearsal, "do not try it in a private clone before")
      .flag("--plan", values->plan, "show what would be done, and do nothing");
}

}  // namespace zynclone::broker::vmclone
