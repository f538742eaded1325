// vmclone: the administrator's command line on the control domain. Asks the broker; configuration, policy and the audit log's chain
// it reads by itself.

#include <cstdlib>

#include "cli/commands/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"

namespace {

using namespace zynclone;

void add_commands(const cli::Command& root, cli::Session& session, broker::vmclone::HostFiles& files) {
  namespace vmclone = broker::vmclone;
  cli::add_clone_create(root, session);
  cli::add_clone_start(root, session);
  cli::add_clone_stop(root, session);
  cli::add_clone_activate(root, session);
  cli::add_clone_deactivate(root, session);
  cli::add_clone_remove(root, session);
  cli::add_clone_rename(root, session);
  cli::add_clone_protect(root, session);
  cli::add_clone_unprotect(root, session);
  vmclone::add_list(root, session);
  vmclone::add_show(root, session);
  cli::add_cutover_commands(root, session);
  cli::add_volume_commands(root, session);
  cli::add_peripheral_commands(root, session);
  vmclone::add_run(root, session);
  vmclone::add_rehearse(root, session);
  vmclone::add_upgrade(root, session);
  cli::add_operation_commands(root, session);

  const cli::Command approval = root.group("approval", "operations that policy lets administrators decide about");
  vmclone::add_approval_list(approval, session);
  vmclone::add_approval_allow(approval, session);
  vmclone::add_approval_deny(approval, session);
  vmclone::add_grant(root, session);

  const cli::Command audit = root.group("audit", "what was asked, decided and done");
  vmclone::add_audit_list(audit, session);
  vmclone::add_audit_verify(audit, session, files);

  const cli::Command config = root.group("config", "what is configured");
  vmclone::add_config_show(config, session, files);
  vmclone::add_config_check(config, session, files);

  const cli::Command policy = root.group("policy", "what guests may do");
  vmclone::add_policy_check(policy, session, files);
  vmclone::add_policy_explain(policy, session, files);
  vmclone::add_repair(root, session);
  vmclone::add_health(root, session);
}

}  // namespace

int main(int argc, char** argv) {
  auto screen = cli::Screen::of_process();
  auto interrupt = cli::Interrupt::create();
  if (!interrupt) {
    screen.write_error("vmclone: " + cli::error_text(interrupt.error()));
    return static_cast<int>(cli::ExitCode::failed);
  }
  const char* socket = std::getenv("ZYNCLONE_BROKER_SOCKET");
  cli::Session session({.name = "vmclone",
                        .service = {"the broker", socket != nullptr ? socket : "/run/zynclone/broker.sock"},
                        .names_vm = cli::NamesVm::yes,
                        .wake = interrupt.value().descriptor()},
                       screen);
  broker::vmclone::HostFiles files;
  if (const char* settings = std::getenv("ZYNCLONE_BROKER_CONF")) files.broker_conf = settings;
  cli::CommandLine line("vmclone", "Clones of this host's virtual machines: makes, starts and removes them, and decides about requests.",
                        "vmclone(8)");
  add_commands(line.root(), session, files);
  return line.run(argc, argv, screen);
}
