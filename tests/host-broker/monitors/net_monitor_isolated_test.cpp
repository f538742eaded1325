// Clones on an isolated network: the order in which clone-net-monitor makes their bridge, moves them, and acknowledges.
#include "tests/host-broker/monitors/net_monitor_fixture.hpp"

namespace zynclone::broker::monitors {
namespace {

using protocol::CloneState;

class Isolated : public NetMonitorTest {
 protected:
  void add_clones_domain() {
    world.add_domain(7, k_clone, "pos1.upgrade-1");
    world.add_vif(0, 7, 0, k_clone_mac, "zc1");
  }
  const std::string bridge = isolated_bridge(k_original);
  using Calls = std::vector<std::string>;
};

TEST_F(Isolated, TheBridgeIsMadeBeforeItIsAcknowledgedAndTakenAwayAfterwards) {
  publish(family_with_isolated_clone(4));
  bridges.meanwhile = [&] {
    EXPECT_EQ(rule("zc1")->reach, network::Reach::isolated) << "the rules are in force before anything moves";
    EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  };
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls, (Calls{"make " + bridge, "tidy " + bridge}));
  EXPECT_EQ(world.read(k_acknowledgement), "4");
  bridges.meanwhile = {};
  bridges.calls.clear();
  add_clones_domain();
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls, (Calls{"make " + bridge, "place zc1 " + bridge, "tidy " + bridge}));
  world.remove_domain(7);
  world.remove("/local/domain/0/backend/vif/7");
  bridges.calls.clear();
  publish(family_with_isolated_clone(5, CloneState::active));
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls, (Calls{"make " + bridge, "tidy " + bridge})) << "it stays while its guest may be rebooting";
  bridges.calls.clear();
  publish(family_with_isolated_clone(6, CloneState::inactive));
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls, Calls{"tidy"});
}

TEST_F(Isolated, WhatCannotBeMadeOrMovedIsNotAcknowledged) {
  add_clones_domain();
  publish(family_with_isolated_clone(4));
  bridges.make_fails = Error{Errc::system, "cannot make bridge"};
  ASSERT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  bridges.make_fails.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_acknowledgement), "4");
  bridges.place_fails = Error{Errc::system, "cannot move interface"};
  const auto failed = reconcile();
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot acknowledge 'pos1': cannot move interface");
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt) << "taken back";
  EXPECT_EQ(rule("zc1")->reach, network::Reach::isolated) << "and it reaches nobody else";
}

TEST_F(Isolated, WithProductionItIsMovedBeforeItIsAnnounced) {
  add_clones_domain();
  publish(family_with_isolated_clone(4));
  ASSERT_OK(reconcile());
  Family family = family_with_isolated_clone(5);
  family.production = {.member = k_clone, .generation = 2, .announce = {"192.0.2.1"}};
  publish(family);
  bridges.calls.clear();
  bridges.meanwhile = [&] {
    EXPECT_TRUE(announced.calls.empty());
    EXPECT_EQ(world.read(k_acknowledgement), "4");
  };
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->reach, network::Reach::everywhere);
  EXPECT_EQ(bridges.calls, (Calls{"make " + bridge, "place zc1 br0", "tidy " + bridge}));
  EXPECT_EQ(announced.calls.size(), 1u);
  EXPECT_EQ(world.read(k_acknowledgement), "5");
  // Undone: it goes back, silent for all others before it moves.
  family.generation.value = 6;
  family.production = {.member = std::nullopt, .generation = 3, .announce = {}};
  publish(family);
  bridges.meanwhile = [&] { EXPECT_EQ(rule("zc1")->reach, network::Reach::isolated); };
  bridges.calls.clear();
  ASSERT_OK(reconcile());
  EXPECT_EQ(bridges.calls[1], "place zc1 " + bridge);
}

// Whose bridges are there is not known then.
TEST_F(Isolated, NothingIsTidiedWhileAFamilyIsRefused) {
  publish(family_with_isolated_clone(4));
  world.write("/zynclone/family/" + k_original.text() + "/vm", "no name");
  ASSERT_FAILS(reconcile(), Errc::malformed);
  EXPECT_TRUE(bridges.calls.empty());
}

}  // namespace
}  // namespace zynclone::broker::monitors
