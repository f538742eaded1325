// The real clone-net-monitor with the kernel's nftables, on a bridge in a network namespace. Skipped where that may not be made.

#include <csignal>

#include "host-broker/network/nftables_filter.hpp"
#include "host-broker/xen/lockdown/xenstore_lockdown.hpp"
#include "tests/host-broker/monitors/lockdown_world.hpp"
#include "tests/host-broker/network/bridge_lab.hpp"

namespace zynclone::broker {
namespace {

using protocol::CloneState;
using protocol::VifMode;
using tests::BridgeLab;
using tests::Tap;

class NetMonitorNftables : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string why_not;
    if (!BridgeLab::enter_namespace(why_not)) GTEST_SKIP() << why_not;
    auto made = network::NftablesFilter::create(world.context.get_executor());
    if (!made) GTEST_SKIP() << made.error().message;
    filter = std::make_unique<network::NftablesFilter>(std::move(made).value());
    lab = std::make_unique<BridgeLab>();
    clone_monitor.emplace(world.start_clone_monitor());
  }
  void TearDown() override {
    net_monitor.reset();
    if (lab) BridgeLab::run({"nft", "flush ruleset"});
  }

  void start() { net_monitor.emplace(Program({program_path("clone-net-monitor"), "--period", "1h"})); }
  void save(const Family& family) {
    world.save(family);
    ASSERT_OK(tests::run_on(world.context, lockdown.wait_applied(family, std::chrono::seconds(10))));
  }
  std::optional<VifMode> mode_in_force(const std::string& interface) {
    const auto state = filter->in_force();
    if (!state || !state.value()) return std::nullopt;
    for (const network::VifRule& rule : state.value()->rules) {
      if (rule.interface == interface) return rule.mode;
    }
    return std::nullopt;
  }
  void wait_for_mode(const std::string& interface, VifMode mode) {
    while (mode_in_force(interface) != mode) {
      ASSERT_OK(tests::run_on(world.context, with_timeout(filter->changed(), std::chrono::seconds(10), "the rule for " + interface)));
    }
  }
  bool speaks(Tap& guest) {
    return lab->passes(guest, lab->lan(), tests::udp4({.source = k_original_mac}, {.source = "10.0.0.1", .destination = "10.0.0.255"})) ||
           lab->passes(guest, lab->host(), tests::udp4({.source = "00:16:3e:66:66:66"}, {.source = "10.0.0.6", .destination = "10.0.0.255"}));
  }

  LockdownWorld world;
  asio::thread_pool pool{1};
  xen::XenstoreLockdown lockdown{pool};
  std::unique_ptr<network::NftablesFilter> filter;
  std::unique_ptr<BridgeLab> lab;
  std::optional<Program> clone_monitor;
  std::optional<Program> net_monitor;
};

TEST_F(NetMonitorNftables, ACloneIsSilentFromItsFirstFrame) {
  start();
  save(family_with_clone(1, CloneState::running, VifMask{1}, VifMask{0}));
  Tap& clone = lab->add_guest("zc1");
  EXPECT_FALSE(speaks(clone));
  save(family_with_clone(2, CloneState::running, VifMask{1}, VifMask{1}));
  EXPECT_TRUE(speaks(clone));
  save(family_with_clone(3, CloneState::running, VifMask{1}, VifMask{0}));
  EXPECT_FALSE(speaks(clone));
}

TEST_F(NetMonitorNftables, RulesThatWereFlushedComeBack) {
  start();
  Tap& clone = lab->add_guest("zc1");
  save(family_with_clone(1, CloneState::running, VifMask{1}, VifMask{0}));
  for (const char* command : {"flush ruleset", "delete table bridge zynclone", "insert rule bridge zynclone prerouting accept"}) {
    while (world.context.poll() != 0) {
    }
    BridgeLab::run({"nft", command});
    wait_for_mode("zc1", VifMode::disabled);
    EXPECT_FALSE(speaks(clone)) << command;
  }
}

// The monitor is dead when the restricted original comes back under another name, and a guest may send from any MAC.
TEST_F(NetMonitorNftables, AnOriginalThatComesBackWhileNobodyLooksIsSilent) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  world.add_domain(8, Uuid::derived("office"), "office");
  world.add_vif(0, 8, 0, "00:16:3e:00:00:08");
  Tap& office = lab->add_guest("vif8.0");
  lab->add_guest("vif3.0");
  start();
  save(family_with_clone(1, CloneState::running, VifMask{0}, VifMask{1}));
  EXPECT_FALSE(speaks(lab->guest("vif3.0")));
  EXPECT_TRUE(speaks(office));

  net_monitor->end(SIGKILL);
  world.remove_domain(3);
  world.remove("/local/domain/0/backend/vif/3");
  lab->remove_guest("vif3.0");
  world.add_domain(12, k_original, "pos1");
  world.add_vif(0, 12, 0, k_original_mac);
  Tap& again = lab->add_guest("vif12.0");
  EXPECT_FALSE(speaks(again)) << "no rule names it yet";
  EXPECT_TRUE(speaks(office));
  start();
  wait_for_mode("vif12.0", VifMode::disabled);
  EXPECT_FALSE(speaks(again));
  save(family_with_clone(2, CloneState::running, VifMask{1}, VifMask{0}));
  EXPECT_TRUE(speaks(again));
}

}  // namespace
}  // namespace zynclone::broker
