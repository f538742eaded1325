#include "tests/host-broker/core/till.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

OperationState repair(Till& till, VmRepair call = {}) {
  const auto operation = till.perform(till.admin(), std::move(call));
  EXPECT_OK(operation);
  if (!operation) return OperationState::failed;
  EXPECT_FALSE(operation.value().error) << operation.value().error->message;
  return operation.value().state;
}

std::vector<std::string> plan(Till& till, VmRepair call = {}) {
  const auto answer = decode_response<VmRepair>(till.ask(till.admin(), std::move(call), {}, true));
  std::vector<std::string> texts;
  EXPECT_OK(answer);
  if (!answer) return texts;
  for (const StepView& step : answer.value().plan->steps) texts.push_back(step.text);
  return texts;
}

TEST(Repair, FindsNothingWhereAllIsWell) {
  Till till;
  EXPECT_TRUE(plan(till).empty());
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.journal.operations.back().summary, "nothing to repair: pos1 has production and its volumes");
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Repair, NobodyHasProduction) {
  Till till;
  // A cutover whose undo could not be done either: the network did not follow, then the broker's disk was full.
  till.lose_production();
  EXPECT_FAILS(till.call(till.guest(), till.to("standby")), Errc::conflict);
  EXPECT_EQ(plan(till), std::vector<std::string>{"give production to pos1 and announce its addresses"});
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Repair, TheLeaseCountsWhereTheFileDoesNotFollow) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  ASSERT_OK(till.perform(till.guest(), CutoverCommit{}));
  auto& kept = till.families.kept.at(till.pos1);
  kept.production.member = std::nullopt;
  till.crash();
  till.start();
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.producer(), "standby");
}

// The backends are told of each in turn: none may let the new one speak while another still lets the old one.
TEST(Repair, LocksDownWhoeverSpeaksWithoutTheLeaseFirst) {
  for (const bool is_killed : {false, true}) {
    Till till;
    const auto lease = run_on(*till.context, till.leases.pass_lease(broker::production_of(till.pos1_uuid), 0, till.clone("standby")->uuid));
    ASSERT_OK(lease);
    EXPECT_EQ(broker::production_member(till.family()), till.pos1_uuid);
    EXPECT_EQ(plan(till).at(0), "lock pos1 down");
    EXPECT_EQ(plan(till).at(1), "give production to standby and announce its addresses");
    till.network.applied.clear();
    if (is_killed) {
      till.network.hold = std::make_shared<asio::steady_timer>(*till.context, asio::steady_timer::time_point::max());
      ASSERT_OK(till.call(till.admin(), VmRepair{}));
      till.settle();
      till.crash();
      till.network.hold.reset();
      till.network.applied.clear();  // nobody has acknowledged it
      till.start();
      till.settle();
    } else {
      ASSERT_EQ(repair(till), OperationState::succeeded);
    }
    EXPECT_EQ(till.journal.operations.back().state, OperationState::succeeded);
    std::vector<std::optional<Uuid>> speakers;
    for (const broker::Family& family : till.network.applied) speakers.push_back(broker::production_member(family));
    ASSERT_GE(speakers.size(), 2u);
    EXPECT_EQ(speakers.front(), std::nullopt);
    EXPECT_EQ(speakers.back(), till.clone("standby")->uuid);
    EXPECT_EQ(std::count(speakers.begin(), speakers.end(), till.pos1_uuid), 0);
    EXPECT_EQ(broker::production_member(till.family()), till.clone("standby")->uuid);
  }
}

TEST(Repair, AVolumeThatAStrangerHasAndItsHolderHasNot) {
  Till till;
  till.devices.attached[till.volume] = {{DomainId{2}, "xvdz"}};
  EXPECT_EQ(plan(till), (std::vector<std::string>{"take volume sales by force from every domain but that of pos1", "give volume sales to pos1"}));
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Repair, AProductionMemberThatDoesNotRun) {
  Till till;
  std::erase_if(till.toolstack.domains, [](const auto& domain) { return domain.name == "pos1"; });
  till.devices.attached.clear();
  EXPECT_EQ(plan(till), std::vector<std::string>{"start pos1, which does not run"});
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Repair, AProductionMemberThatDoesNotRunAndIsAClone) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  ASSERT_OK(till.perform(till.guest(), CutoverCommit{}));
  std::erase_if(till.toolstack.domains, [](const auto& domain) { return domain.name == "pos1.standby"; });
  till.devices.attached.clear();
  EXPECT_EQ(plan(till), std::vector<std::string>{"start standby, which does not run"});
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.domain("pos1.standby").state, broker::DomainState::running);
  EXPECT_EQ(till.producer(), "standby");
}

