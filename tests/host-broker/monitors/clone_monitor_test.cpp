// clone-monitor's reconciliation, called directly, against the sandbox's XenStore.

#include "host-broker/monitors/clone_monitor.hpp"

#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {
namespace {

using protocol::CloneState;

const std::string k_family = "/zynclone/family/" + k_original.text();

class CloneMonitorTest : public ::testing::Test {
 protected:
  Result<void> reconcile() { return monitor.reconcile(Hints::all()); }

  LockdownWorld world;
  CloneMonitor monitor{world.context.get_executor(), world.families_folder};
};

// clone-net-monitor looks at once where a generation is written, and later where only a mode is.
TEST_F(CloneMonitorTest, WhatIsPutRightIsToldAsAGeneration) {
  world.add_domain(3, k_original, "pos1");
  world.save(family_without_clones(4));
  ASSERT_OK(reconcile());
  const std::string mode = k_family + "/member/" + k_original.text() + "/vif/0/mode";
  world.write(mode, "disabled");
  auto store = xenstore::Store::open(world.context.get_executor());
  ASSERT_OK(store);
  ASSERT_OK(store.value().watch(k_family + "/generation", "test"));
  const auto told = [&] { return tests::run(world.context, with_timeout(store.value().next_event(), std::chrono::seconds(5), "an event")); };
  ASSERT_OK(told()) << "each watch tells as it is made";
  ASSERT_OK(monitor.reconcile(Hints{.everything = false, .names = {mode}}));
  EXPECT_EQ(world.read(mode), "unlocked");
  const auto event = told();
  ASSERT_OK(event);
  EXPECT_EQ(event.value().path, k_family + "/generation");
}

TEST_F(CloneMonitorTest, PublishesAFamilyWithItsPermissions) {
  world.add_domain(3, k_original, "pos1");
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  Family family = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0});
  family.vifs[0].backend = "znetdd";
  world.save(family);
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_family + "/vm"), "pos1");
  EXPECT_EQ(world.read(k_family + "/generation"), "4");
  EXPECT_EQ(world.read(k_family + "/backends"), "0 5");
  const std::string member = k_family + "/member/" + k_original.text();
  EXPECT_EQ(world.read(member + "/domid"), "3");
  EXPECT_EQ(world.read(member + "/vif/0/interface"), "vif3.0");
  EXPECT_EQ(world.read(member + "/vif/0/mode"), "disabled");
  for (const std::string& path : {std::string("/zynclone/family"), k_family, k_family + "/generation", member, member + "/vif", member + "/vif/0", member + "/vif/0/mode"}) {
    EXPECT_EQ(world.permissions(path), "n0 r5") << path;
  }
  EXPECT_EQ(world.permissions("/zynclone/ack/5"), "n5");
}

TEST_F(CloneMonitorTest, AGuestCannotReadFamilies) {
  world.add_domain(3, k_original, "pos1");
  world.save(family_without_clones(1));
  ASSERT_OK(reconcile());
  world.use_domain(3);
  auto guest = xenstore::Store::open(world.context.get_executor());
  world.use_domain(0);
  ASSERT_OK(guest);
  EXPECT_FAILS(guest.value().read(k_family + "/vm"), Errc::refused);
  EXPECT_FAILS(guest.value().directory("/zynclone/family"), Errc::refused);
  EXPECT_FAILS(guest.value().write("/zynclone/ack/0/" + k_original.text(), "9"), Errc::refused);
  EXPECT_FAILS(guest.value().write("zynclone/role", "original"), Errc::refused);
  EXPECT_EQ(guest.value().read("zynclone/role").value(), "original");
}

TEST_F(CloneMonitorTest, WritesNothingWhenNothingChanged) {
  world.save(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0}));
  world.add_domain(3, k_original, "pos1");
  world.add_vif(0, 3, 0, k_original_mac);
  ASSERT_OK(reconcile());
  auto store = xenstore::Store::open(world.context.get_executor());
  ASSERT_OK(store);
  ASSERT_OK(store.value().watch("/zynclone", "w"));
  ASSERT_OK(store.value().watch("/local/domain/3", "w"));
  for (int registered = 0; registered < 2; ++registered) ASSERT_OK(tests::run_on(world.context, store.value().next_event()));
  ASSERT_OK(reconcile());
  ASSERT_OK(reconcile());
  world.write("/zynclone/end", "");
  const auto event = tests::run_on(world.context, store.value().next_event());
  ASSERT_OK(event);
  EXPECT_EQ(event.value().path, "/zynclone/end");
}

