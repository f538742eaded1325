// The manual pages against the programs they describe.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/service/program_help.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

// Every option and command that the program's helps name is in the page, and the page names no other option.
void expect_described(const std::string& program, const std::string& page, const std::string& elsewhere = {}) {
  const std::string everything = page + elsewhere;
  std::set<std::string> options;
  for_each_command(program, [&](const CommandHelp& help) {
    for (const std::string& option : help.options) {
      options.insert(option);
      EXPECT_NE(everything.find("**\\-\\-" + option.substr(2) + "**"), std::string::npos) << program << ": " << option << " is not in its page";
    }
    for (const std::string& command : help.commands) {
      EXPECT_NE(everything.find(command), std::string::npos) << program << ": " << command << " is not in its page";
    }
  });
  const std::regex named("\\*\\*\\\\-\\\\-([a-z-]+)");
  for (std::sregex_iterator match(page.begin(), page.end(), named), end; match != end; ++match) {
    EXPECT_TRUE(options.contains("--" + (*match)[1].str())) << program << " does not know --" << (*match)[1];
  }
}

std::string page(const std::string& name) { return read(std::filesystem::path(TEST_SOURCE_DIR) / "installer/man" / (name + ".md")); }

TEST(Manual, EveryCommandAndOptionIsInItsPage) {
  expect_described("zynclone", page("zynclone.1"));
  expect_described("vmclone", page("vmclone.8"), page("zynclone.1"));  // what they share is described there
  expect_described("zynclone-sandbox", page("zynclone-sandbox.1"));
  for (const char* program : {"clone-monitor", "clone-net-monitor", "zynclone-agent", "zynclone-broker"}) {
    expect_described(program, page(std::string(program) + ".8"));
  }
}

TEST(Manual, EveryKeyIsInItsPage) {
  TemporaryFolder folder;
  folder.write("broker.conf", "clone_dir=" + folder.path().string() + "\n");
  folder.write("agent.conf", "no_such_key=1\n");
  std::filesystem::create_directories(folder.path() / "guest");
  folder.write("guest/pos1.conf", "");
  for (const char* file : {"broker.conf", "guest/pos1.conf"}) std::filesystem::permissions(folder.path() / file, std::filesystem::perms(0644));

  const auto expect_keys = [](const std::string& said, const std::regex& key, const std::string& name) {
    const std::string text = page(name);
    int keys = 0;
    for (std::sregex_iterator match(said.begin(), said.end(), key), end; match != end; ++match, ++keys) {
      EXPECT_NE(text.find("**" + (*match)[1].str() + "**"), std::string::npos) << (*match)[1] << " is not in " << name;
    }
    EXPECT_GT(keys, 10) << said;
  };
  for (const auto& [vm, name] : {std::pair("", "zynclone-broker.conf.5"), std::pair("pos1", "zynclone-guest.conf.5")}) {
    std::vector<std::string> arguments{"config", "show", "--broker-conf", folder / "broker.conf"};
    if (*vm != 0) arguments.push_back(vm);
    ProgramRun run("vmclone", arguments);
    EXPECT_EQ(run.finish(), 0) << run.errors();
    expect_keys(run.output(), std::regex("\n([a-z0-9_]+) "), name);
  }
  ProgramRun agent("zynclone-agent", {"--config", folder / "agent.conf"});
  EXPECT_NE(agent.finish(), 0);
  expect_keys(agent.errors(), std::regex(" ([a-z_]+)(?=,)"), "zynclone-agent.conf.5");
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
