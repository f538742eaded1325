#include "guest-agent-core/agent.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;
using Events = std::vector<std::string>;

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    programs.names[HookEvent::quiesce] = {"a"};
    programs.names[HookEvent::thaw] = {"a"};
    programs.names[HookEvent::health] = {"a", "b"};
    programs.names[HookEvent::identity] = {"rename"};
    programs.names[HookEvent::interfaces] = {"links"};
    programs.names[HookEvent::apply_identity] = {"keys"};
    programs.names[HookEvent::prepare_cutover] = {"till"};
    programs.names[HookEvent::release_volume] = {"till"};
    programs.names[HookEvent::acquire_volume] = {"till"};
    freezer.configured = {"/srv"};
    source.set(original_identity());
    limits.session.shortest_pause = std::chrono::milliseconds(1);
    limits.quiesce.thaw_retry = std::chrono::milliseconds(5);
  }
  ~AgentTest() override { end(); }

  void begin() {
    const AgentParts parts{factory, listener, programs, freezer, store, source, last, identities, mounter, volumes, mount_points, &commands};
    agent.emplace(context.get_executor(), parts, limits, [this](const std::string& status) { statuses.push_back(status); });
    start(context, agent->run(), [this](Result<void> result) { ended.emplace(result); });
  }
  void serve() {
    begin();
    ASSERT_TRUE(wait([&] { return !statuses.empty(); }));
    broker = factory.connect_and_greet();
    ASSERT_TRUE(wait([&] { return statuses.back().starts_with("connected"); }));
  }
  void end() {
    if (!agent) return;
    agent->stop();
    EXPECT_TRUE(wait([&] { return ended.has_value(); })) << "the agent does not end";
    settle(context);
    agent.reset();
  }
  bool wait(std::function<bool()> condition) { return run_until(context, condition); }
  template <class T>
  Result<T> answer(std::shared_ptr<std::optional<Result<T>>> asked) {
    EXPECT_TRUE(wait([&] { return asked->has_value(); })) << "no answer";
    return asked->has_value() ? **asked : Result<T>(Error{Errc::internal, "no answer"});
  }
  void quiesce(unsigned token) { ASSERT_OK(answer(broker->ask(protocol::GuestQuiesce{operation_number(token), 60'000}))); }
  // The hooks of the first reading are none of what a test looks at.
  void forget() {
    ASSERT_TRUE(wait([&] { return record.has("interfaces links"); }));
    settle(context);
    record.events.clear();
  }

  asio::io_context context;
  Record record;
  FakeChannelFactory factory{context};
  FakeLocalListener listener{context, record};
  FakeHookPrograms programs{record};
  FakeFreezer freezer{record};
  FakeQuiesceStore store{record};
  FakeIdentitySource source;
  FakeLastIdentity last;
  FakeIdentityStore identities;
  FakeVolumeMounter mounter{record};
  FakeVolumeStore volumes;
  FakeCommandPrograms commands{record};
  MountPoints mount_points{{VolumeName::parse("sales").value(), "/srv/sales"}};
  AgentLimits limits;
  std::vector<std::string> statuses;
  std::unique_ptr<FakePeer> broker;
  std::optional<Agent> agent;
  std::optional<Result<void>> ended;
};

TEST_F(AgentTest, TellsItsStatus) {
  serve();
  EXPECT_EQ(statuses, (Events{"waiting for the broker as pos1 (original)", "connected to the broker as pos1 (original)"}));
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return statuses.size() == 3; }));
  EXPECT_EQ(statuses.back(), "waiting for the broker as pos1 (original)");
}

TEST_F(AgentTest, ServesWithoutKnowingWhichVmItIs) {
  source.fail(Error{Errc::unavailable, "no XenStore"});
  begin();
  ASSERT_TRUE(wait([&] { return !statuses.empty(); }));
  EXPECT_EQ(statuses.back(), "waiting for the broker");
}

TEST_F(AgentTest, QuiescesAndThawsForTheBroker) {
  serve();
  forget();
  quiesce(1);
  const auto thawed = answer(broker->ask(protocol::GuestThaw{operation_number(1)}));
  ASSERT_OK(thawed);
  EXPECT_TRUE(thawed.value().was_quiesced);
  EXPECT_EQ(record.events, (Events{"save 0", "quiesce a", "save 1", "freeze", "thaw mounts /srv", "thaw a", "clear"}));
  EXPECT_EQ(programs.environments["quiesce a"].at("ZYNCLONE_MEMBER"), "pos1") << "hooks are told which VM this is";
}

TEST_F(AgentTest, RunsACommandForTheBrokerAlsoWhenTheChannelBreaks) {
  serve();
  commands.hold();
  commands.end.output = "done";
  protocol::GuestRun run{.token = operation_number(1), .command = {"upgrade"}};
  const auto lost = broker->ask(run);
  ASSERT_TRUE(wait([&] { return record.has("run upgrade"); }));
  EXPECT_EQ(commands.environment.at("ZYNCLONE_MEMBER"), "pos1");
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return statuses.back().starts_with("waiting"); }));
  broker = factory.connect_and_greet();
  ASSERT_TRUE(wait([&] { return statuses.back().starts_with("connected"); }));
  run.attach = true;
  const auto attached = broker->ask(run);
  commands.let_go();
  const auto report = answer(attached);
  ASSERT_OK(report);
  EXPECT_EQ(report.value().output, "done");
  EXPECT_EQ(record.count("run upgrade"), 1u);
}

