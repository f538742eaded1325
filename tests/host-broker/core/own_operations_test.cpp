#include "tests/host-broker/core/till.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;
using namespace std::chrono_literals;

TEST(Probation, UndoesItselfWhenNobodyDecides) {
  Till till;
  auto call = till.to("standby");
  call.probation_s = 60;
  ASSERT_OK(till.perform(till.guest(), call));
  till.clock.advance(59s);
  till.settle();
  EXPECT_EQ(till.producer(), "standby");
  till.clock.advance(1s);
  till.settle();
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_FALSE(till.family().probation);
  EXPECT_EQ(till.journal.operations.back().kind, "cutover.undo");
  EXPECT_EQ(till.journal.operations.back().requester, "broker");
}

TEST(Probation, CommitsItselfWhereSoConfigured) {
  Till till;
  auto call = till.to("standby");
  call.probation_s = 60;
  call.after_probation = AfterProbation::commit;
  ASSERT_OK(till.perform(till.guest(), call));
  till.clock.advance(60s);
  till.settle();
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_FALSE(till.family().probation);
}

TEST(Probation, IsAsLongAndEndsAsIsConfigured) {
  for (const auto after : {AfterProbation::undo, AfterProbation::commit}) {
    Till till;
    auto& config = till.configuration.configs.at(till.pos1);
    config.probation = 100s;
    config.after_probation = after;
    ASSERT_OK(till.perform(till.guest(), till.to("standby")));
    till.clock.advance(99s);
    till.settle();
    EXPECT_TRUE(till.family().probation);
    till.clock.advance(1s);
    till.settle();
    EXPECT_FALSE(till.family().probation);
    EXPECT_EQ(till.producer(), after == AfterProbation::undo ? "pos1" : "standby");
  }
}

TEST(Probation, EndsAfterARestartToo) {
  Till till;
  auto call = till.to("standby");
  call.probation_s = 60;
  ASSERT_OK(till.perform(till.guest(), call));
  till.crash();
  till.clock.advance(70s);
  till.start();
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Probation, WhatCannotBeUndoneIsTriedAgain) {
  Till till;
  auto call = till.to("standby");
  call.probation_s = 60;
  ASSERT_OK(till.perform(till.guest(), call));
  till.guests.fails = [](const std::string& text) -> std::optional<Error> {
    return text.starts_with("prepare taking") ? std::optional(Error{Errc::internal, "the till is open"}) : std::nullopt;
  };
  till.clock.advance(60s);
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::failed);
  EXPECT_EQ(till.producer(), "standby");
  till.guests.fails = nullptr;
  till.clock.advance(60s);
  till.settle();
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Probation, IsNotKeptUpByWhatItsMemberRefuses) {
  Till till;
  auto call = till.to("standby");
  call.probation_s = 60;
  ASSERT_OK(till.perform(till.guest(), call));
  till.guests.fails = [&till](const std::string& text) -> std::optional<Error> {
    return text.find(till.clone("standby")->uuid.text()) != std::string::npos ? std::optional(Error{Errc::internal, "exit status 1"}) : std::nullopt;
  };
  till.clock.advance(std::chrono::seconds(60));
  till.settle();
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_FALSE(till.family().probation);
}

// Time passes as it does: one look after the other.
void pass(Till& till, std::chrono::seconds time) {
  for (auto passed = 0s; passed < time; passed += 1s) {
    till.clock.advance(1s);
    till.settle();
  }
}

TEST(Probation, OfAMemberThatStaysUnwellIsUndone) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  till.guests.health_report = GuestHealthReport{.healthy = false, .checks = {{.name = "50-till", .healthy = false, .detail = "exit status 1"}}};
  pass(till, 40s);  // found within 15 s, for less than the 30 s in which one may become well
  EXPECT_EQ(till.producer(), "standby");
  pass(till, 20s);
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_FALSE(till.family().probation);
  EXPECT_EQ(till.journal.operations.back().kind, "cutover.undo");
  EXPECT_EQ(till.journal.operations.back().requester, "broker");
  const auto noted = std::find_if(till.journal.audit.begin(), till.journal.audit.end(), [](const auto& entry) { return entry.event == "unwell on probation"; });
  ASSERT_NE(noted, till.journal.audit.end());
  EXPECT_EQ(noted->detail, "pos1: standby is not well: its health check '50-till' fails: exit status 1; its cutover is to be undone");
}

TEST(Probation, OfAMemberThatAnswersSomebodyElseGoesOn) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  till.guests.health_report = Error{Errc::busy, "another health check runs"};
  pass(till, 120s);
  EXPECT_EQ(till.producer(), "standby");
}

