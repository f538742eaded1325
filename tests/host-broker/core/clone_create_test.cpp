#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;
using testing::Test;

TEST(CloneCreate, OnlineCloneRunsLockedDown) {
  World world;
  const auto operation = world.create("upgrade-1");
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded);
  EXPECT_EQ(operation.value().percent, 100u);
  EXPECT_EQ(operation.value().summary, "clone upgrade-1 is running: interfaces 0 disabled (mask 0x0), disks filesystem-consistent");
  EXPECT_EQ(step_states(operation.value()),
            (std::vector<std::string>{"allow done", "record done", "quiesce done", "snapshot xvda done", "thaw done", "publish running done",
                                      "start paused done", "unpause done"}));
  EXPECT_EQ(operation.value().steps[2].text, "quiesced pos1 (1.2 s, 2 hooks)");

  const broker::Clone* clone = world.clone("upgrade-1");
  ASSERT_NE(clone, nullptr);
  EXPECT_EQ(clone->state, CloneState::running);
  EXPECT_EQ(clone->consistency, Consistency::filesystem);
  const broker::Domain* domain = world.toolstack.find("pos1.upgrade-1");
  ASSERT_NE(domain, nullptr);
  EXPECT_EQ(domain->state, broker::DomainState::running);
  EXPECT_EQ(domain->uuid, clone->uuid);
}

TEST(CloneCreate, LockdownIsAcknowledgedBeforeTheDomainIsThere) {
  World world;
  world.network.fails = Error{Errc::timed_out, "zhapcon did not acknowledge generation 3 in 10 s"};
  const auto operation = world.create("upgrade-1");
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_EQ(operation.value().error->code, "timed-out");
  EXPECT_TRUE(world.toolstack.started.empty());
  world.network.fails.reset();
  world.expect_untouched();
}

TEST(CloneCreate, TheCloneHasItsOwnIdentityAndDisks) {
  World world;
  ASSERT_OK(world.create("upgrade-1"));
  ASSERT_EQ(world.toolstack.started.size(), 1u);
  const broker::CloneDomain& domain = world.toolstack.started[0];
  EXPECT_NE(domain.uuid, world.pos1_uuid);
  ASSERT_EQ(domain.vifs.size(), 1u);
  EXPECT_NE(domain.vifs[0].mac, "00:16:3e:09:00:0b");
  EXPECT_EQ(domain.vifs[0].bridge, "xenbr0");
  EXPECT_LE(domain.vifs[0].interface.size(), 11u);
  ASSERT_EQ(domain.disks.size(), 1u);
  EXPECT_TRUE(domain.disks[0].volume.path.starts_with("/dev/vg0/pos1-root."));
}

TEST(CloneCreate, TheNameOfTheOriginalsInterfaceIsItsOwn) {
  World world;
  world.toolstack.configs.at(world.pos1).vifs.at(0).interface = "till-lan";
  ASSERT_OK(world.create("upgrade-1"));
  EXPECT_EQ(world.family().vifs.at(0).interface, "till-lan");
  EXPECT_NE(world.clone("upgrade-1")->vifs.at(0).interface, "till-lan");
}

TEST(CloneCreate, ItCanKeepTheOriginalsMac) {
  World world;
  world.configuration.configs.at(world.pos1).macs = broker::MacRule::original;
  ASSERT_OK(world.create("upgrade-1"));
  EXPECT_EQ(world.toolstack.started.at(0).vifs.at(0).mac, "00:16:3e:09:00:0b");
}

TEST(CloneCreate, WithoutStartItIsInactive) {
  World world;
  const auto operation = world.create("kept", false);
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded);
  EXPECT_EQ(world.clone("kept")->state, CloneState::inactive);
  EXPECT_TRUE(world.toolstack.started.empty());
}

TEST(CloneCreate, AGuestThatDoesNotQuiesceGivesCrashConsistentDisks) {
  World world;
  world.guests.quiesce_fails = Error{Errc::timed_out, "the agent took longer than 10000 ms"};
  const auto operation = world.create("upgrade-1");
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded);
  EXPECT_EQ(world.clone("upgrade-1")->consistency, Consistency::crash);
  EXPECT_NE(operation.value().summary.find("crash-consistent"), std::string::npos);
  // One disk is of one instant by itself: nobody is paused for it.
  EXPECT_EQ(std::count(world.toolstack.calls.begin(), world.toolstack.calls.end(), "pause pos1"), 0);
  EXPECT_EQ(world.guests.calls.back(), "thaw " + world.pos1_uuid.text());
}

