#include "cli/pages.hpp"
#include "cli/text.hpp"
#include "guest-agent-linux/cli/commands.hpp"

namespace zynclone::guest {
namespace {

Result<cli::ExitCode> show(cli::Session& session) {
  TRY(const auto family, cli::whole_family(session.caller()));
  session.show(family, cli::family_text(family));
  return cli::ExitCode::done;
}

}  // namespace

void add_family_show(const cli::Command& parent, cli::Session& session) {
  session.add(parent, "show", "show this VM's family: the original, its clones, and which of them this is",
              [&session] { return show(session); });
}

}  // namespace zynclone::guest