TEST_F(AgentTest, ACommandThatRunsIsKilledWhenTheAgentStopsOrWakesUpInAClone) {
  serve();
  commands.hold();
  protocol::GuestRun run{.token = operation_number(1), .command = {"upgrade"}};
  broker->ask(run);
  ASSERT_TRUE(wait([&] { return record.has("run upgrade"); }));
  source.set(clone_identity());
  ASSERT_TRUE(wait([&] { return record.has("killed upgrade"); }));
  ASSERT_TRUE(wait([&] { return statuses.back().starts_with("waiting"); }));
  broker = factory.connect_and_greet();
  run.token = operation_number(2);
  broker->ask(run);
  ASSERT_TRUE(wait([&] { return record.count("run upgrade") == 2; }));
  end();
  EXPECT_EQ(record.count("killed upgrade"), 2u);
}

TEST_F(AgentTest, MovesAVolumeForTheBroker) {
  mounter.mounted["/srv/sales"] = "xvds";
  serve();
  forget();
  protocol::GuestPrepareCutover prepare;
  prepare.token = operation_number(1);
  EXPECT_EQ(answer(broker->ask(prepare)).value().hooks, 1u);
  protocol::GuestReleaseVolume release;
  release.volume = VolumeName::parse("sales").value();
  release.device = "xvds";
  release.token = 5;
  EXPECT_TRUE(answer(broker->ask(release)).value().was_mounted);
  protocol::GuestAcquireVolume acquire;
  acquire.volume = release.volume;
  acquire.device = "xvds";
  acquire.filesystem = "ext4";
  acquire.token = 7;
  EXPECT_EQ(answer(broker->ask(acquire)).value().mount_point, "/srv/sales");
  EXPECT_EQ(record.events, (Events{"prepare-cutover till", "release-volume till", "unmount sales", "wait for xvds", "mount sales ext4",
                                   "acquire-volume till"}));
  EXPECT_EQ(programs.environments["acquire-volume till"].at("ZYNCLONE_MEMBER"), "pos1") << "hooks are told which VM this is";
}