TEST(CloneCreate, WhyAGuestDidNotQuiesceIsSaidToPeople) {
  const std::vector<std::pair<Error, std::string>> k_cases{
      {{Errc::unavailable, "its agent gave no answer within 10s"}, "its agent gave no answer within 10s"},
      {{Errc::unavailable, "its agent is not connected"}, "its agent is not connected"},
      {{Errc::unavailable, "its agent does not offer quiesce"}, "its agent does not offer quiesce"},
      {{Errc::system, "cannot run the quiesce hook '10-database': exit status 1"}, "hook 10-database failed: exit status 1"},
      {{Errc::timed_out, "cannot freeze 'root': it took longer than 2000 ms"}, "cannot freeze 'root': it took longer than 2000 ms"}};
  for (const auto& [error, why] : k_cases) {
    World world;
    world.guests.quiesce_fails = error;
    const auto operation = world.create("a");
    ASSERT_OK(operation);
    const StepView& step = operation.value().steps.at(2);
    EXPECT_TRUE(step.warning);
    EXPECT_EQ(step.text, "pos1 did not quiesce, disks will be crash-consistent (" + why + ')');
  }
  World world;
  const auto operation = world.create("a");
  EXPECT_FALSE(operation.value().steps.at(2).warning);
}

TEST(CloneCreate, SeveralDisksOfAGuestThatDoesNotQuiesceAreOfOneInstant) {
  World world;
  world.toolstack.configs.at(world.pos1).disks.push_back(
      broker::VmDisk{.device = "xvdb", .volume = broker::Volume{broker::VolumeFormat::lvm_thin, "/dev/vg0/pos1-data"}});
  world.storage.volumes["/dev/vg0/pos1-data"] = 1;
  world.guests.quiesce_fails = Error{Errc::unavailable, "no agent"};
  const auto operation = world.create("upgrade-1");
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded);
  EXPECT_EQ(world.toolstack.calls.at(0), "pause pos1");
  EXPECT_EQ(world.toolstack.calls.at(1), "unpause pos1");
  EXPECT_EQ(world.toolstack.find("pos1")->state, broker::DomainState::running);
}

TEST(CloneCreate, AListTellsHowFarARunningOneHasCome) {
  World world;
  world.network.hold = std::make_shared<asio::steady_timer>(*world.context, asio::steady_timer::time_point::max());
  const auto operation = world.create("a");
  ASSERT_OK(operation);
  ASSERT_EQ(operation.value().state, OperationState::running);
  EXPECT_GT(operation.value().percent, 0u);
  const auto listed = world.call(world.admin(), OperationList{});
  ASSERT_OK(listed);
  EXPECT_EQ(listed.value().operations.at(0).percent, operation.value().percent);
  EXPECT_TRUE(listed.value().operations.at(0).steps.empty());
  world.network.hold->cancel();
  world.settle();
  unsigned before = 0;
  for (const auto& seen : world.notified) {
    EXPECT_GE(seen.percent, before);
    before = seen.percent;
  }
  EXPECT_EQ(before, 100u);
}

TEST(CloneCreate, AnAgentThatThawedByItselfIsNotCalledConsistent) {
  World world;
  world.guests.thaws_by_itself = true;
  ASSERT_OK(world.create("upgrade-1"));
  EXPECT_EQ(world.clone("upgrade-1")->consistency, Consistency::crash);
}

TEST(CloneCreate, AWritableLayerInUseIsSwitchedUnderTheGuest) {
  World world;
  world.storage.copies_need_switch = true;
  ASSERT_OK(world.create("upgrade-1"));
  EXPECT_EQ(world.toolstack.calls.at(0), "switch_layer xvda pos1");
}

TEST(CloneCreate, ModesMustFitTheVmsState) {
  World world;
  EXPECT_FAILS(world.create("a", true, CloneMode::offline), Errc::conflict);
  world.toolstack.domains.clear();
  EXPECT_FAILS(world.create("b", true, CloneMode::online), Errc::conflict);
  const auto offline = world.create("c", false, CloneMode::offline);
  ASSERT_OK(offline);
  EXPECT_EQ(offline.value().state, OperationState::succeeded);
  EXPECT_EQ(world.clone("c")->consistency, Consistency::offline);
  EXPECT_TRUE(world.guests.calls.empty());
}

