// An agent that is copied with its VM: before, while, and when it wakes up in another one.
#include "tests/guest-agent-core/agent_fixture.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;

TEST_F(AgentTest, WakingUpInACloneEndsWhatMovesInTheOriginal) {
  programs.behaviours["prepare-cutover till"] = Behaviour::hangs;
  programs.behaviours["release-volume till"] = Behaviour::hangs;
  serve();
  forget();
  protocol::GuestPrepareCutover prepare;
  prepare.token = operation_number(1);
  protocol::GuestReleaseVolume release;
  release.volume = VolumeName::parse("sales").value();
  release.device = "xvds";
  const auto preparing = broker->ask(prepare);
  const auto releasing = broker->ask(release);
  ASSERT_TRUE(wait([&] { return record.has("prepare-cutover till") && record.has("release-volume till"); }));
  source.set(clone_identity());
  ASSERT_TRUE(wait([&] { return record.has("cancelled prepare-cutover till") && record.has("cancelled release-volume till"); }));
  EXPECT_FALSE(record.has("acquire-volume till"));
}

TEST_F(AgentTest, ItTakesTheIdentityOfACloneWhenTheBrokerAsks) {
  serve();
  forget();
  protocol::GuestApplyIdentity call{.token = operation_number(1), .generation_id = uuid_number(7), .hostname = "pos1-upgrade-1", .vifs = {{0, "00:16:3e:01:02:03"}}};
  const auto report = answer(broker->ask(call));
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 1u);
  EXPECT_EQ(identities.kept, (IdentityRecord{operation_number(1), 1}));
  EXPECT_EQ(programs.environments["apply-identity keys"].at("ZYNCLONE_MEMBER"), "pos1");
  EXPECT_GT(programs.limits["apply-identity keys"], limits.hooks.each) << "keys take their time";
  ASSERT_OK(answer(broker->ask(call)));
  EXPECT_EQ(record.count("apply-identity keys"), 1u);
}

