#include <memory>

#include "cli/commands/parse.hpp"
#include "cli/text.hpp"
#include "guest-agent-linux/cli/commands.hpp"

namespace zynclone::guest {
namespace {

Result<cli::ExitCode> show(cli::Session& session, const std::string& text) {
  TRY(auto name, cli::parse_value<CloneName>(text, "CLONE"));
  TRY(const auto clone, session.call(protocol::CloneShow{std::move(name)}));
  session.show(clone, cli::clone_text(clone));
  return cli::ExitCode::done;
}

}  // namespace

void add_clone_show(const cli::Command& parent, cli::Session& session) {
  auto name = std::make_shared<std::string>();
  session.add(parent, "show", "show one clone: its state, interfaces and disks", [name, &session] { return show(session, *name); })
      .argument("CLONE", *name, "the clone's name");
}

}  // namespace zynclone::guest
