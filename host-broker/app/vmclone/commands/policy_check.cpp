#include <memory>

#include "cli/text.hpp"
#include "host-broker/app/vmclone/commands/commands.hpp"
#include "host-broker/app/vmclone/json_lines.hpp"
#include "host-broker/policy/policy_folder.hpp"

namespace zynclone::broker::vmclone {
namespace {

Result<cli::ExitCode> check(cli::Session& session, const HostFiles& files) {
  TRY(const auto settings, files.settings());
  const std::string& folder = settings.policy_dir;
  const auto rules = policy::read_policy_folder(folder);
  const bool right = rules.errors().empty();
  if (session.json()) {
    session.write_json(JsonObject()
                           .text("folder", folder)
                           .number("rules", rules.rules().size())
                           .list("errors", json_of(rules.errors()))
                           .list("warnings", json_of(rules.warnings()))
                           .str());
    return right ? cli::ExitCode::done : cli::ExitCode::failed;
  }
  for (const Error& error : rules.errors()) session.screen().write_error("vmclone: " + cli::error_text(error));
  for (const Error& warning : rules.warnings()) session.screen().write_error("vmclone: warning: " + cli::error_text(warning));
  if (right) {
    session.screen().write("policy in " + printable(folder) + ": " + std::to_string(rules.rules().size()) + " rules, no mistakes\n");
    return cli::ExitCode::done;
  }
  session.screen().write("policy in " + printable(folder) + " has mistakes: until they are corrected everything is denied\n");
  return cli::ExitCode::failed;
}

}  // namespace

void add_policy_check(const cli::Command& parent, cli::Session& session, HostFiles& files) {
  add_local(parent, session, files, "check", "read the policy and name file and line of every mistake",
            [&] { return check(session, files); });
}

}  // namespace zynclone::broker::vmclone