// Its guest has ended, and the toolstack has not cleared up yet.
TEST(CloneCreate, AVmThatHasJustShutDownIsClonedInNoMode) {
  World world;
  world.toolstack.find("pos1")->state = broker::DomainState::shut_down;
  EXPECT_FAILS(world.create("a"), Errc::conflict);
  const auto offline = world.create("a", true, protocol::CloneMode::offline);
  ASSERT_FAILS(offline, Errc::conflict);
  EXPECT_NE(offline.error().message.find("its domain is still there; try again"), std::string::npos);
}

TEST(CloneCreate, ANameIsUsedOnce) {
  World world;
  ASSERT_OK(world.create("upgrade-1"));
  const auto again = world.create("upgrade-1");
  ASSERT_FAILS(again, Errc::already_exists);
  EXPECT_EQ(again.error().place, "/params/name");
  EXPECT_FAILS(world.create("pos1"), Errc::already_exists);
}

TEST(CloneCreate, TheNumberOfClonesIsLimited) {
  World world;
  world.configuration.configs.at(world.pos1).most_clones = 1;
  ASSERT_OK(world.create("a", false));
  EXPECT_FAILS(world.create("b", false), Errc::limit_exceeded);
}

TEST(CloneCreate, WhatTheCopiesMayComeToHoldIsLimited) {
  World world;  // its disk has 1 GiB
  world.configuration.configs.at(world.pos1).most_storage = 2ull << 30;
  ASSERT_OK(world.create("a", false));
  ASSERT_OK(world.create("b", false));
  const auto refused = world.create("c", false);
  ASSERT_FAILS(refused, Errc::limit_exceeded);
  EXPECT_NE(refused.error().message.find("could come to hold 3 GiB, and at most 2 GiB are allowed"), std::string::npos) << refused.error().message;
  ASSERT_OK(world.perform(world.guest(), protocol::CloneRemove{.name = clone_name("a")}));
  EXPECT_OK(world.create("c", false));
}

// By the administrator, before anybody asked for a clone: it stays paused.
TEST(CloneCreate, AnOriginalThatWasPausedIsLeftPaused) {
  for (const bool quiesces : {true, false}) {
    World world;
    world.toolstack.find("pos1")->state = broker::DomainState::paused;
    if (!quiesces) world.guests.quiesce_fails = Error{Errc::timed_out, "no answer"};
    const auto created = world.create("a", false);
    ASSERT_OK(created);
    EXPECT_EQ(created.value().state, protocol::OperationState::succeeded);
    EXPECT_EQ(world.toolstack.find("pos1")->state, broker::DomainState::paused);
  }
}

TEST(CloneCreate, ItsDomainsNameIsNoOtherVms) {
  World world;
  world.configuration.enable("pos1.test");  // and it does not run
  EXPECT_FAILS(world.create("test"), Errc::already_exists);
  ASSERT_OK(world.create("a", false));
  EXPECT_FAILS(world.call(world.guest(), protocol::CloneRename{.name = clone_name("a"), .new_name = clone_name("test")}), Errc::already_exists);
}

TEST(CloneCreate, ADiskThatIsNotThereIsAMistakeOfTheConfiguration) {
  World world;
  world.configuration.configs.at(world.pos1).disks = {"xvdz"};
  EXPECT_FAILS(world.create("a"), Errc::configuration);
  protocol::CloneCreate call;
  call.name = clone_name("a");
  const auto shown = world.call(world.admin(), call);
  ASSERT_FAILS(shown, Errc::configuration);
  EXPECT_NE(shown.error().message.find("'xvdz'"), std::string::npos);
}

TEST(CloneCreate, AFullPoolIsRefusedBeforeAnythingIsDone) {
  World world;
  world.storage.fails = [](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("check_room")) return Error{Errc::no_space, "cannot copy 'pos1-root': pool vg0/pool is 97 % full, 90 % are allowed", "vg0/pool"};
    return std::nullopt;
  };
  const auto refused = world.create("a");
  ASSERT_FAILS(refused, Errc::no_space);
  EXPECT_EQ(refused.error().place, "") << "which pool is the host's matter";
  EXPECT_TRUE(world.journal.operations.empty());
  world.storage.fails = nullptr;
  world.expect_untouched();
}

