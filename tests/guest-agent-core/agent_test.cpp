// What the agent does for its broker and its guest, and how it ends.
#include "tests/guest-agent-core/agent_fixture.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;
using Events = std::vector<std::string>;

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