TEST_F(CloneMonitorTest, FollowsAVmToItsNewDomain) {
  world.save(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0}));
  const std::string member = k_family + "/member/" + k_original.text();
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(member + "/domid"), std::nullopt);
  EXPECT_EQ(world.read(member + "/vif/0/interface"), "");
  world.add_domain(3, k_original, "pos1");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(member + "/domid"), "3");
  world.remove_domain(3);
  world.add_domain(8, k_original, "pos1");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(member + "/domid"), "8");
  EXPECT_EQ(world.read(member + "/vif/0/interface"), "vif8.0");
  EXPECT_EQ(world.read("/local/domain/8/zynclone/role"), "original");
  EXPECT_EQ(world.list("/local/domain"), (std::vector<std::string>{"0", "8"})) << "no home for a domain that is gone";
}

TEST_F(CloneMonitorTest, TellsMembersWhoTheyAre) {
  world.add_domain(3, k_original, "pos1");
  world.add_domain(7, k_clone, "pos1.upgrade-1");
  world.add_vif(0, 7, 0, k_clone_mac);
  world.write("/local/domain/7/zynclone/mailbox/answer", "another's");
  world.save(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  const std::string home = "/local/domain/7/zynclone/";
  EXPECT_EQ(world.read(home + "role"), "clone");
  EXPECT_EQ(world.read(home + "vm"), "pos1");
  EXPECT_EQ(world.read(home + "family"), k_original.text());
  EXPECT_EQ(world.read(home + "member"), "upgrade-1");
  EXPECT_EQ(world.read(home + "state"), "running");
  EXPECT_EQ(world.read(home + "generation"), "4");
  EXPECT_EQ(world.read(home + "vif/0/mode"), "disabled");
  EXPECT_EQ(world.permissions(home + "role"), "n0 r7");
  EXPECT_EQ(world.permissions(home + "vif/0/mode"), "n0 r7");
  EXPECT_EQ(world.read(home + "mailbox/answer"), "another's");
  EXPECT_EQ(world.read("/local/domain/7/device/vif/0/disconnect"), "1");
  EXPECT_EQ(world.read("/local/domain/3/device/vif/0/disconnect"), std::nullopt) << "no frontend, no node";

  world.save(family_with_clone(5, CloneState::running, VifMask{1}, VifMask{1}));
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(home + "vif/0/mode"), "unlocked");
  EXPECT_EQ(world.read("/local/domain/7/device/vif/0/disconnect"), "0");

  world.save(family_without_clones(6));
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.list("/local/domain/7/zynclone"), std::vector<std::string>{"mailbox"});
  EXPECT_EQ(world.read("/local/domain/3/zynclone/generation"), "6");
}

TEST_F(CloneMonitorTest, RemovesWhatNoFileBacks) {
  world.save(family_without_clones(1));
  world.add_domain(3, k_original, "pos1");
  world.write("/zynclone/family/" + k_clone.text() + "/vm", "gone");
  world.write("/zynclone/family/not-a-uuid/vm", "odd");
  world.write("/zynclone/ack/0/" + k_clone.text(), "7");
  world.write("/zynclone/ack/0/" + k_original.text(), "1");
  world.write("/zynclone/ack/9/" + k_original.text(), "1");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.list("/zynclone/family"), std::vector<std::string>{k_original.text()});
  EXPECT_EQ(world.list("/zynclone/ack/0"), std::vector<std::string>{k_original.text()});
  EXPECT_EQ(world.list("/zynclone/ack"), std::vector<std::string>{"0"}) << "domain 9 is not there";

  world.remove_family("pos1");
  ASSERT_OK(reconcile());
  EXPECT_TRUE(world.list("/zynclone/family").empty());
  EXPECT_TRUE(world.list("/zynclone/ack/0").empty());
  EXPECT_EQ(world.read("/local/domain/3/zynclone/role"), std::nullopt);
  EXPECT_EQ(world.read("/local/domain/3/zynclone"), std::nullopt);
}

TEST_F(CloneMonitorTest, ADamagedFileLeavesItsFamilyAsItIs) {
  world.add_domain(3, k_original, "pos1");
  world.save(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0}));
  ASSERT_OK(reconcile());
  world.folder.write("clones/pos1.json", "{\"generation\": ");
  Family other = family_without_clones(2);
  other.vm = VmName::parse("pos2").value();
  other.uuid = Uuid::derived("pos2");
  world.save(other);
  EXPECT_FAILS(reconcile(), Errc::configuration);
  EXPECT_EQ(world.read(k_family + "/generation"), "4");
  EXPECT_EQ(world.read("/local/domain/3/zynclone/role"), "original");
  EXPECT_EQ(world.read("/zynclone/family/" + other.uuid.text() + "/generation"), "2") << "the others are published";
}

TEST_F(CloneMonitorTest, AFolderThatIsNotThereRemovesNothing) {
  world.save(family_without_clones(4));
  ASSERT_OK(reconcile());
  std::filesystem::rename(world.families_folder, world.folder / "elsewhere");
  EXPECT_FAILS(reconcile(), Errc::not_found);
  EXPECT_EQ(world.read(k_family + "/generation"), "4");
}

