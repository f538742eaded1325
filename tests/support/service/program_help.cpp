#include "tests/support/service/program_help.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <sstream>

#include "tests/support/service/program_run.hpp"

namespace zynclone::tests {
namespace {

CommandHelp help_of(const std::string& program, std::vector<std::string> command) {
  CommandHelp help{.command = command};
  command.push_back("--help");
  ProgramRun run(program, command);
  EXPECT_EQ(run.finish(), 0) << program << ": " << run.errors();
  const std::regex option("  (-h,)?(--[a-z-]+).*");  // at the beginning of its line: texts of others name options too
  std::istringstream lines(run.output());
  bool among_commands = false;
  std::smatch match;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, match, option)) help.options.insert(match[2]);
    if (line == "Subcommands:") among_commands = true;
    else if (line.empty()) among_commands = false;
    else if (among_commands) help.commands.insert(line.substr(2, line.find(' ', 2) - 2));
  }
  return help;
}

void visit_from(const std::string& program, const std::vector<std::string>& command, const std::function<void(const CommandHelp&)>& visit) {
  const CommandHelp help = help_of(program, command);
  visit(help);
  for (const std::string& below : help.commands) {
    auto longer = command;
    longer.push_back(below);
    visit_from(program, longer, visit);
  }
}

}  // namespace

void for_each_command(const std::string& program, const std::function<void(const CommandHelp&)>& visit) { visit_from(program, {}, visit); }

}  // namespace zynclone::tests
