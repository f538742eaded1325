#include "host-broker/app/zynclone-sandbox/read_command_line.hpp"

#include <CLI/CLI.hpp>

#include "cli/exit_code.hpp"
#include "protocol/names.hpp"

namespace zynclone::sandbox {
namespace {

// "zynclone-sandbox domain": what was understood, whose own help says more.
std::string understood(const CLI::App& app) {
  std::string text = app.get_name();
  for (auto next = app.get_subcommands(); !next.empty(); next = next.front()->get_subcommands()) text += ' ' + next.front()->get_name();
  return text;
}

int tell(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() == 0) return app.exit(error);  // help or version
  // CLI11 says that a subcommand is missing also where there is one that it does not know.
  const auto rest = app.remaining(true);
  const bool unknown = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !rest.empty() && !rest.front().starts_with('-');
  const std::string why = unknown ? "no such command '" + rest.front() + "'" : error.what();
  std::fprintf(stderr, "zynclone-sandbox: cannot read the command line: %s; see %s --help\n", printable(why).c_str(), understood(app).c_str());
  return static_cast<int>(cli::ExitCode::usage);
}

}  // namespace

std::optional<int> read_command_line(CLI::App& app, int count, char** values) {
  try {
    app.parse(count, values);
  } catch (const CLI::ParseError& error) {
    return tell(app, error);
  }
  return std::nullopt;
}

}  // namespace zynclone::sandbox
