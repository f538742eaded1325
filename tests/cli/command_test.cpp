#include "cli/command.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "cli/screen.hpp"

namespace zynclone::cli {
namespace {

struct Ran {
  int status = -1;
  std::string output;
  std::string errors;
};

// A program with two commands, run with these arguments.
Ran run(std::vector<const char*> arguments, const Result<ExitCode>& result = ExitCode::done) {
  Ran ran;
  char* data[2] = {};
  std::size_t size[2] = {};
  std::FILE* out = ::open_memstream(&data[0], &size[0]);
  std::FILE* errors = ::open_memstream(&data[1], &size[1]);
  {
    Screen screen(out, errors, Display::pipe);
    CommandLine line("prog", "what it is", "prog(1)");
    std::string name, option = "unset";
    std::uint64_t number = 7;
    bool flag = false;
    const Command group = line.root().group("group", "a group");
    group
        .command("act", "acts",
                 [&]() -> Result<ExitCode> {
                   screen.write(name + " " + option + " " + std::to_string(number) + (flag ? " flag" : "") + "\n");
                   return result;
                 })
        .argument("NAME", name, "a name")
        .option("-o,--option", option, "an option")
        .number("--number", number, "a number")
        .flag("--flag", flag, "a flag");
    line.root().command("other", "does nothing", [] { return Result<ExitCode>(ExitCode::done); });
    arguments.insert(arguments.begin(), "prog");
    ran.status = line.run(static_cast<int>(arguments.size()), arguments.data(), screen);
  }
  std::fclose(out);
  std::fclose(errors);
  ran.output.assign(data[0], size[0]);
  ran.errors.assign(data[1], size[1]);
  std::free(data[0]);
  std::free(data[1]);
  return ran;
}

TEST(Command, RunsWhatIsNamedWithItsValues) {
  const Ran ran = run({"group", "act", "x", "--number", "3", "--flag", "-o", "y"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output, "x y 3 flag\n");
  EXPECT_EQ(ran.errors, "");
}

TEST(Command, AnErrorIsShownAndGivesTheExitStatus) {
  const Ran ran = run({"group", "act", "x"}, Error{Errc::not_found, "cannot find 'x'", "/params/name"});
  EXPECT_EQ(ran.status, 6);
  EXPECT_EQ(ran.errors, "prog: cannot find 'x' (not-found at /params/name)\n");
}

TEST(Command, HelpAndVersionAreNoErrors) {
  Ran ran = run({"--help"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_NE(ran.output.find(exit_code_table()), std::string::npos);
  EXPECT_EQ(ran.errors, "");
  ran = run({"--version"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output, "prog " ZYNCLONE_VERSION "\n");
  EXPECT_EQ(run({"group", "act", "--help"}).status, 0);
}

TEST(Command, WrongUsageIsTwoAndSaysWhat) {
  for (const std::vector<const char*>& arguments :
       {std::vector<const char*>{}, {"group"}, {"nonsense"}, {"group", "nonsense"}, {"group", "act"}, {"group", "act", "x", "y"},
        {"group", "act", "x", "--nonsense"}, {"group", "act", "x", "--number", "many"}, {"group", "act", "x", "--number", "-1"},
        {"group", "act", "x", "--option"}, {"other", "--flag"}}) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.status, 2) << ran.output;
    EXPECT_TRUE(ran.errors.starts_with("prog: cannot ")) << ran.errors;
    EXPECT_EQ(ran.output, "");
  }
  EXPECT_TRUE(run({"group", "act"}).errors.ends_with("; see prog group act --help\n"));
  EXPECT_TRUE(run({"group", "nonsense"}).errors.ends_with("; see prog group --help\n"));
  EXPECT_NE(run({"group", "nonsense"}).errors.find("'nonsense'"), std::string::npos);
  EXPECT_NE(run({"group", "act"}).errors.find("NAME"), std::string::npos);
}

TEST(Command, ArgumentsAreShownPrintable) {
  const Ran ran = run({"group", "act", "x", "\x1b[2J"});
  EXPECT_EQ(ran.status, 2);
  EXPECT_EQ(ran.errors.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace zynclone::cli
