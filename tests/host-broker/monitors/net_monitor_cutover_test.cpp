// Where production is: what clone-net-monitor announces, and what it refuses as older than what it has acknowledged.
#include "tests/host-broker/monitors/net_monitor_fixture.hpp"

namespace zynclone::broker::monitors {
namespace {

using protocol::CloneState;
using protocol::VifMode;

class Cutover : public NetMonitorTest {
 protected:
  Cutover() {
    world.add_domain(3, k_original, "pos1");
    world.add_vif(0, 3, 0, k_original_mac);
    world.add_domain(7, k_clone, "pos1.upgrade-1");
    world.add_vif(0, 7, 0, k_clone_mac, "zc1");
  }
  static Family family(std::uint64_t generation, std::uint64_t production_generation, std::optional<Uuid> member) {
    Family made = family_with_clone(generation, CloneState::running, VifMask{1}, VifMask{0});
    made.production = {.member = member, .generation = production_generation, .announce = {"192.0.2.1", "2001:db8::1"}};
    return made;
  }
  // As clone-monitor would not: it takes back what was acknowledged before.
  void publish_by_hand(const Family& family) {
    const std::string root = "/zynclone/family/" + family.uuid.text();
    for (const auto& [path, value] : nodes_of(publication_of(family, domains()))) {
      if (!path.empty()) world.write(root + "/" + path, value);
    }
  }
  static Domains domains() {
    return Domains({{.id = {0}, .uuid = {}, .name = "Domain-0"}, {.id = {3}, .uuid = k_original, .name = "pos1"}, {.id = {7}, .uuid = k_clone, .name = "c"}});
  }
  void expect_in_force(VifMode original, VifMode clone) {
    ASSERT_TRUE(rule("vif3.0") && rule("zc1"));
    EXPECT_EQ(rule("vif3.0")->mode, original);
    EXPECT_EQ(rule("zc1")->mode, clone);
  }

  const std::string k_of_clone = "zc1 " + k_clone_mac + " 192.0.2.1,2001:db8::1";
  const std::string k_of_original = "vif3.0 " + k_original_mac + " 192.0.2.1,2001:db8::1";
};

TEST_F(Cutover, AMoveIsAnnouncedOnceItIsInForceAndBeforeItIsAcknowledged) {
  publish(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  publish(family(5, 1, std::nullopt));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::disabled, VifMode::disabled);
  EXPECT_TRUE(announced.calls.empty()) << "nobody has production";

  publish(family(6, 2, k_clone));
  announced.meanwhile = [&] {
    expect_in_force(VifMode::disabled, VifMode::unlocked);
    EXPECT_EQ(world.read(k_acknowledgement), "5");
  };
  ASSERT_OK(reconcile());
  EXPECT_EQ(announced.calls, std::vector<std::string>{k_of_clone});
  EXPECT_EQ(world.read(k_acknowledgement), "6");

  // Undone: the original has it again.
  announced.meanwhile = nullptr;
  publish(family(7, 3, std::nullopt));
  ASSERT_OK(reconcile());
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  EXPECT_EQ(announced.calls, (std::vector<std::string>{k_of_clone, k_of_original}));
  expect_in_force(VifMode::unlocked, VifMode::disabled);
}

TEST_F(Cutover, WhatWasSoAtTheMonitorsStartIsNoMove) {
  publish(family(6, 2, k_clone));
  ASSERT_OK(reconcile());
  EXPECT_TRUE(announced.calls.empty());
  publish(family(7, 2, k_clone));
  ASSERT_OK(reconcile());
  EXPECT_TRUE(announced.calls.empty()) << "another change of the family";
}

TEST_F(Cutover, WhatCannotBeAnnouncedIsAcknowledgedAllTheSame) {
  publish(family(5, 1, k_original));
  ASSERT_OK(reconcile());
  announced.fails = true;
  publish(family(6, 2, k_clone));
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_acknowledgement), "6");
}

TEST_F(Cutover, WhatCannotBeAppliedIsNotAnnounced) {
  publish(family(5, 1, k_original));
  ASSERT_OK(reconcile());
  publish(family(6, 2, k_clone));
  filter.apply_fails = Error{Errc::system, "cannot apply"};
  EXPECT_FAILS(reconcile(), Errc::system);
  EXPECT_TRUE(announced.calls.empty());
  filter.apply_fails.reset();
  ASSERT_OK(reconcile());
  EXPECT_EQ(announced.calls, std::vector<std::string>{k_of_clone});
}

