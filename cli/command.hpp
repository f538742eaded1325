#pragma once
// The command line as a tree of commands. A thin face of CLI11, so that its header (slow to compile) is read in one file only.
// Values are read into the variables given, which must outlive the run; commands keep theirs in what `run` owns.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cli/exit_code.hpp"

namespace CLI {
class App;
}

namespace zynclone::cli {

class Screen;

// Does the command's work. Its error is shown and becomes the exit code.
using Run = std::function<Result<ExitCode>()>;

class CommandLine;

// A handle to one command of a CommandLine; copies mean the same one.
class Command {
 public:
  Command group(const std::string& name, const std::string& what) const;
  Command command(const std::string& name, const std::string& what, Run run) const;

  // Each gives the command again, for a chain. `names` as in "-n,--name".
  const Command& argument(const std::string& name, std::string& value, const std::string& what) const;
  const Command& optional_argument(const std::string& name, std::string& value, const std::string& what) const;
  const Command& option(const std::string& names, std::string& value, const std::string& what) const;
  // An empty or blank value is refused.
  const Command& filled_option(const std::string& names, std::string& value, const std::string& what) const;
  const Command& required_option(const std::string& names, std::string& value, const std::string& what) const;
  const Command& number(const std::string& names, std::uint64_t& value, const std::string& what) const;
  const Command& flag(const std::string& names, bool& value, const std::string& what) const;
  // All words after "--", as they are: a program and its arguments, at least one. For a command right below the program only, and one such a command.
  const Command& words_after_dashes(const std::string& name, std::vector<std::string>& value) const;

 private:
  friend class CommandLine;
  Command(CLI::App* app, CommandLine* line) : app_(app), line_(line) {}
  CLI::App* app_;
  CommandLine* line_;
};

class CommandLine {
 public:
  // `manual`: the page that --help refers to, such as "zynclone(1)".
  CommandLine(std::string program, const std::string& what, const std::string& manual);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  Command root();

  // Reads the arguments, runs the command that they name and gives the program's exit status. Shows help, version and errors on `screen`.
  int run(int argc, const char* const* argv, Screen& screen);

 private:
  friend class Command;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace zynclone::cli
