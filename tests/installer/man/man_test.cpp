// The manual pages against the programs they describe.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/service/program_run.hpp"

namespace zynclone::tests {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

std::string help_of(const std::string& program, std::vector<std::string> command) {
  command.push_back("--help");
  ProgramRun run(program, command);
  EXPECT_EQ(run.finish(), 0);
  return run.output();
}

// Commands below one, from the list in its help.
std::vector<std::string> commands_in(const std::string& help) {
  std::vector<std::string> commands;
  std::istringstream lines(help);
  bool within = false;
  for (std::string line; std::getline(lines, line);) {
    if (line == "Subcommands:") within = true;
    else if (line.empty()) within = false;
    else if (within) commands.push_back(line.substr(2, line.find(' ', 2) - 2));
  }
  return commands;
}

void expect_documented(const std::string& program, const std::vector<std::string>& command, const std::string& page) {
  const std::string help = help_of(program, command);
  const std::regex option("--[a-z-]+");
  for (std::sregex_iterator match(help.begin(), help.end(), option), end; match != end; ++match) {
    const std::string escaped = "\\-\\-" + match->str().substr(2);
    EXPECT_NE(page.find("**" + escaped + "**"), std::string::npos) << program << ": " << match->str() << " is not in its page";
  }
  for (const std::string& below : commands_in(help)) {
    EXPECT_NE(page.find(below), std::string::npos) << program << ": " << below << " is not in its page";
    auto longer = command;
    longer.push_back(below);
    expect_documented(program, longer, page);
  }
}

TEST(Manual, EveryCommandAndOptionIsInItsPage) {
  const std::filesystem::path sources = std::filesystem::path(TEST_SOURCE_DIR) / "installer/man";
  expect_documented("zynclone", {}, read(sources / "zynclone.1.md"));
  // What vmclone shares with zynclone is described there.
  expect_documented("vmclone", {}, read(sources / "vmclone.8.md") + read(sources / "zynclone.1.md"));
}

TEST(Manual, FormatsWithoutAWarning) {
  if (!std::filesystem::exists("/usr/bin/groff")) GTEST_SKIP() << "groff is not installed";
  int pages = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(TEST_BINARY_DIR) / "installer/man")) {
    if (!std::regex_match(entry.path().filename().string(), std::regex(".*\\.[158]"))) continue;
    ++pages;
    ProgramRun run("/usr/bin/groff", {"-man", "-Kutf8", "-Tutf8", "-ww", "-z", entry.path()});
    EXPECT_EQ(run.finish(), 0);
    EXPECT_EQ(run.errors(), "") << entry.path();
    const std::string text = read(entry.path());
    EXPECT_NE(text.find(".SH NAME"), std::string::npos) << entry.path();
    EXPECT_NE(text.find(".SH SEE ALSO"), std::string::npos) << entry.path();
  }
  if (std::filesystem::exists("/usr/bin/pandoc")) {
    EXPECT_GE(pages, 11);
  }
}

// "name(8)" in a page is one of ours or one that Debian has.
TEST(Manual, PagesReferredToExist) {
  const std::filesystem::path sources = std::filesystem::path(TEST_SOURCE_DIR) / "installer/man";
  const std::set<std::string> others = {"fsfreeze(8)", "machine-id(5)", "mount(8)", "nft(8)", "systemctl(1)", "xl(1)", "xl.cfg(5)"};
  const std::regex reference("\\*\\*([a-z][a-z.-]*)\\*\\*\\(([158])\\)");
  for (const auto& entry : std::filesystem::directory_iterator(sources)) {
    const std::string text = read(entry.path());
    for (std::sregex_iterator match(text.begin(), text.end(), reference), end; match != end; ++match) {
      const std::string name = (*match)[1].str() + "." + (*match)[2].str() + ".md";
      const std::string shown = (*match)[1].str() + "(" + (*match)[2].str() + ")";
      EXPECT_TRUE(others.count(shown) == 1 || std::filesystem::exists(sources / name)) << entry.path() << " refers to " << shown;
    }
  }
}

}  // namespace
}  // namespace zynclone::tests
