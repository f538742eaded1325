// The real programs, on the sandbox's XenStore: in any order, killed and started again.

#include <csignal>

#include "host-broker/monitors/folder_watcher.hpp"
#include "host-broker/xen/lockdown/xenstore_lockdown.hpp"
#include "system/file.hpp"
#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneState;
using protocol::VifMode;

const std::string k_acknowledgement = "/zynclone/ack/0/" + k_original.text();

class MonitorPrograms : public ::testing::Test {
 protected:
  // Until the file is this, ten seconds at most; looked at at each change of its folder.
  static asio::awaitable<Result<void>> wait_for_text(std::filesystem::path file, std::string text) {
    monitors::Doorbell doorbell(co_await asio::this_coro::executor);
    co_return co_await with_timeout(watch_for_text(doorbell, std::move(file), std::move(text)), std::chrono::seconds(10), "waiting for announcements");
  }
  static asio::awaitable<Result<void>> watch_for_text(monitors::Doorbell& doorbell, std::filesystem::path file, std::string text) {
    using namespace asio::experimental::awaitable_operators;
    co_await (monitors::watch_folder(file.parent_path(), doorbell) || until_text(doorbell, file, text));
    co_return outcome::success();
  }
  static asio::awaitable<void> until_text(monitors::Doorbell& doorbell, std::filesystem::path file, std::string text) {
    for (;;) {
      const auto now = read_file(file, 1 << 20);
      if (now && now.value() == text) co_return;
      (void)co_await doorbell.wait(std::chrono::seconds(10));
    }
  }

  Result<std::vector<std::string>> wait_applied(const Family& family, Deadline limit = std::chrono::seconds(10)) {
    return tests::run_on(world.context, lockdown.wait_applied(family, limit));
  }

  LockdownWorld world;
  asio::thread_pool pool{1};
  xen::XenstoreLockdown lockdown{pool};
};

TEST_F(MonitorPrograms, ClonesAreLockedDownFromFileToFilter) {
  const auto clone_monitor = world.start_clone_monitor();
  const auto net_monitor = world.start_net_monitor();
  const Family first = family_with_clone(1, CloneState::running, VifMask{0}, VifMask{0});
  world.save(first);
  ASSERT_OK(wait_applied(first));
  EXPECT_EQ(world.rule("zc1")->mode, VifMode::disabled);
  const Family second = family_with_clone(2, CloneState::running, VifMask{0}, VifMask{1});
  world.save(second);
  ASSERT_OK(wait_applied(second));
  EXPECT_EQ(world.rule("zc1")->mode, VifMode::unlocked);
  EXPECT_EQ(world.filter_state().unknown, network::UnknownVifs::hold);
}

TEST_F(MonitorPrograms, TheNetMonitorMayBeFirst) {
  const Family family = family_with_clone(1, CloneState::running, VifMask{0}, VifMask{0});
  const auto net_monitor = world.start_net_monitor();
  world.save(family);
  const auto clone_monitor = world.start_clone_monitor();
  ASSERT_OK(wait_applied(family));
}

TEST_F(MonitorPrograms, TheCloneMonitorMayBeFirst) {
  const Family family = family_with_clone(1, CloneState::running, VifMask{0}, VifMask{0});
  world.save(family);
  const auto clone_monitor = world.start_clone_monitor();
  world.wait_for("/zynclone/family/" + k_original.text() + "/generation", "1");
  const auto net_monitor = world.start_net_monitor();
  ASSERT_OK(wait_applied(family));
}

// Killed at any time, each goes on where it was; what happened meanwhile is caught up with.
TEST_F(MonitorPrograms, EitherMayBeKilledAndStartedAgain) {
  auto clone_monitor = world.start_clone_monitor();
  auto net_monitor = world.start_net_monitor();
  std::uint64_t generation = 0;
  for (int round = 0; round < 6; ++round) {
    const Family family = family_with_clone(++generation, CloneState::running, VifMask{0}, VifMask(static_cast<std::uint64_t>(round % 2)));
    world.save(family);
    Program& killed = round % 2 == 0 ? clone_monitor : net_monitor;
    EXPECT_EQ(killed.end(SIGKILL), 128 + SIGKILL);
    const Family missed = family_with_clone(++generation, CloneState::running, VifMask{0}, VifMask(static_cast<std::uint64_t>(round % 2)));
    world.save(missed);
    if (round % 2 == 0) {
      clone_monitor = world.start_clone_monitor();
    } else {
      net_monitor = world.start_net_monitor();
    }
    ASSERT_OK(wait_applied(missed));
    EXPECT_EQ(world.rule("zc1")->mode, round % 2 == 0 ? VifMode::disabled : VifMode::unlocked);
  }
}

// Whether they were idle or in the middle of something.
TEST_F(MonitorPrograms, AHiccupOfXenStoreIsSurvived) {
  const auto clone_monitor = world.start_clone_monitor();
  const auto net_monitor = world.start_net_monitor();
  for (std::uint64_t generation = 1; generation < 10; generation += 2) {
    world.save(family_with_clone(generation, CloneState::running, VifMask{0}, VifMask{0}));
    world.hiccup();
    const Family family = family_with_clone(generation + 1, CloneState::running, VifMask{0}, VifMask{1});
    world.save(family);
    ASSERT_OK(wait_applied(family));
    EXPECT_EQ(world.rule("zc1")->mode, VifMode::unlocked);
    world.hiccup();
  }
}

