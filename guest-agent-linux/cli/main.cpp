// zynclone: the guest's command line. Asks the agent of this VM, which asks the host's broker.

#include <cstdlib>

#include "cli/commands/commands.hpp"
#include "cli/interrupt.hpp"
#include "cli/text.hpp"
#include "guest-agent-linux/cli/commands.hpp"

int main(int argc, char** argv) {
  using namespace zynclone;

  auto screen = cli::Screen::of_process();
  auto interrupt = cli::Interrupt::create();
  if (!interrupt) {
    screen.write_error("zynclone: " + cli::error_text(interrupt.error()));
    return static_cast<int>(cli::ExitCode::failed);
  }
  const char* socket = std::getenv("ZYNCLONE_SOCKET");
  cli::Session session({.name = "zynclone",
                        .service = {"the agent", socket != nullptr ? socket : "/run/zynclone/agent.sock"},
                        .names_vm = cli::NamesVm::no,
                        .wake = interrupt.value().descriptor()},
                       screen);
  cli::CommandLine line("zynclone", "Clones of the virtual machine that this runs in: asks the host to make, start and remove them, and moves its work to them.",
                        "zynclone(1)");

  const cli::Command family = line.root().group("family", "this VM, its original and its clones");
  guest::add_family_show(family, session);

  const cli::Command clone = line.root().group("clone", "make and change clones");
  cli::add_clone_create(clone, session);
  cli::add_clone_start(clone, session);
  cli::add_clone_stop(clone, session);
  cli::add_clone_activate(clone, session);
  cli::add_clone_deactivate(clone, session);
  cli::add_clone_remove(clone, session);
  cli::add_clone_rename(clone, session);
  cli::add_clone_protect(clone, session);
  cli::add_clone_unprotect(clone, session);
  guest::add_clone_show(clone, session);
  guest::add_clone_list(clone, session);

  cli::add_cutover_commands(line.root(), session);
  cli::add_volume_commands(line.root(), session);
  cli::add_peripheral_commands(line.root(), session);
  cli::add_operation_commands(line.root(), session);
  return line.run(argc, argv, screen);
}