// Its agent comes as late as a VM boots, and only then can it be given its volume.
TEST(Repair, WaitsForTheAgentOfAMemberThatItHasStarted) {
  Till till;
  std::erase_if(till.toolstack.domains, [](const auto& domain) { return domain.name == "pos1"; });
  till.devices.attached.clear();
  till.guests.disconnected.insert(till.pos1_uuid);
  ASSERT_OK(till.call(till.admin(), VmRepair{}));
  till.settle();
  till.clock.advance(std::chrono::seconds(60));
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::running);
  till.guests.disconnected.clear();
  till.clock.advance(std::chrono::seconds(60));
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::succeeded);
  EXPECT_EQ(till.producer(), "pos1");
}

// Production stays where it is; the volume waits for its holder.
TEST(Repair, LeavesAVolumeToItsHolderThatDoesNotRun) {
  Till till;
  ASSERT_OK(till.perform(till.admin(), VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")}));
  std::erase_if(till.toolstack.domains, [](const auto& domain) { return domain.name == "pos1.standby"; });
  till.devices.attached.clear();
  EXPECT_TRUE(plan(till).empty());
  EXPECT_EQ(repair(till), OperationState::succeeded);
}

// The standby was given the volume and was not well; then somebody attached it elsewhere, so that it could be taken from the standby, but not given back.
TEST(Repair, AVolumeThatACutoverCouldNotGiveBack) {
  Till till;
  till.guests.health_report = GuestHealthReport{.healthy = false};
  till.devices.fails = [&till, done = false](const std::string& call) mutable -> std::optional<Error> {
    if (!done && call.starts_with("detach 2 ")) {
      done = true;
      till.devices.attached[till.volume].push_back(broker::Attachment{DomainId{3}, "xvdz"});
    }
    return std::nullopt;
  };
  const auto operation = till.call(till.admin(), till.to("standby"));
  ASSERT_OK(operation);
  for (int i = 0; i < 120; ++i) {
    till.settle();
    till.clock.advance(std::chrono::seconds(1));
  }
  EXPECT_EQ(till.journal.operations.back().state, OperationState::failed);
  EXPECT_EQ(broker::production_member(till.family()), till.pos1_uuid);
  ASSERT_EQ(till.devices.attached.at(till.volume).size(), 1u);
  EXPECT_EQ(till.devices.attached.at(till.volume).front().domain, DomainId{3});
  EXPECT_EQ(plan(till), (std::vector<std::string>{"take volume sales by force from every domain but that of pos1", "give volume sales to pos1"}));
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.journal.operations.back().summary, "pos1 has production and its volumes");
  EXPECT_EQ(till.producer(), "pos1");
}

// It was switched to the standby, which has been started anew since, and has it no longer.
TEST(Repair, GivesAVolumeThatSomebodySwitchedBackToItsHolder) {
  Till till;
  ASSERT_OK(till.perform(till.admin(), VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")}));
  till.devices.attached.clear();
  EXPECT_EQ(plan(till), std::vector<std::string>{"give volume sales to standby"});
  EXPECT_EQ(repair(till), OperationState::succeeded);
  ASSERT_EQ(till.devices.attached.at(till.volume).size(), 1u);
  EXPECT_EQ(till.devices.attached.at(till.volume).front().domain, till.domain("pos1.standby").id);
}

TEST(Repair, SaysWhereAVolumeIsThatSomebodySwitched) {
  Till till;
  ASSERT_OK(till.perform(till.admin(), VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")}));
  EXPECT_TRUE(plan(till).empty());
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.journal.operations.back().summary, "nothing to repair: pos1 has production; volume sales is with standby");
}

TEST(Repair, DecidesWhatWasOnProbation) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  till.lose_production();
  EXPECT_EQ(repair(till, VmRepair{.to = clone_name("standby")}), OperationState::succeeded);
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_FALSE(till.family().probation);
}

TEST(Repair, AProductionMemberThatStandsStill) {
  Till till;
  till.domain("pos1").state = broker::DomainState::paused;
  EXPECT_EQ(plan(till), std::vector<std::string>{"let pos1 go on, which is paused"});
  EXPECT_EQ(repair(till), OperationState::succeeded);
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::running);
}

TEST(Repair, DoesNotMoveProductionThatSomebodyHas) {
  Till till;
  EXPECT_FAILS(till.call(till.admin(), VmRepair{.to = clone_name("standby")}), Errc::conflict);
  EXPECT_FAILS(till.call(till.admin(), VmRepair{.to = clone_name("nobody")}), Errc::not_found);
}

}  // namespace
}  // namespace zynclone::tests
