// The commands of docs/administration.md, run in a sandbox one block after the other, as an administrator would who reads the page from its
// beginning to its end. What a sandbox has not (apt, systemd, xl, LVM) is stood for by tests/docs/stand-ins, which check what they are asked.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

const std::filesystem::path k_source = TEST_SOURCE_DIR;

std::string read(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

struct Block {
  std::string kind;      // what stands after ```
  std::string commands;
  unsigned line = 0;
};

std::vector<Block> blocks_of(const std::string& page) {
  std::vector<Block> blocks;
  std::istringstream lines(page);
  bool within = false;
  unsigned number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.starts_with("```")) {
      within = !within;
      if (within) blocks.push_back({line.substr(3), "", number});
    } else if (within) {
      blocks.back().commands += line + '\n';
    }
  }
  EXPECT_FALSE(within) << "a block does not end";
  return blocks;
}

class Administration : public ::testing::Test {
 protected:
  Administration() {
    if (!std::filesystem::exists("/usr/bin/qemu-img")) return;
    ProgramRun up("zynclone-sandbox", {"up", "--dir", sandbox_, "--vm", "pos1"}, environment());
    is_up_ = up.finish() == 0;
    EXPECT_TRUE(is_up_) << up.output() << up.errors();
    std::filesystem::create_directories(sandbox_ + "/backups");
    std::filesystem::create_directories(sandbox_ + "/guests/pos1");
    std::filesystem::create_directories(sandbox_ + "/peripherals");
    std::ofstream(sandbox_ + "/peripherals/printer") << "device = usb,04b8:0202\n";  // the one that the page names is plugged in
  }
  ~Administration() override {
    if (is_up_) ProgramRun("zynclone-sandbox", {"down", "--dir", sandbox_}, environment()).finish();
  }

  std::map<std::string, std::string> environment() const {
    return {{"PATH", (k_source / "tests/docs/stand-ins").string() + ":" + bin_folder() + ":/usr/sbin:/usr/bin:/sbin:/bin"},
            {"SANDBOX", sandbox_},
            {"ZYNCLONE_SOURCE", k_source}};
  }

  // Everything that the commands print, in `said`.
  int run(const std::string& kind, const std::string& commands, std::string& said) {
    const std::string script = "set -euo pipefail\n" + commands;
    std::vector<std::string> arguments{"host", "--dir", sandbox_, "--", "bash", "-c", script};
    if (kind == "sh guest") arguments = {"exec", "--dir", sandbox_, "pos1", "--", "bash", "-c", script};
    ProgramRun command("zynclone-sandbox", arguments, environment());
    const int status = command.finish();
    said = command.output() + command.errors();
    return status;
  }

  // The agent connects after its domain, or the broker, has started.
  void wait_for_guest() {
    std::string said;
    ASSERT_EQ(run("sh guest", "timeout 10 bash -c 'until zynclone family show >/dev/null 2>&1; do read -rt 0.1 <> <(:) || true; done'", said), 0) << said;
  }
  // The broker finds out within ten seconds that a device belongs to whoever has production.
  void wait_for_peripherals() {
    std::string said;
    ASSERT_EQ(run("sh host", "timeout 20 bash -c 'while vmclone health | grep -q \"not been given yet\"; do read -rt 0.1 <> <(:) || true; done'", said), 0) << said;
  }

  // Places of a host as they are in the sandbox, and ID as the newest operation's.
  std::string in_sandbox(std::string commands) {
    const std::pair<const char*, const char*> places[] = {
        {"/etc/xen/clone", "/etc/clone"}, {"/etc/xen/", "/etc/xen/"}, {"/etc/zynclone", "/etc/zynclone"},
        {"/var/lib/zynclone", "/state"},  {"/var/lib/xen/images", "/images"}, {"/var/backups", "/backups"}};
    for (const auto& [host, here] : places) commands = std::regex_replace(commands, std::regex("(^|[ >',=])" + std::string(host)), "$1" + sandbox_ + here);
    if (std::regex_search(commands, std::regex("\\bID\\b"))) {
      std::string said;
      EXPECT_EQ(run("sh host", "vmclone operation list pos1 --limit 1 --json", said), 0) << said;
      std::smatch id;
      EXPECT_TRUE(std::regex_search(said, id, std::regex("\"id\": \"([0-9A-Z]{26})\""))) << said;
      commands = std::regex_replace(commands, std::regex("\\bID\\b"), id[1].str());
    }
    return commands;
  }

  TemporaryFolder folder_;
  std::string sandbox_ = (folder_.path() / "s").string();
  bool is_up_ = false;
};

