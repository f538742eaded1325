// The real clone-net-monitor with the kernel's nftables, on a bridge in a network namespace. Skipped where that may not be made.

#include <net/if.h>

#include <csignal>
#include <set>

#include "host-broker/network/announcement_frames.hpp"
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

// `mac = original`: the clone takes over under the MAC that the bridge has learned at the original's interface.
TEST_F(NetMonitorNftables, AfterACutoverTheNetworkIsAtTheClone) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  world.add_domain(7, k_clone, "pos1.upgrade-1");
  world.add_vif(0, 7, 0, k_original_mac, "zc1");
  Tap& original = lab->add_guest("vif3.0");
  Tap& clone = lab->add_guest("zc1");
  start();
  Family family = family_with_clone(1, CloneState::running, VifMask{1}, VifMask{0});
  family.clones[0].vifs[0].mac = k_original_mac;
  save(family);
  EXPECT_TRUE(speaks(original));
  const auto question = tests::udp4({.source = "02:00:00:00:00:01", .destination = k_original_mac}, {.source = "10.0.0.9", .destination = "10.0.0.1"});
  EXPECT_TRUE(lab->passes(lab->lan(), original, question));

  family.generation.value = 2;
  family.production = {.member = std::nullopt, .generation = 1, .announce = {"10.0.0.1", "2001:db8::1"}};
  save(family);
  EXPECT_FALSE(speaks(original));
  EXPECT_FALSE(speaks(clone)) << "never two";
  lab->arrivals(lab->lan());
  family.generation.value = 3;
  family.production = {.member = k_clone, .generation = 2, .announce = {"10.0.0.1", "2001:db8::1"}};
  save(family);
  std::set<std::string> heard;
  for (const std::string& frame : lab->lan().drain()) heard.insert(frame);
  for (const char* address : {"10.0.0.1", "2001:db8::1"}) {
    EXPECT_TRUE(heard.contains(network::announcement_frame(k_original_mac, address).value())) << address << " was acknowledged and not announced";
  }
  EXPECT_TRUE(lab->passes(lab->lan(), clone, question));
  EXPECT_FALSE(lab->passes(lab->lan(), original, question));
  EXPECT_FALSE(speaks(original));
  EXPECT_TRUE(speaks(clone));
}

// The real program, the kernel's bridges and rules: an isolated clone takes over, and goes back.
TEST_F(NetMonitorNftables, AnIsolatedCloneReachesNobodyUntilItHasProduction) {
  const std::string bridge = isolated_bridge(k_original);
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  Tap& original = lab->add_guest("vif3.0");
  start();
  Family family = family_with_isolated_clone(1);
  save(family);
  ASSERT_NE(::if_nametoindex(bridge.c_str()), 0u) << "before it is acknowledged";
  // The toolstack has just put it on the original's bridge, by mistake.
  Tap& clone = lab->add_guest("zc1");
  EXPECT_FALSE(speaks(clone)) << "not one frame, wherever it stands";
  world.add_domain(7, k_clone, "pos1.upgrade-1");
  world.add_vif(0, 7, 0, k_clone_mac, "zc1");
  family.generation.value = 2;
  save(family);
  EXPECT_FALSE(speaks(clone));
  EXPECT_TRUE(speaks(original));

  family.generation.value = 3;
  family.production = {.member = std::nullopt, .generation = 1, .announce = {}};
  save(family);
  EXPECT_FALSE(speaks(original));
  EXPECT_FALSE(speaks(clone));
  family.generation.value = 4;
  family.production = {.member = k_clone, .generation = 2, .announce = {"10.0.0.1"}};
  save(family);
  EXPECT_TRUE(speaks(clone)) << "moved to the original's bridge before it was acknowledged";
  EXPECT_FALSE(speaks(original));
  family.generation.value = 5;
  family.production = {.member = std::nullopt, .generation = 3, .announce = {}};
  save(family);
  EXPECT_FALSE(speaks(clone));

  lab->remove_guest("zc1");
  world.remove_domain(7);
  world.remove("/local/domain/0/backend/vif/7");
  family.generation.value = 6;
  family.clones[0].state = CloneState::inactive;
  save(family);
  EXPECT_EQ(::if_nametoindex(bridge.c_str()), 0u) << "nobody needs it any more";
}

}  // namespace
}  // namespace zynclone::broker