// Its last answer takes so long that production is decided meanwhile.
TEST(Probation, ThatHasEndedMeanwhileIsNotUndone) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  till.guests.health_report = GuestHealthReport{.healthy = false};
  pass(till, 30s);
  till.guests.hold_health = std::make_shared<asio::steady_timer>(*till.context, asio::steady_timer::time_point::max());
  pass(till, 30s);
  ASSERT_OK(till.perform(till.guest(), CutoverCommit{}));
  till.guests.health_report = GuestHealthReport{.healthy = true};
  const auto held = std::exchange(till.guests.hold_health, nullptr);
  ASSERT_OK(till.perform(till.guest(), till.to("pos1")));
  till.guests.health_report = GuestHealthReport{.healthy = false};
  held->cancel();
  till.settle();
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_EQ(till.journal.operations.back().kind, "cutover.start");
  const auto is_noted = [](const auto& entry) { return entry.event == "unwell on probation"; };
  EXPECT_TRUE(std::none_of(till.journal.audit.begin(), till.journal.audit.end(), is_noted));
}

TEST(Probation, OfAMemberThatIsGoneIsUndoneAfterARestartToo) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  std::erase_if(till.toolstack.domains, [](const auto& domain) { return domain.name == "pos1.standby"; });
  till.devices.attached.clear();
  till.guests.health_report = Error{Errc::unavailable, "the agent of 'standby' is not connected"};
  till.crash();
  till.start();
  pass(till, 60s);
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_FALSE(till.family().probation);
}

TEST(Probation, OfAMemberThatIsUnwellForAMomentGoesOn) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  for (int i = 0; i < 5; ++i) {
    till.guests.health_report = Error{Errc::unavailable, "the agent of 'standby' is not connected"};
    pass(till, 30s);
    till.guests.health_report = GuestHealthReport{.healthy = true};
    pass(till, 30s);
  }
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_TRUE(till.family().probation);
}

TEST(Probation, IsNotUndoneWhileACommandRunsInTheOriginal) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  till.guests.hold_run = std::make_shared<asio::steady_timer>(*till.context, asio::steady_timer::time_point::max());
  ASSERT_OK(till.call(till.admin(), AgentRun{.command = {"upgrade"}}));
  till.guests.health_report = Error{Errc::unavailable, "the agent of 'standby' is not connected"};
  pass(till, 120s);
  EXPECT_EQ(till.producer(), "standby");
  till.guests.hold_run->cancel();
  pass(till, 60s);
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(SharedVolumes, AreNotTakenFromAHolderWhoseHooksFailOnce) {
  Till till;
  till.devices.attached.clear();
  till.domain("pos1").id = DomainId{7};
  till.guests.fails = [](const std::string& text) -> std::optional<Error> {
    return text.starts_with("acquire") ? std::optional(Error{Errc::internal, "exit status 1"}) : std::nullopt;
  };
  auto member = std::get<broker::Caller::Member>(till.guest().identity);
  member.domain = DomainId{7};
  till.broker->connected(member);
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::failed);
  EXPECT_EQ(till.producer(), "pos1");  // with its lease and its disk
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::running);
}

TEST(TimeToLive, ACloneIsStoppedAndRemovedWithAWarningBefore) {
  World world;
  CloneCreate call{.name = clone_name("short"), .ttl_s = 7200};
  ASSERT_OK(world.perform(world.guest(), call));
  const auto warned = [&] {
    return std::count_if(world.journal.audit.begin(), world.journal.audit.end(), [](const auto& entry) { return entry.event == "expires soon"; });
  };
  world.clock.advance(1h - 1ms);
  world.settle();
  EXPECT_EQ(warned(), 0);
  world.clock.advance(1ms);
  world.settle();
  EXPECT_EQ(warned(), 1);
  ASSERT_NE(world.clone("short"), nullptr);
  world.clock.advance(1h);
  world.settle();
  world.clock.advance(1min);
  world.settle();
  EXPECT_EQ(world.clone("short"), nullptr);
  EXPECT_EQ(warned(), 1);
  world.expect_untouched();
}

TEST(TimeToLive, AProtectedCloneStays) {
  World world;
  CloneCreate call{.name = clone_name("kept"), .start = false, .ttl_s = 60};
  ASSERT_OK(world.perform(world.guest(), call));
  ASSERT_OK(world.perform(world.guest(), CloneProtect{.name = clone_name("kept")}));
  world.clock.advance(1h);
  world.settle();
  ASSERT_NE(world.clone("kept"), nullptr);
  EXPECT_FAILS(world.call(world.guest(), CloneRemove{.name = clone_name("kept")}), Errc::conflict);
  ASSERT_OK(world.perform(world.guest(), CloneUnprotect{.name = clone_name("kept")}));
  world.settle();
  world.clock.advance(1min);
  world.settle();
  EXPECT_EQ(world.clone("kept"), nullptr);  // its time had been over
}