TEST_F(AgentTest, AChannelThatEndsDoesNotEndARelease) {
  programs.behaviours["release-volume till"] = Behaviour::hangs;
  limits.hooks.each = std::chrono::milliseconds(100);
  mounter.mounted["/srv/sales"] = "xvds";
  serve();
  forget();
  protocol::GuestReleaseVolume release;
  release.volume = VolumeName::parse("sales").value();
  release.device = "xvds";
  const auto asked = broker->ask(release);
  ASSERT_TRUE(wait([&] { return record.has("release-volume till"); }));
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return record.has("acquire-volume till"); })) << "it is put back in use";
}

TEST_F(AgentTest, WhatMovesIsNotQuiesced) {
  programs.behaviours["release-volume till"] = Behaviour::hangs;
  serve();
  protocol::GuestReleaseVolume release;
  release.volume = VolumeName::parse("sales").value();
  release.device = "xvds";
  const auto asked = broker->ask(release);
  ASSERT_TRUE(wait([&] { return record.has("release-volume till"); }));
  const auto refused = answer(broker->ask(protocol::GuestQuiesce{operation_number(1), 60'000}));
  ASSERT_FAILS(refused, Errc::busy);
  EXPECT_NE(refused.error().message.find("volume 'sales' is being released"), std::string::npos) << refused.error().message;
  end();
  EXPECT_TRUE(record.has("cancelled release-volume till")) << "stopping ends it";
}

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

TEST_F(AgentTest, HealthIsWhatTheHooksSay) {
  programs.behaviours["health b"] = Behaviour::fails;
  serve();
  const auto report = answer(broker->ask(protocol::GuestHealth{}));
  ASSERT_OK(report);
  EXPECT_FALSE(report.value().healthy);
  ASSERT_EQ(report.value().checks.size(), 2u);
  EXPECT_EQ(report.value().checks[0].name, "a");
  EXPECT_TRUE(report.value().checks[0].healthy);
  EXPECT_EQ(report.value().checks[0].detail, "line two");
  EXPECT_FALSE(report.value().checks[1].healthy);
}

TEST_F(AgentTest, AFailedCheckThatSaidNothingSaysWhatHappened) {
  programs.names[HookEvent::health] = {"b"};
  programs.behaviours["health b"] = Behaviour::fails;
  programs.output.clear();
  serve();
  const auto report = answer(broker->ask(protocol::GuestHealth{}));
  ASSERT_OK(report);
  EXPECT_EQ(report.value().checks[0].detail, "cannot run the hook 'b': exit status 3");
}

TEST_F(AgentTest, HealthOfAGuestAtRestIsNotAsked) {
  serve();
  quiesce(1);
  EXPECT_FAILS(answer(broker->ask(protocol::GuestHealth{})), Errc::busy);
  EXPECT_FALSE(record.has("health a"));
}

TEST_F(AgentTest, AnotherHealthCheckWaitsForItsTurnByItself) {
  programs.behaviours["health a"] = Behaviour::hangs;
  limits.hooks.each = std::chrono::milliseconds(50);
  serve();
  const auto first = broker->ask(protocol::GuestHealth{});
  ASSERT_TRUE(wait([&] { return record.has("health a"); }));
  EXPECT_FAILS(answer(broker->ask(protocol::GuestHealth{})), Errc::busy);
  EXPECT_FALSE(answer(first).value().healthy);
}

TEST_F(AgentTest, AChannelThatEndsThaws) {
  serve();
  quiesce(1);
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return record.has("clear"); }));
  EXPECT_TRUE(record.has("thaw mounts /srv"));
  EXPECT_TRUE(record.has("thaw a"));
}

TEST_F(AgentTest, AChannelThatEndsInAHookEndsTheHookAndThaws) {
  programs.behaviours["quiesce a"] = Behaviour::hangs;
  serve();
  const auto asked = broker->ask(protocol::GuestQuiesce{operation_number(1), 60'000});
  ASSERT_TRUE(wait([&] { return record.has("quiesce a"); }));
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return record.has("clear"); }));
  EXPECT_TRUE(record.has("cancelled quiesce a"));
  EXPECT_TRUE(record.has("thaw a"));
}