TEST_F(AgentTest, NothingElseMovesWhileTheIdentityIsApplied) {
  programs.behaviours["apply-identity keys"] = Behaviour::hangs;
  serve();
  protocol::GuestApplyIdentity call{.token = operation_number(1), .generation_id = uuid_number(7), .hostname = "pos1-upgrade-1", .vifs = {}};
  const auto applying = broker->ask(call);
  ASSERT_TRUE(wait([&] { return record.has("apply-identity keys"); }));
  protocol::GuestReleaseVolume release;
  release.volume = VolumeName::parse("sales").value();
  release.device = "xvds";
  protocol::GuestAcquireVolume acquire;
  acquire.volume = release.volume;
  acquire.device = "xvds";
  const auto busy = answer(broker->ask(release));
  ASSERT_FAILS(busy, Errc::busy);
  EXPECT_EQ(busy.error().message, "cannot release volume 'sales': this guest's identity is being applied");
  EXPECT_FAILS(answer(broker->ask(acquire)), Errc::busy);
  EXPECT_FAILS(answer(broker->ask(protocol::GuestQuiesce{operation_number(2), 60'000})), Errc::busy);
  EXPECT_FAILS(answer(broker->ask(protocol::GuestPrepareCutover{.token = operation_number(3)})), Errc::busy);
  // A clone of the clone, made at this moment.
  source.set(clone_identity());
  ASSERT_TRUE(wait([&] { return record.has("cancelled apply-identity keys"); }));
  EXPECT_FALSE(identities.kept);
}

TEST_F(AgentTest, NoIdentityIsAppliedWhileAVolumeMoves) {
  programs.behaviours["release-volume till"] = Behaviour::hangs;
  serve();
  protocol::GuestReleaseVolume release;
  release.volume = VolumeName::parse("sales").value();
  release.device = "xvds";
  const auto releasing = broker->ask(release);
  ASSERT_TRUE(wait([&] { return record.has("release-volume till"); }));
  protocol::GuestApplyIdentity call{.token = operation_number(1), .generation_id = uuid_number(7), .hostname = "pos1-upgrade-1", .vifs = {}};
  const auto busy = answer(broker->ask(call));
  ASSERT_FAILS(busy, Errc::busy);
  EXPECT_NE(busy.error().message.find("volume 'sales' is being released"), std::string::npos) << busy.error().message;
}

// The leases are the original's; what the clone has under the same device names are copies.
TEST_F(AgentTest, WakingUpInACloneForgetsTheLeasesOfTheOriginal) {
  serve();
  protocol::GuestAcquireVolume acquire;
  acquire.volume = VolumeName::parse("sales").value();
  acquire.device = "xvds";
  acquire.filesystem = "ext4";
  acquire.token = 7;
  ASSERT_OK(answer(broker->ask(acquire)));
  ASSERT_EQ(volumes.kept.size(), 1u);
  source.set(clone_identity());
  ASSERT_TRUE(wait([&] { return statuses.back().starts_with("waiting"); }));
  EXPECT_TRUE(volumes.kept.empty());
  EXPECT_EQ(mounter.mounted.count("/srv/sales"), 1u) << "its copy is used on";
  broker = factory.connect_and_greet();
  protocol::GuestReleaseVolume release;
  release.volume = acquire.volume;
  release.device = "xvds";
  release.token = 1;
  EXPECT_OK(answer(broker->ask(release)));
}

TEST_F(AgentTest, WakingUpInACloneEndsEverythingAndStartsAnew) {
  serve();
  forget();
  auto caller = listener.connect(Rights::change);
  auto watcher = listener.connect(Rights::read);
  quiesce(1);
  const auto pending = caller->ask(protocol::FamilyShow{});
  ASSERT_TRUE(wait([&] { return std::holds_alternative<protocol::FamilyShow>(broker->requests.back().method); }));
  source.set(clone_identity());

  EXPECT_FAILS(answer(pending), Errc::moved);
  EXPECT_NE((*pending)->error().message.find("woke up in a clone"), std::string::npos);
  ASSERT_TRUE(wait([&] { return caller->ended && watcher->ended && broker->ended; }));
  EXPECT_EQ(caller->ended->code, Errc::moved);
  EXPECT_EQ(watcher->ended->code, Errc::moved);
  ASSERT_TRUE(wait([&] { return record.has("identity rename") && record.has("clear"); }));
  EXPECT_TRUE(record.has("thaw mounts /srv")) << "what was frozen at that instant is frozen here, too";
  EXPECT_EQ(programs.environments["identity rename"].at("ZYNCLONE_ROLE"), "clone");
  EXPECT_EQ(programs.environments["identity rename"].at("ZYNCLONE_MEMBER"), "upgrade-1");
  ASSERT_TRUE(wait([&] { return factory.opened == 2; }));
  broker = factory.connect_and_greet();
  ASSERT_TRUE(wait([&] { return statuses.back() == "connected to the broker as upgrade-1 (clone of pos1)"; }));
  ASSERT_TRUE(wait([&] { return last.kept == clone_identity().uuid; }));
}

TEST_F(AgentTest, ADiskThatWasCopiedIsNoticedAtBoot) {
  last.kept = original_identity().uuid;
  source.set(clone_identity());
  serve();
  ASSERT_TRUE(wait([&] { return record.has("identity rename"); }));
  EXPECT_EQ(statuses.back(), "connected to the broker as upgrade-1 (clone of pos1)");
  ASSERT_TRUE(wait([&] { return last.kept == clone_identity().uuid; }));
}

TEST_F(AgentTest, AnOrdinaryBootRunsNoIdentityHook) {
  last.kept = original_identity().uuid;
  serve();
  forget();
  EXPECT_FALSE(record.has("identity rename"));
}

TEST_F(AgentTest, ARestoredVmKeepsItsCallersAndOpensANewChannel) {
  serve();
  auto caller = listener.connect(Rights::read);
  const auto pending = caller->ask(protocol::FamilyShow{});
  ASSERT_TRUE(wait([&] { return broker->requests.size() == 2; }));
  Identity restored = original_identity();
  restored.domain = DomainId{6};
  source.set(restored);
  EXPECT_FAILS(answer(pending), Errc::unavailable);
  ASSERT_TRUE(wait([&] { return factory.opened == 2; }));
  EXPECT_FALSE(caller->ended);
  EXPECT_FALSE(record.has("identity rename"));
}

TEST_F(AgentTest, ItsChannelIsClosedWhileTheMemoryIsCopied) {
  serve();
  auto caller = listener.connect(Rights::read);
  Identity saved = original_identity();
  saved.is_being_saved = true;
  source.set(saved);
  ASSERT_TRUE(wait([&] { return broker->ended.has_value(); }));
  const auto refused = answer(caller->ask(protocol::FamilyShow{}));
  ASSERT_FAILS(refused, Errc::unavailable);
  EXPECT_NE(refused.error().message.find("memory is being copied"), std::string::npos) << refused.error().message;
  EXPECT_EQ(factory.opened, 1u);
  // In the original the host takes the word back, in the clone it is not there.
  source.set(clone_identity());
  ASSERT_TRUE(wait([&] { return caller->ended.has_value(); }));
  EXPECT_EQ(caller->ended->code, Errc::moved);
  broker = factory.connect_and_greet();
  ASSERT_TRUE(wait([&] { return statuses.back() == "connected to the broker as upgrade-1 (clone of pos1)"; }));
}

TEST_F(AgentTest, AHostThatForgetsItsCopyKeepsItAwayForSomeTimeOnly) {
  limits.longest_save = std::chrono::milliseconds(20);
  serve();
  Identity saved = original_identity();
  saved.is_being_saved = true;
  source.set(saved);
  ASSERT_TRUE(wait([&] { return broker->ended.has_value(); }));
  broker = factory.connect_and_greet();
  ASSERT_TRUE(wait([&] { return statuses.back().starts_with("connected"); }));
}

TEST_F(AgentTest, WhichVmItIsIsRememberedOnlyWhenNothingIsFrozen) {
  serve();
  quiesce(1);
  last.kept.reset();
  freezer.thaw_failures = 3;
  source.set(clone_identity());
  ASSERT_TRUE(wait([&] { return record.count("thaw mounts /srv") == 1; }));
  EXPECT_FALSE(last.kept) << "its file may be on a frozen file system";
  ASSERT_TRUE(wait([&] { return last.kept.has_value(); }));
  EXPECT_EQ(record.events.back() == "identity rename" || record.has("clear"), true);
}

}  // namespace
}  // namespace zynclone::tests