// ---- never back ------------------------------------------------------------------------------------------------------------------

TEST_F(Cutover, AnOlderGenerationIsRefused) {
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  publish_by_hand(family(6, 2, k_clone));
  const auto done = reconcile();
  ASSERT_FAILS(done, Errc::conflict);
  EXPECT_NE(done.error().message.find("generation 6 is older than 8, which was in force"), std::string::npos) << done.error().message;
  EXPECT_EQ(done.error().place, "/zynclone/family/" + k_original.text());
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_TRUE(announced.calls.empty());
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt) << "8 would count for 6";

  // With the right one, all goes on.
  publish_by_hand(family(9, 5, std::nullopt));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::disabled, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), "9");
}

TEST_F(Cutover, AnOlderProductionIsRefusedWhateverTheFamilysGenerationSays) {
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  for (const auto& [production, member] : std::initializer_list<std::pair<std::uint64_t, std::optional<Uuid>>>{
           {3, std::nullopt}, {2, k_clone}, {0, std::nullopt}, {4, k_clone}, {4, std::nullopt}}) {
    publish_by_hand(family(9, production, member));
    EXPECT_FAILS(reconcile(), Errc::conflict) << production;
    expect_in_force(VifMode::unlocked, VifMode::disabled);
    EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
  }
}

// Its rules stay alive: they follow its interfaces.
TEST_F(Cutover, AMemberOfAFamilyThatWentBackIsNotFreedByRebooting) {
  publish(family(8, 4, k_clone));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::disabled, VifMode::unlocked);
  publish_by_hand(family(6, 2, k_original));
  EXPECT_FAILS(reconcile(), Errc::conflict);
  world.remove_domain(3);
  world.remove("/local/domain/0/backend/vif/3");
  world.add_domain(12, k_original, "pos1");
  world.add_vif(0, 12, 0, k_original_mac);
  EXPECT_FAILS(reconcile(), Errc::conflict);
  ASSERT_TRUE(rule("vif12.0"));
  EXPECT_EQ(rule("vif12.0")->mode, VifMode::disabled);
}

TEST_F(Cutover, OtherFamiliesGoOnMeanwhile) {
  publish(family(8, 4, k_original));
  Family other = family_without_clones(2);
  other.vm = VmName::parse("pos2").value();
  other.uuid = Uuid::derived("pos2");
  publish(other);
  ASSERT_OK(reconcile());
  other.generation.value = 3;
  publish(other);
  publish_by_hand(family(6, 2, k_clone));
  EXPECT_FAILS(reconcile(), Errc::conflict);
  EXPECT_EQ(world.read("/zynclone/ack/0/" + other.uuid.text()), "3");
}

TEST_F(Cutover, ARestartedMonitorKnowsWhatItAcknowledged) {
  publish(family(8, 4, k_original));
  ASSERT_OK(reconcile());
  publish_by_hand(family(6, 2, k_clone));
  NetMonitor restarted(world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                       std::make_unique<FakeBridges>(bridges));
  EXPECT_FAILS(restarted.reconcile(Hints::all()), Errc::conflict);
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), std::nullopt);
}

TEST_F(Cutover, AFamilyThatIsMadeAnewBeginsAnew) {
  publish(family(8, 4, k_clone));
  ASSERT_OK(reconcile());
  world.remove_family("pos1");
  ASSERT_OK(CloneMonitor(world.context.get_executor(), world.families_folder).reconcile(Hints::all()));
  ASSERT_OK(reconcile());
  publish(family_with_clone(1, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), "1");
}

// As docs/administration.md has it.
TEST_F(Cutover, AFileFromABackupCountsOnceBothMonitorsWereRestarted) {
  publish(family(8, 4, k_clone));
  ASSERT_OK(reconcile());
  publish(family(6, 2, k_original));
  EXPECT_FAILS(reconcile(), Errc::conflict);
  NetMonitor restarted(world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                       std::make_unique<FakeBridges>(bridges));
  ASSERT_OK(restarted.reconcile(Hints::all()));
  expect_in_force(VifMode::unlocked, VifMode::disabled);
  EXPECT_EQ(world.read(k_acknowledgement), "6");
}

}  // namespace
}  // namespace zynclone::broker::monitors
