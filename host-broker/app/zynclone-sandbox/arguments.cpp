#include "host-broker/app/zynclone-sandbox/arguments.hpp"

#include <CLI/CLI.hpp>

namespace zynclone::sandbox {
namespace {

CLI::App* add(CLI::App& app, Arguments& arguments, const std::string& name, const std::string& what, std::function<int()> run) {
  CLI::App* command = app.add_subcommand(name, what);
  command->add_option("--dir", arguments.folder, "the sandbox's folder")->capture_default_str();
  command->callback([&arguments, run = std::move(run)] { arguments.run = run; });
  return command;
}

void add_domain_commands(CLI::App& app, Arguments& a) {
  CLI::App& group = *app.add_subcommand("domain", "domains, as xl has them")->require_subcommand(1);
  add(group, a, "list", "all domains", [&a] { return domain_list(a.folder); });
  auto* create = add(group, a, "create", "starts an original", [&a] { return domain_create(a.folder, a.name, a.paused); });
  create->add_option("VM", a.name, "an original's name, or the path of its file")->required();
  create->add_flag("--paused", a.paused, "none of its programs runs before it is unpaused");
  using Verb = std::pair<const char*, const char*>;
  for (const auto& [verb, what] : {Verb("pause", "pauses one"), Verb("unpause", "lets a paused one go on"), Verb("shutdown", "shuts one down"),
                                   Verb("destroy", "destroys one")})
    add(group, a, verb, what, [&a, verb = verb] { return domain_command(a.folder, verb, a.name); })
        ->add_option("DOMAIN", a.name, "number or name")->required();
}

void add_disk_commands(CLI::App& app, Arguments& a) {
  auto* attaching = add(app, a, "attach", "gives a running domain a disk, as xl block-attach", [&a] { return attach(a.folder, a.name, a.disk); });
  attaching->add_option("DOMAIN", a.name, "number or name")->required();
  attaching->add_option("DISK", a.disk, "device,format,path[,ro], as in an original's file")->required();
  auto* detaching = add(app, a, "detach", "takes one away, as xl block-detach", [&a] { return detach(a.folder, a.name, a.disk, a.by_force); });
  detaching->add_option("DOMAIN", a.name, "number or name")->required();
  detaching->add_option("DEVICE", a.disk, "as the domain names it: xvdb")->required();
  detaching->add_flag("--force", a.by_force, "also from a guest that uses it: the processes that have it open are killed");
}

void add_service_commands(CLI::App& app, Arguments& a) {
  CLI::App& group = *app.add_subcommand("service", "programs of the control domain, as systemctl has them")->require_subcommand(1);
  add(group, a, "list", "all services", [&a] { return service_list(a.folder); });
  add(group, a, "stop", "ends one", [&a] { return service_stop(a.folder, a.name); })->add_option("NAME", a.name)->required();
  auto* start = add(group, a, "start", "starts one", [&a] { return service_start(a.folder, a.name, a.environment, a.command); });
  start->add_option("--set", a.environment, "NAME=value in its environment, for this start; may be given several times")->take_all()->allow_extra_args(false);
  start->add_option("NAME", a.name, "what it is called")->required();
  start->add_option("PROGRAM", a.command, "-- program and arguments; without, those of its last start")->take_all();
}

void add_execute_commands(CLI::App& app, Arguments& a) {
  auto* guest = add(app, a, "exec", "runs a command as a local user of a guest", [&a] { return execute_in_guest(a.folder, a.name, a.command); });
  guest->add_option("DOMAIN", a.name, "number or name")->required();
  guest->add_option("COMMAND", a.command, "-- program and arguments")->required()->take_all();
  add(app, a, "host", "runs a command on the control domain", [&a] { return execute_on_host(a.folder, a.command); })
      ->add_option("COMMAND", a.command, "-- program and arguments")->required()->take_all();
}

}  // namespace

void add_commands(CLI::App& app, Arguments& a) {
  auto* up_command = add(app, a, "up", "brings up a host with broker, monitors and VMs, in the background", [&a] { return up(a.folder, a.up); });
  up_command->add_option("--vm", a.up.vms, "a VM to have; may be given several times (without: those that are there, or pos1)")->take_all()->allow_extra_args(false);
  up_command->add_option("--disk-size", a.up.disk_size, "of a new VM's disk, which takes room only as it is written to")->capture_default_str();
  add(app, a, "down", "ends it; nothing is left running", [&a] { return down(a.folder); });
  add(app, a, "serve", "the bare host in the foreground: XenStore, domains, control socket", [&a] { return serve(a.folder); });
  add_domain_commands(app, a);
  add_disk_commands(app, a);
  add_service_commands(app, a);
  add_execute_commands(app, a);
}

}  // namespace zynclone::sandbox