TEST_F(Administration, EveryCommandWorksInTheOrderOfThePage) {
  if (!is_up_) GTEST_SKIP() << "qemu-img is not installed";
  const auto blocks = blocks_of(read(k_source / "docs/administration.md"));
  EXPECT_GE(blocks.size(), 15u);
  for (const Block& block : blocks) {
    ASSERT_TRUE(block.kind == "sh host" || block.kind == "sh guest") << "line " << block.line << " says not where it is run";
    ASSERT_NO_FATAL_FAILURE(wait_for_guest()) << "before line " << block.line;
    ASSERT_NO_FATAL_FAILURE(wait_for_peripherals()) << "before line " << block.line;
    std::string said;
    ASSERT_EQ(run(block.kind, in_sandbox(block.commands), said), 0) << "docs/administration.md:" << block.line << ":\n" << block.commands << said;
  }
}

TEST(AdministrationPage, CommandsWithinItsSentencesAreThere) {
  const std::string page = read(k_source / "docs/administration.md");
  const std::regex command("`(vmclone|zynclone)((?: [a-z]+)*)[^`]*`");
  std::set<std::string> seen;
  for (std::sregex_iterator match(page.begin(), page.end(), command), end; match != end; ++match) {
    if (!seen.insert(match->str()).second) continue;
    std::istringstream words((*match)[2].str());
    std::vector<std::string> arguments{std::istream_iterator<std::string>(words), {}};
    arguments.push_back("--help");
    ProgramRun run((*match)[1].str(), arguments);
    EXPECT_EQ(run.finish(), 0) << match->str();
  }
  EXPECT_GE(seen.size(), 5u);
}

TEST(AdministrationPage, AVmIsEnabledAsTheReadmeSays) {
  const std::string page = read(k_source / "docs/administration.md");
  const std::string readme = read(k_source / "README.md");
  const auto begin = readme.find("    touch /etc/xen/clone/guest/");
  ASSERT_NE(begin, std::string::npos);
  std::istringstream lines(readme.substr(begin, readme.find("\n\n", begin) - begin));
  for (std::string line; std::getline(lines, line);) EXPECT_NE(page.find(line.substr(4) + '\n'), std::string::npos) << line;
}

TEST(AdministrationPage, ItsTableHasEveryKeyOfAVmWithItsDefault) {
  TemporaryFolder folder;
  const std::string base = folder.path().string();
  std::filesystem::create_directories(folder.path() / "guest");
  folder.write("broker.conf", "clone_dir=" + base + "\n");
  folder.write("guest/pos1.conf", "");
  for (const char* file : {"broker.conf", "guest/pos1.conf"}) {
    std::filesystem::permissions(folder.path() / file, std::filesystem::perms(0644));
  }
  ProgramRun show("vmclone", {"config", "show", "pos1"}, {{"ZYNCLONE_BROKER_CONF", folder / "broker.conf"}});
  ASSERT_EQ(show.finish(), 0) << show.errors();

  std::map<std::string, std::string> table;
  const std::string page = read(k_source / "docs/administration.md");
  const std::regex row("\n\\| `([a-z0-9_.A-Z]+)` \\| `?([^|`]+)`? \\|");
  for (std::sregex_iterator match(page.begin(), page.end(), row), end; match != end; ++match) {
    std::string value = (*match)[2];
    while (value.ends_with(' ')) value.pop_back();
    table[(*match)[1]] = std::regex_replace(value, std::regex("VM"), "pos1");
  }
  for (const char* many : {"shared_volume.NAME", "peripheral.NAME"}) EXPECT_EQ(table.erase(many), 1u) << many;
  std::istringstream lines(show.output());
  std::string line;
  std::getline(lines, line);  // its head
  for (std::string key, value, from; lines >> key >> value >> from;) {
    EXPECT_EQ(table[key], value) << key;
    table.erase(key);
  }
  EXPECT_TRUE(table.empty()) << "vmclone does not know " << table.begin()->first;
}

// Keys of configuration, states and units that the page names are those of the programs.
TEST(AdministrationPage, ItsUnitsStartInTheOrderThatItSays) {
  const auto unit = [](const std::string& name) { return read(k_source / "installer/systemd" / (name + ".service")); };
  const auto after = [&](const std::string& name) { return std::regex_replace(unit(name), std::regex("[^]*\nAfter=([^\n]*)[^]*"), "$1"); };
  EXPECT_NE(after("clone-monitor").find("xenstored.service"), std::string::npos);
  EXPECT_NE(after("clone-net-monitor").find("clone-monitor.service"), std::string::npos);
  EXPECT_NE(unit("clone-net-monitor").find("Before=xendomains.service"), std::string::npos);
  EXPECT_NE(unit("clone-net-monitor").find("TimeoutStartSec=30s"), std::string::npos);
  EXPECT_NE(after("zynclone-broker").find("xendomains.service"), std::string::npos);
}

}  // namespace
}  // namespace zynclone::tests
