#include "cli/pages.hpp"
#include "cli/text.hpp"
#include "guest-agent-linux/cli/commands.hpp"

namespace zynclone::guest {
namespace {

Result<cli::ExitCode> list(cli::Session& session) {
  TRY(const auto listing, cli::all_clones(session.caller()));
  session.show(listing, cli::clones_text(listing.clones));
  return cli::ExitCode::done;
}

}  // namespace

void add_clone_list(const cli::Command& parent, cli::Session& session) {
  session.add(parent, "list", "list the clones of this VM's family", [&session] { return list(session); });
}

}  // namespace zynclone::guest