TEST(CloneCreate, AFailureAtAnyStepLeavesNothingBehind) {
  for (const char* failing : {"snapshot /dev/vg0/pos1-root", "start_paused pos1.upgrade-1", "unpause pos1.upgrade-1"}) {
    World world;
    const auto fails = [failing](const std::string& call) -> std::optional<Error> {
      if (call == failing) return Error{Errc::xen, "xl: cannot: no"};
      return std::nullopt;
    };
    world.storage.fails = fails;
    world.toolstack.fails = fails;
    const auto operation = world.create("upgrade-1");
    ASSERT_OK(operation);
    EXPECT_EQ(operation.value().state, OperationState::failed) << failing;
    const auto whole = world.call(world.admin(), OperationShow{.id = operation.value().id});
    ASSERT_OK(whole);
    EXPECT_EQ(whole.value().error->message, "xl: cannot: no");
    world.storage.fails = nullptr;
    world.toolstack.fails = nullptr;
    world.expect_untouched();
  }
}

TEST(CloneCreate, AnUndoThatFailsIsSaid) {
  World world;
  world.toolstack.fails = [](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("unpause") || call.starts_with("end")) return Error{Errc::xen, call + ": no"};
    return std::nullopt;
  };
  const auto operation = world.create("upgrade-1");
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  const auto whole = world.call(world.admin(), OperationShow{.id = operation.value().id});
  ASSERT_OK(whole);
  EXPECT_NE(whole.value().error->message.find("could not all be undone"), std::string::npos);
}

TEST(CloneCreate, APlanDoesNothing) {
  World world;
  protocol::CloneCreate call;
  call.name = clone_name("upgrade-1");
  const auto planned = decode_response<protocol::CloneCreate>(world.ask(world.guest(), call, {}, true));
  ASSERT_OK(planned);
  ASSERT_TRUE(planned.value().plan);
  EXPECT_EQ(planned.value().plan->decision, "allow");
  EXPECT_FALSE(planned.value().plan->place) << "a guest is never shown policy";
  std::vector<std::string> texts;
  for (const auto& step : planned.value().plan->steps) texts.push_back(step.text);
  EXPECT_EQ(texts, (std::vector<std::string>{"quiesce pos1", "snapshot pos1-root", "publish lockdown and wait until it is applied: interfaces 0 disabled (mask 0x0)",
                                             "start pos1.upgrade-1 paused", "let it run once it is locked down"}));
  EXPECT_TRUE(world.journal.operations.empty());
  world.expect_untouched();
}

TEST(CloneCreate, AnIsolatedCloneStandsOnTheFamilysOwnBridge) {
  World world;
  CloneCreate call{.name = clone_name("apart"), .mode = CloneMode::online};
  call.network = CloneNetwork::isolated;
  const auto plan = decode_response<CloneCreate>(world.ask(world.guest(), call, {}, true));
  ASSERT_OK(plan);
  const auto& steps = plan.value().plan->steps;
  EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [](const StepView& step) { return step.text.find(": interfaces 0 unlocked on the isolated network") != std::string::npos; }));
  const auto operation = world.perform(world.guest(), call);
  ASSERT_OK(operation);
  EXPECT_NE(operation.value().summary.find("interfaces 0 unlocked on the isolated network"), std::string::npos) << operation.value().summary;
  EXPECT_EQ(operation.value().clone->network, CloneNetwork::isolated);
  ASSERT_EQ(world.toolstack.started.size(), 1u);
  EXPECT_EQ(world.toolstack.started[0].vifs[0].bridge, broker::isolated_bridge(world.pos1_uuid));
  EXPECT_EQ(world.clone("apart")->vifs[0].bridge, "xenbr0") << "where it goes with production";
}

TEST(CloneCreate, AGuestMayNotLeaveTheIsolatedNetworkItIsConfiguredFor) {
  World world;
  world.configuration.configs.at(world.pos1).clone_network = CloneNetwork::isolated;
  CloneCreate call{.name = clone_name("out"), .mode = CloneMode::online};
  call.network = CloneNetwork::original;
  const auto refused = world.perform(world.guest(), call);
  EXPECT_TRUE(!refused || refused.value().state == OperationState::failed);
  EXPECT_EQ(world.clone("out"), nullptr);
  const auto allowed = world.perform(world.admin(), call);
  ASSERT_OK(allowed);
  EXPECT_EQ(world.clone("out")->network, CloneNetwork::original);
  ASSERT_OK(world.create("usual"));
  EXPECT_EQ(world.clone("usual")->network, CloneNetwork::isolated);
}

}  // namespace
}  // namespace zynclone::tests