TEST(TimeToLive, TheOneThatWorksStays) {
  Till till;
  CloneCreate call{.name = clone_name("short"), .ttl_s = 7200};
  ASSERT_OK(till.perform(till.guest(), call));
  auto cutover = till.to("short");
  cutover.probation_s = 86'400;
  ASSERT_OK(till.perform(till.guest(), cutover));
  till.clock.advance(3h);
  till.settle();
  till.clock.advance(1min);
  till.settle();
  EXPECT_EQ(till.producer(), "short");
}

TEST(TimeToLive, OnlyTimesThatMakeSense) {
  World world;
  for (const std::uint64_t seconds : {std::uint64_t{0}, std::uint64_t{59}, std::uint64_t{3650} * 24 * 3600 + 1, ~std::uint64_t{0}}) {
    CloneCreate call{.name = clone_name("x"), .ttl_s = seconds};
    const auto refused = world.call(world.guest(), call);
    ASSERT_FAILS(refused, Errc::invalid_argument);
    EXPECT_EQ(refused.error().place, "/params/ttl_s");
  }
}

TEST(SharedVolumes, AreGivenToADomainThatHasJustCome) {
  Till till;
  till.devices.attached.clear();  // it was started anew
  till.domain("pos1").id = DomainId{7};
  run(*till.context, till.broker->reconcile());
  till.settle();
  EXPECT_TRUE(till.domains_with_volume().empty());  // its agent is not there yet, which is to mount it
  auto member = std::get<broker::Caller::Member>(till.guest().identity);
  member.domain = DomainId{7};
  till.broker->connected(member);
  till.settle();
  EXPECT_EQ(till.journal.operations.back().kind, "volume.switch");
  EXPECT_EQ(till.producer(), "pos1");
  const auto before = till.journal.operations.size();
  run(*till.context, till.broker->reconcile());
  till.settle();
  EXPECT_EQ(till.journal.operations.size(), before);
}

// xl starts a domain whose guest reboots with what was attached to it. The new guest's agent knows nothing of that.
TEST(SharedVolumes, AreMountedAgainAfterTheGuestHasRebooted) {
  Till till;
  const auto acquired = [&till] { return std::count_if(till.guests.calls.begin(), till.guests.calls.end(), [](const std::string& call) { return call.starts_with("acquire"); }); };
  const auto connect = [&till](DomainId domain) {
    auto member = std::get<broker::Caller::Member>(till.guest().identity);
    member.domain = domain;
    till.broker->connected(member);
    till.settle();
  };
  const auto reboot_as = [&till](DomainId domain) {
    till.domain("pos1").id = domain;
    till.devices.attached[till.volume] = {broker::Attachment{domain, "xvds"}};
  };
  reboot_as({7});
  connect({7});
  EXPECT_EQ(till.journal.operations.back().kind, "volume.switch");
  EXPECT_EQ(till.journal.operations.back().state, OperationState::succeeded);
  EXPECT_EQ(acquired(), 1);
  EXPECT_EQ(till.producer(), "pos1");

  // Once for each domain, and not again because the broker was started anew.
  const auto before = till.journal.operations.size();
  run(*till.context, till.broker->reconcile());
  till.settle();
  till.crash();
  till.start();
  connect({7});
  run(*till.context, till.broker->reconcile());
  till.settle();
  EXPECT_EQ(till.journal.operations.size(), before);
  EXPECT_EQ(acquired(), 1);

  reboot_as({9});
  connect({9});
  EXPECT_EQ(acquired(), 2);
  EXPECT_EQ(till.journal.operations.size(), before + 1);
}

TEST(SharedVolumes, OfAMemberWithoutTheLeaseAreLeftToRepair) {
  Till till;
  till.devices.attached[till.volume] = {broker::Attachment{till.domain("pos1.standby").id, "xvds"}};
  const auto before = till.journal.operations.size();
  till.broker->connected(std::get<broker::Caller::Member>(till.guest().identity));
  auto standby = std::get<broker::Caller::Member>(till.guest("standby").identity);
  standby.domain = till.domain("pos1.standby").id;
  till.broker->connected(standby);
  till.settle();
  EXPECT_EQ(till.journal.operations.size(), before);
  till.devices.attached[till.volume] = {broker::Attachment{till.domain("pos1").id, "xvdt"}};
  run(*till.context, till.broker->reconcile());
  till.settle();
  EXPECT_EQ(till.journal.operations.size(), before) << "under another name";
}