TEST_F(AgentTest, StoppingThawsFirst) {
  serve();
  auto caller = listener.connect(Rights::read);
  quiesce(1);
  end();
  EXPECT_TRUE(record.has("thaw mounts /srv"));
  EXPECT_EQ(record.events.back(), "clear");
  ASSERT_TRUE(wait([&] { return caller->ended && broker->ended; }));
  EXPECT_EQ(caller->ended->code, Errc::unavailable);
}

TEST_F(AgentTest, StoppingEndsAHookOfAnEvent) {
  programs.behaviours["interfaces links"] = Behaviour::hangs;
  serve();
  ASSERT_TRUE(wait([&] { return record.has("interfaces links"); }));
  end();
  EXPECT_TRUE(record.has("cancelled interfaces links"));
}

TEST_F(AgentTest, AnAgentThatWasKilledIsFollowedByOneThatThawsBeforeItListens) {
  store.kept = QuiesceRecord{operation_number(1), {"/srv"}};
  serve();
  const Events first(record.events.begin(), record.events.begin() + 4);
  EXPECT_EQ(first, (Events{"thaw mounts /srv", "thaw a", "clear", "listen"}));
}

TEST_F(AgentTest, WithoutItsSocketItThawsAndEnds) {
  store.kept = QuiesceRecord{operation_number(1), {"/srv"}};
  listener.open_failure = Error{Errc::already_exists, "another process listens there"};
  begin();
  ASSERT_TRUE(wait([&] { return ended.has_value(); }));
  EXPECT_FAILS(*ended, Errc::already_exists);
  EXPECT_TRUE(record.has("clear"));
  agent.reset();
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

TEST_F(AgentTest, InterfacesThatChangeRunTheirHooks) {
  serve();
  forget();
  EXPECT_EQ(programs.environments["interfaces links"].at("ZYNCLONE_INTERFACES"), "0=unlocked");
  Identity locked = original_identity();
  locked.interfaces[0] = protocol::VifMode::disabled;
  source.set(locked);
  ASSERT_TRUE(wait([&] { return record.has("interfaces links"); }));
  EXPECT_EQ(programs.environments["interfaces links"].at("ZYNCLONE_INTERFACES"), "0=disabled");
}

TEST_F(AgentTest, HooksOfEventsWaitUntilNothingIsHeld) {
  serve();
  forget();
  quiesce(1);
  Identity locked = original_identity();
  locked.interfaces[0] = protocol::VifMode::disabled;
  source.set(locked);
  ASSERT_TRUE(wait([&] { return agent->identity() == locked; }));
  settle(context);
  EXPECT_FALSE(record.has("interfaces links")) << "it would hang on a frozen file system";
  ASSERT_OK(answer(broker->ask(protocol::GuestThaw{operation_number(1)})));
  EXPECT_TRUE(wait([&] { return record.has("interfaces links"); }));
}

TEST_F(AgentTest, EventsThatComeFasterThanTheirHooksAreToldOnce) {
  programs.behaviours["interfaces links"] = Behaviour::hangs;
  limits.hooks.each = std::chrono::milliseconds(60);
  serve();
  ASSERT_TRUE(wait([&] { return record.count("interfaces links") == 1; }));
  for (const auto mode : {protocol::VifMode::disabled, protocol::VifMode::locked, protocol::VifMode::disabled}) {
    Identity changed = original_identity();
    changed.interfaces[0] = mode;
    source.set(changed);
    ASSERT_TRUE(wait([&] { return agent->identity()->interfaces.at(0) == mode; }));
    settle(context);
  }
  ASSERT_TRUE(wait([&] { return record.count("interfaces links") == 2; }));
  EXPECT_EQ(programs.environments["interfaces links"].at("ZYNCLONE_INTERFACES"), "0=disabled");
  end();
  EXPECT_EQ(record.count("interfaces links"), 2u);
}

}  // namespace
}  // namespace zynclone::tests