// The file was put back from a backup: what was acknowledged then is not what is to be in force now.
TEST_F(CloneMonitorTest, AnAcknowledgementOfALaterGenerationIsRemoved) {
  world.write("/zynclone/ack/0/" + k_original.text(), "9");
  world.save(family_without_clones(4));
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read("/zynclone/ack/0/" + k_original.text()), std::nullopt);
  world.write("/zynclone/ack/0/" + k_original.text(), "4");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read("/zynclone/ack/0/" + k_original.text()), "4");
  world.write("/zynclone/ack/0/" + k_original.text(), "4 or so");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read("/zynclone/ack/0/" + k_original.text()), std::nullopt);
}

TEST_F(CloneMonitorTest, ADriverDomainThatComesBackMayReadEverythingAgain) {
  Family family = family_without_clones(4);
  family.vifs[0].backend = "znetdd";
  world.save(family);
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_family + "/backends"), "");
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.permissions(k_family + "/vm"), "n0 r5");
  world.remove_domain(5);
  world.add_domain(6, Uuid::derived("driver"), "znetdd");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(k_family + "/backends"), "6");
  EXPECT_EQ(world.permissions(k_family + "/vm"), "n0 r6");
  EXPECT_EQ(world.permissions(k_family + "/member/" + k_original.text() + "/vif/0/mode"), "n0 r6");
  EXPECT_EQ(world.permissions("/zynclone/family"), "n0 r6");
  EXPECT_EQ(world.list("/zynclone/ack"), std::vector<std::string>{"6"});
}

// One file has changed, as when production moves.
TEST_F(CloneMonitorTest, WhatIsKnownIsNotReadAgain) {
  world.add_domain(3, k_original, "pos1");
  world.add_domain(7, k_clone, "pos1.upgrade-1");
  world.add_vif(0, 7, 0, k_clone_mac);
  world.save(family_with_clone(4, CloneState::running, VifMask{1}, VifMask{0}));
  ASSERT_OK(reconcile());
  const std::string by_hand = k_family + "/vm";
  world.write(by_hand, "by hand");
  const Hints file{.everything = false, .names = {"file:pos1.json"}};
  world.save(family_with_clone(5, CloneState::running, VifMask{0}, VifMask{1}));
  ASSERT_OK(monitor.reconcile(file));
  EXPECT_EQ(world.read(k_family + "/generation"), "5");
  EXPECT_EQ(world.read(k_family + "/member/" + k_original.text() + "/vif/0/mode"), "disabled");
  EXPECT_EQ(world.read(k_family + "/member/" + k_clone.text() + "/vif/0/mode"), "unlocked");
  EXPECT_EQ(world.read("/local/domain/7/zynclone/vif/0/mode"), "unlocked");
  EXPECT_EQ(world.read("/local/domain/7/zynclone/generation"), "5");
  EXPECT_EQ(world.read("/local/domain/7/device/vif/0/disconnect"), "0");
  EXPECT_EQ(world.read(by_hand), "by hand") << "it was not looked at";

  ASSERT_OK(monitor.reconcile({.everything = false, .names = {by_hand}}));
  EXPECT_EQ(world.read(by_hand), "pos1");
  world.save(family_without_clones(6));
  ASSERT_OK(monitor.reconcile(file));
  EXPECT_EQ(world.list(k_family + "/member"), std::vector<std::string>{k_original.text()});
  EXPECT_EQ(world.read("/local/domain/7/zynclone/role"), std::nullopt);
}

TEST_F(CloneMonitorTest, AFamilyWhoseFileComesBackIsPublishedAgainAtOnce) {
  const Hints file{.everything = false, .names = {"file:pos1.json"}};
  const Family family = family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0});
  world.save(family);
  ASSERT_OK(reconcile());
  world.remove_family("pos1");
  ASSERT_OK(monitor.reconcile(file));
  EXPECT_EQ(world.read(k_family + "/vm"), std::nullopt);
  world.save(family);
  ASSERT_OK(monitor.reconcile(file));
  EXPECT_EQ(world.read(k_family + "/vm"), "pos1");
  EXPECT_EQ(world.read(k_family + "/generation"), "4");
}

TEST_F(CloneMonitorTest, WhatSomeoneChangesByHandIsPutRight) {
  world.save(family_with_clone(4, CloneState::running, VifMask{0}, VifMask{0}));
  ASSERT_OK(reconcile());
  const std::string mode = k_family + "/member/" + k_original.text() + "/vif/0/mode";
  world.write(mode, "unlocked");
  world.write(k_family + "/member/" + k_original.text() + "/vif/1/mode", "unlocked");
  ASSERT_OK(reconcile());
  EXPECT_EQ(world.read(mode), "disabled");
  EXPECT_EQ(world.list(k_family + "/member/" + k_original.text() + "/vif"), std::vector<std::string>{"0"});
}

}  // namespace
}  // namespace zynclone::broker::monitors
