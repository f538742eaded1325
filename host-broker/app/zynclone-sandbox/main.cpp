// zynclone-sandbox: a pretended Xen host to try ZynClone on: XenStore, domains, the host's programs and real agents.

#include <CLI/CLI.hpp>

#include "host-broker/app/zynclone-sandbox/arguments.hpp"
#include "host-broker/app/zynclone-sandbox/read_command_line.hpp"

int main(int count, char** values) {
  using namespace zynclone::sandbox;

  CLI::App app("A pretended Xen host to try ZynClone on, without Xen.", "zynclone-sandbox");
  app.set_version_flag("--version", "zynclone-sandbox " ZYNCLONE_VERSION);
  app.require_subcommand(1);
  Arguments arguments;
  add_commands(app, arguments);
  const auto status = read_command_line(app, count, values);
  return status ? *status : arguments.run();
}