// ---- volume_keeping.cpp ----------------------------------------------------------------------------------------------

// Its guest rebooted while it gave the volume up, and xl gave the new domain what the old one had.
TEST(SharedVolumes, AMemberThatComesBackWithOneThatHasPassedOnLosesIt) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  const DomainId standby = till.domain("pos1.standby").id;
  till.domain("pos1").id = {7};
  till.devices.attached[till.volume].push_back({DomainId{7}, "xvds"});
  till.devices.calls.clear();
  run(*till.context, till.broker->reconcile());
  till.settle();
  EXPECT_EQ(till.devices.calls, std::vector<std::string>{"detach 7 xvds force"});
  ASSERT_EQ(till.devices.attached[till.volume].size(), 1u);
  EXPECT_EQ(till.devices.attached[till.volume][0].domain, standby);
  EXPECT_EQ(till.journal.audit.back().event, "taken");
  EXPECT_EQ(till.producer(), "standby");
}

TEST(SharedVolumes, OneThatHoldsOnToItIsAskedAgain) {
  Till till;
  const auto has_it_too = [&till] {
    till.devices.attached[till.volume] = {{DomainId{1}, "xvds"}, {till.domain("pos1.standby").id, "xvds"}};
    till.devices.calls.clear();
  };
  has_it_too();
  till.devices.fails = [](const std::string& call) { return call.starts_with("detach") ? std::optional(Error{Errc::timed_out, "the kernel still serves it"}) : std::nullopt; };
  for (std::size_t times = 1; times <= 2; ++times) {
    run(*till.context, till.broker->reconcile());
    till.settle();
    EXPECT_EQ(till.devices.calls.size(), times);
  }
  till.devices.fails = nullptr;
  run(*till.context, till.broker->reconcile());
  till.settle();
  EXPECT_EQ(till.producer(), "pos1");
}

// By `xl` by hand, say. Between two looks an operation may have moved it, so what is seen twice is told, and once.
TEST(SharedVolumes, AStrangerOnOneIsReportedOnce) {
  Till till;
  const auto reports = [&till] {
    return std::count_if(till.journal.audit.begin(), till.journal.audit.end(), [](const AuditEntry& entry) { return entry.event == "found"; });
  };
  const auto look = [&till] {
    run(*till.context, till.broker->reconcile());
    till.settle();
  };
  till.devices.attached[till.volume].push_back({DomainId{9}, "xvdq"});
  look();
  EXPECT_EQ(reports(), 0);
  for (int times = 0; times < 3; ++times) look();
  EXPECT_EQ(reports(), 1);
  EXPECT_EQ(till.journal.audit.back().detail, "pos1 volume sales: domain 9 (xvdq) has it without its lease, and nobody else gets it");

  const auto health = till.call(till.admin(), HostHealth{});
  ASSERT_OK(health);
  EXPECT_FALSE(health.value().healthy);
  const auto& checks = health.value().checks;
  const auto found = std::find_if(checks.begin(), checks.end(), [](const HealthCheck& check) { return check.name == "volume sales of pos1"; });
  ASSERT_NE(found, checks.end());
  EXPECT_EQ(found->detail, "domain 9 has it, as xvdq, without its lease; 'vmclone repair pos1' leads out of this");

  till.devices.attached[till.volume].pop_back();
  look();
  till.devices.attached[till.volume].push_back({DomainId{9}, "xvdq"});
  look();
  look();
  EXPECT_EQ(reports(), 2) << "it was gone meanwhile";
}

TEST(Health, NobodyHasProduction) {
  Till till;
  till.families.kept.at(till.pos1).production = {.member = std::nullopt, .generation = 1, .announce = {}};
  till.crash();
  till.start();
  const auto health = till.call(till.admin(), HostHealth{});
  ASSERT_OK(health);
  EXPECT_FALSE(health.value().healthy);
  const auto& checks = health.value().checks;
  EXPECT_TRUE(std::any_of(checks.begin(), checks.end(), [](const HealthCheck& check) {
    return check.name == "production of pos1" && check.detail == "nobody has it; 'vmclone repair pos1' leads out of this";
  }));
}

TEST(SharedVolumes, WhatStrangersAndTheHolderHaveIsLeftToRepair) {
  Till till;
  for (const broker::Attachment& other : {broker::Attachment{DomainId{9}, "xvdb"}, broker::Attachment{DomainId{1}, "xvdt"}}) {
    till.devices.attached[till.volume] = {{DomainId{1}, "xvds"}, other};
    till.devices.calls.clear();
    run(*till.context, till.broker->reconcile());
    till.settle();
    EXPECT_TRUE(till.devices.calls.empty());
  }
}

}  // namespace
}  // namespace zynclone::tests
