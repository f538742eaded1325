#include "cli/command.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include <algorithm>
#include <map>

#include "cli/screen.hpp"
#include "cli/text.hpp"

namespace zynclone::cli {
namespace {

std::string must_be_filled(const std::string& text) {
  return text.find_first_not_of(" \t\r\n") != std::string::npos ? "" : "its value is empty";
}

}  // namespace

struct CommandLine::State {
  std::string program;
  CLI::App app;
  std::map<const CLI::App*, Run> runs;
  struct Words {
    std::string name;
    std::vector<std::string>* value;
  };
  std::map<std::string, Words> words_after_dashes;  // by the name of the command that takes them

  State(std::string name, const std::string& what) : program(std::move(name)), app(what, program) {}

  // CLI11 says that a subcommand is missing also where there is one that it does not know.
  std::string explain(const CLI::ParseError& error) const {
    const auto rest = app.remaining(true);
    const bool unknown = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && !rest.empty() && runs.count(chosen()) == 0;
    return unknown ? "no such command '" + rest.front() + "'" : error.what();
  }

  // "vmclone approval allow": as far as the arguments name a command.
  std::string chosen_words() const {
    std::string words = program;
    const CLI::App* command = &app;
    for (auto next = command->get_subcommands(); !next.empty(); next = command->get_subcommands()) {
      command = next.front();
      words += ' ' + command->get_name();
    }
    return words;
  }

  const CLI::App* chosen() const {
    const CLI::App* command = &app;
    for (auto next = command->get_subcommands(); !next.empty(); next = command->get_subcommands()) command = next.front();
    return command;
  }
};

Command Command::group(const std::string& name, const std::string& what) const {
  CLI::App* app = app_->add_subcommand(name, what);
  app->require_subcommand(1);
  return Command(app, line_);
}

Command Command::command(const std::string& name, const std::string& what, Run run) const {
  CLI::App* app = app_->add_subcommand(name, what);
  line_->state_->runs.emplace(app, std::move(run));
  return Command(app, line_);
}

const Command& Command::argument(const std::string& name, std::string& value, const std::string& what) const {
  app_->add_option(name, value, what)->required();
  return *this;
}

const Command& Command::optional_argument(const std::string& name, std::string& value, const std::string& what) const {
  app_->add_option(name, value, what);
  return *this;
}

const Command& Command::option(const std::string& names, std::string& value, const std::string& what) const {
  app_->add_option(names, value, what);
  return *this;
}

const Command& Command::filled_option(const std::string& names, std::string& value, const std::string& what) const {
  app_->add_option(names, value, what)->check(must_be_filled);
  return *this;
}

const Command& Command::required_option(const std::string& names, std::string& value, const std::string& what) const {
  app_->add_option(names, value, what)->required();
  return *this;
}

const Command& Command::number(const std::string& names, std::uint64_t& value, const std::string& what) const {
  // CLI11 reads "-1" into an unsigned number.
  const auto digits = [](const std::string& text) {
    return text.find_first_not_of("0123456789") == std::string::npos ? "" : "expected a whole number, not '" + text + "'";
  };
  app_->add_option(names, value, what)->check(digits);
  return *this;
}

const Command& Command::flag(const std::string& names, bool& value, const std::string& what) const {
  app_->add_flag(names, value, what);
  return *this;
}

const Command& Command::words_after_dashes(const std::string& name, std::vector<std::string>& value) const {
  line_->state_->words_after_dashes[app_->get_name()] = {name, &value};
  app_->footer(name + " stands after \"--\": " + app_->get_name() + " … -- " + name + "...");
  return *this;
}

CommandLine::CommandLine(std::string program, const std::string& what, const std::string& manual)
    : state_(std::make_unique<State>(std::move(program), what)) {
  CLI::App& app = state_->app;
  app.set_version_flag("--version", state_->program + " " ZYNCLONE_VERSION);
  app.footer("Exit status:\n" + exit_code_table() + "\nSee " + manual + ".");
  app.require_subcommand(1);
}

CommandLine::~CommandLine() = default;

Command CommandLine::root() {
  return Command(&state_->app, this);
}

int CommandLine::run(int argc, const char* const* argv, Screen& screen) {
  const std::string& program = state_->program;
  ExitCode code = ExitCode::done;
  // CLI11 would take "[a,b]" apart, and words that begin with '-' for options.
  const auto words = argc > 1 ? state_->words_after_dashes.find(argv[1]) : state_->words_after_dashes.end();
  if (words != state_->words_after_dashes.end()) {
    const char* const* dashes = std::find_if(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--"; });
    if (dashes != argv + argc) words->second.value->assign(dashes + 1, argv + argc);
    argc = static_cast<int>(dashes - argv);
  }
  try {
    state_->app.parse(argc, argv);
  } catch (const CLI::CallForVersion& version) {
    screen.write(std::string(version.what()) + '\n');
    return screen.all_written() ? 0 : static_cast<int>(ExitCode::failed);
  } catch (const CLI::CallForHelp&) {
    screen.write(state_->app.help());
    return screen.all_written() ? 0 : static_cast<int>(ExitCode::failed);
  } catch (const CLI::ParseError& error) {
    screen.write_error(program + ": cannot read the command line: " + printable(state_->explain(error)) + "; see " + state_->chosen_words() + " --help");
    return static_cast<int>(ExitCode::usage);
  }

  if (words != state_->words_after_dashes.end() && words->second.value->empty()) {
    screen.write_error(program + ": cannot read the command line: " + words->second.name + " is required after '--'; see " + state_->chosen_words() + " --help");
    return static_cast<int>(ExitCode::usage);
  }
  if (auto ended = state_->runs.at(state_->chosen())()) {
    code = ended.value();
  } else {
    screen.write_error(program + ": " + error_text(ended.error()));
    code = exit_code_of(ended.error().code);
  }
  if (!screen.all_written()) {
    screen.write_error(program + ": cannot write to standard output");
    if (code == ExitCode::done) code = ExitCode::failed;
  }
  return static_cast<int>(code);
}

}  // namespace zynclone::cli
