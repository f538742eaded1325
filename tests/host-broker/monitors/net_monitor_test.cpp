// clone-net-monitor's reconciliation, called directly, against the sandbox's XenStore and filters that may fail.
#include "tests/host-broker/monitors/net_monitor_fixture.hpp"

namespace zynclone::broker::monitors {
namespace {

using network::FilterState;
using network::UnknownVifs;
using protocol::CloneState;
using protocol::VifMode;

TEST_F(NetMonitorTest, AppliesAndAcknowledges) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->mode, VifMode::disabled);
  EXPECT_EQ(rule("vif3.0")->mode, VifMode::unlocked);
  EXPECT_EQ(world.read(k_acknowledgement), "4");
  EXPECT_EQ(world.permissions(k_acknowledgement), "n0");
  publish(family_with_clone(5, CloneState::running, VifMask{0}, VifMask{1}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->mode, VifMode::unlocked);
  EXPECT_EQ(rule("vif3.0")->mode, VifMode::disabled);
  EXPECT_EQ(filter.in_force->unknown, UnknownVifs::hold);
  EXPECT_EQ(world.read(k_acknowledgement), "5");
}

TEST_F(NetMonitorTest, TouchesNothingBeforeAnythingIsPublished) {
  filter.in_force = FilterState{.rules = {{.interface = "zc1", .mode = VifMode::disabled}}};
  ASSERT_FAILS(reconcile(), Errc::unavailable) << "and it is not ready";
  EXPECT_EQ(filter.applied, 0u);
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.applied, 0u) << "it is in force already";
  EXPECT_EQ(world.read(k_acknowledgement), "4");
}

TEST_F(NetMonitorTest, DoesNotAcknowledgeWhatCannotBeApplied) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  publish(family_with_clone(5, CloneState::running, VifMask{1}, VifMask{1}));
  filter.apply_fails = Error{Errc::system, "cannot apply"};
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt) << "nor does the old one count any longer";
  filter.apply_fails.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_acknowledgement), "5");
}

TEST_F(NetMonitorTest, DoesNotAcknowledgeWhatIsNotReadBack) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  filter.forgets = true;
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  filter.forgets = false;
  filter.read_fails = Error{Errc::system, "cannot list"};
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
}

TEST_F(NetMonitorTest, MakesRulesAnewThatAreGone) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  filter.in_force.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("zc1")->mode, VifMode::disabled);
  EXPECT_EQ(filter.applied, 2u);
}

// Its UUID is known before clone-monitor has said anything of its new domain: no frame leaves it in between, for unknown interfaces are held.
TEST_F(NetMonitorTest, AnOriginalThatStartsAnewIsNeverFree) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  publish(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{1}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.in_force->unknown, UnknownVifs::hold);
  world.remove_domain(3);
  world.remove("/local/domain/0/backend/vif/3");
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.in_force->unknown, UnknownVifs::hold);
  world.add_domain(12, k_original, "pos1");
  world.add_vif(0, 12, 0, k_original_mac);
  ASSERT_OK(reconcile());
  EXPECT_EQ(rule("vif12.0")->mode, VifMode::disabled);
}

TEST_F(NetMonitorTest, LetsVmsOfNoFamilyPass) {
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  world.add_domain(8, Uuid::derived("office"), "office");
  world.add_vif(0, 8, 0, "00:16:3e:00:00:08");
  world.add_vif(0, 8, 1, "00:16:3e:00:00:09", "vif-office");
  world.add_vif(0, 8, 2, "00:16:3e:00:00:0a", "office2");
  publish(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{1}));
  ASSERT_OK(reconcile());
  for (const char* interface : {"vif8.0", "vif8.1", "vif-office", "vif8.2"}) {
    ASSERT_TRUE(rule(interface)) << interface;
    EXPECT_EQ(rule(interface)->mode, VifMode::unlocked);
  }
  EXPECT_FALSE(rule("office2")) << "only vif* is held";
}

TEST_F(NetMonitorTest, HostileContentIsRefusedWhole) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  Family other = family_without_clones(2);
  other.vm = VmName::parse("pos2").value();
  other.uuid = Uuid::derived("pos2");
  publish(other);
  ASSERT_OK(reconcile());
  const auto before = filter.in_force;

  const std::string member = "/zynclone/family/" + k_original.text() + "/member/" + k_clone.text();
  for (const auto& [path, value] : std::initializer_list<std::pair<std::string, std::string>>{
           {"/vif/0/interface", "x\" accept; flush ruleset #"}, {"/vif/0/mode", "free"}, {"/vif/0/ipv4", "any"}, {"/vif/0/mac", "*"}, {"/domid", "1 2"}}) {
    publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
    world.write("/zynclone/family/" + k_original.text() + "/generation", "5");
    world.write(member + "/vif/0/mode", "unlocked");  // good by itself, but not to be applied by halves
    world.write(member + path, value);
    const auto done = reconcile();
    ASSERT_FAILS(done, Errc::malformed) << path;
    EXPECT_NE(done.error().message.find("family '" + k_original.text() + "' is refused"), std::string::npos) << done.error().message;
    EXPECT_EQ(filter.in_force, before) << path;
    EXPECT_EQ(world.read(k_acknowledgement), "4") << path;
  }
  other.generation = {3};
  world.save(other);
  world.write("/zynclone/family/" + other.uuid.text() + "/generation", "3");
  EXPECT_FAILS(reconcile(), Errc::malformed);
  EXPECT_EQ(world.read("/zynclone/ack/0/" + other.uuid.text()), "3") << "other families go on";
}

// A restarted monitor knows nothing of what was before, but the filter does.
TEST_F(NetMonitorTest, ARefusedFamilysRulesOutliveTheMonitor) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  const auto before = filter.in_force;
  world.write("/zynclone/family/" + k_original.text() + "/generation", "much");
  NetMonitor restarted(world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                       std::make_unique<FakeBridges>(bridges));
  EXPECT_FAILS(restarted.reconcile(Hints::all()), Errc::malformed);
  EXPECT_EQ(filter.in_force, before);
}

TEST_F(NetMonitorTest, ForgetsAFamilyThatIsGone) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  world.remove("/zynclone/family/" + k_original.text());
  ASSERT_OK(reconcile());
  EXPECT_EQ(filter.in_force, FilterState());
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
}

TEST_F(NetMonitorTest, WorksInADriverDomain) {
  world.add_domain(3, k_original, "pos1");
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  world.add_domain(8, Uuid::derived("office"), "office");
  world.add_vif(5, 3, 0, k_original_mac);
  world.add_vif(5, 8, 0, "00:16:3e:00:00:08");
  Family family = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0});
  family.vifs[0].backend = "znetdd";
  publish(family);
  world.use_domain(5);
  const auto done = reconcile();
  world.use_domain(0);
  ASSERT_OK(done);
  EXPECT_EQ(filter.in_force, (FilterState{.unknown = UnknownVifs::hold,
                                          .rules = {{.interface = "vif3.0", .mode = VifMode::disabled}, {.interface = "vif8.0", .mode = VifMode::unlocked}}}));
  EXPECT_EQ(world.read("/zynclone/ack/5/" + k_original.text()), "4");
  EXPECT_EQ(world.read("/zynclone/ack/0/" + k_original.text()), std::nullopt) << "domain 0 has to speak for itself";
}

}  // namespace
}  // namespace zynclone::broker::monitors