TEST_F(MonitorPrograms, ADomainThatComesBackIsFollowed) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  const Family family = family_with_clone(1, CloneState::running, VifMask{0}, VifMask{1});
  world.save(family);
  const auto clone_monitor = world.start_clone_monitor();
  const auto net_monitor = world.start_net_monitor();
  ASSERT_OK(wait_applied(family));
  EXPECT_EQ(world.rule("vif3.0")->mode, VifMode::disabled);
  world.remove_domain(3);
  world.remove("/local/domain/0/backend/vif/3");
  world.add_domain(12, k_original, "pos1");
  world.add_vif(0, 12, 0, k_original_mac);
  world.wait_for("/local/domain/12/zynclone/vif/0/mode", "disabled");
  world.wait_for("/zynclone/family/" + k_original.text() + "/member/" + k_original.text() + "/domid", "12");
  // Its own rule follows; until then it is one of the unknown interfaces, which are held.
  const Family next = family_with_clone(2, CloneState::running, VifMask{0}, VifMask{1});
  world.save(next);
  ASSERT_OK(wait_applied(next));
  EXPECT_EQ(world.rule("vif12.0")->mode, VifMode::disabled);
  EXPECT_FALSE(world.rule("vif3.0"));
}

// Three times: the repeats come by themselves.
TEST_F(MonitorPrograms, ACutoverIsAnnounced) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  world.add_domain(7, k_clone, "pos1.upgrade-1");
  world.add_vif(0, 7, 0, k_clone_mac, "zc1");
  Family family = family_with_clone(1, CloneState::running, VifMask{1}, VifMask{0});
  world.save(family);
  const auto clone_monitor = world.start_clone_monitor();
  const auto net_monitor = world.start_net_monitor();
  ASSERT_OK(wait_applied(family));
  world.wait_for("/local/domain/3/zynclone/production", "1");
  world.wait_for("/local/domain/7/zynclone/production", "0");
  ASSERT_FALSE(std::filesystem::exists(world.folder / "announced"));

  family.production = {.member = std::nullopt, .generation = 1, .announce = {"192.0.2.1", "2001:db8::1"}};
  family.generation.value = 2;
  world.save(family);
  ASSERT_OK(wait_applied(family));
  EXPECT_EQ(world.rule("vif3.0")->mode, VifMode::disabled);
  family.production.member = k_clone;
  family.production.generation = 2;
  family.generation.value = 3;
  world.save(family);
  ASSERT_OK(wait_applied(family));
  const std::string once = "zc1 " + k_clone_mac + " arp 192.0.2.1\nzc1 " + k_clone_mac + " neighbour 2001:db8::1\n";
  EXPECT_TRUE(world.folder.read("announced").starts_with(once)) << "before it is acknowledged";
  EXPECT_EQ(world.rule("zc1")->mode, VifMode::unlocked);
  world.wait_for("/local/domain/7/zynclone/production", "1");
  world.wait_for("/local/domain/3/zynclone/production", "0");

  ASSERT_OK(tests::run_on(world.context, wait_for_text(world.folder.path() / "announced", once + once + once)));
}

TEST_F(MonitorPrograms, SigtermEndsThemAndLeavesEverythingInForce) {
  const Family family = family_with_clone(1, CloneState::running, VifMask{0}, VifMask{0});
  world.save(family);
  auto clone_monitor = world.start_clone_monitor();
  auto net_monitor = world.start_net_monitor();
  ASSERT_OK(wait_applied(family));
  EXPECT_EQ(clone_monitor.end(SIGTERM), 0);
  EXPECT_EQ(net_monitor.end(SIGTERM), 0);
  EXPECT_EQ(world.rule("zc1")->mode, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), "1");
}

TEST_F(MonitorPrograms, OnceSaysWhetherAllIsWell) {
  world.save(family_with_clone(1, CloneState::running, VifMask{0}, VifMask{0}));
  EXPECT_EQ(world.start_clone_monitor({"--once"}).wait(), 0);
  EXPECT_EQ(world.start_net_monitor({"--once"}).wait(), 0);
  EXPECT_EQ(world.read(k_acknowledgement), "1");
  world.folder.write("clones/pos2.json", "{");
  EXPECT_EQ(world.start_clone_monitor({"--once"}).wait(), 1);
  world.write("/zynclone/family/" + k_original.text() + "/vm", "../pos1");
  EXPECT_EQ(world.start_net_monitor({"--once"}).wait(), 1);
}

TEST_F(MonitorPrograms, TheCommandLineIsChecked) {
  for (const std::string program : {"clone-monitor", "clone-net-monitor"}) {
    EXPECT_EQ(Program({program_path(program), "--help"}).wait(), 0);
    EXPECT_EQ(Program({program_path(program), "--version"}).wait(), 0);
    EXPECT_NE(Program({program_path(program), "--nonsense"}).wait(), 0);
    EXPECT_NE(Program({program_path(program), "--period", "soon"}).wait(), 0);
    EXPECT_NE(Program({program_path(program), "--period", "0s"}).wait(), 0);
  }
  EXPECT_NE(Program({program_path("clone-net-monitor"), "--filter", "pretended"}).wait(), 0);
  EXPECT_NE(Program({program_path("clone-net-monitor"), "--state", "/tmp/x"}).wait(), 0);
  EXPECT_NE(Program({program_path("clone-net-monitor"), "--filter", "hope"}).wait(), 0);
}

}  // namespace
}  // namespace zynclone::broker
