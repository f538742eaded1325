#include "tests/host-broker/core/till.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;

std::string error_of(const Result<OperationView>& operation) {
  if (!operation) return operation.error().message;
  return operation.value().error ? operation.value().error->message : "";
}

std::string step_text(const OperationView& operation, const std::string& name) {
  for (const StepView& step : operation.steps) {
    if (step.name == name) return step.text;
  }
  return "there is no step " + name;
}

// Fails what starts so.
auto failing(std::string call, Error error) {
  return [call = std::move(call), error = std::move(error)](const std::string& text) -> std::optional<Error> {
    return text.starts_with(call) ? std::optional(error) : std::nullopt;
  };
}

const Error k_silent{Errc::unavailable, "its agent gave no answer within 25s"};
const Error k_hook_fails{Errc::internal, "cannot run the release-volume hook '10-till': exit status 1"};

TEST(Cutover, MovesProductionAndTheVolumeInOrder) {
  Till till;
  till.guests.calls.clear();
  till.devices.calls.clear();
  till.network.applied.clear();
  const auto operation = till.perform(till.guest(), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
  EXPECT_EQ(step_states(operation.value()),
            (std::vector<std::string>{"allow done", "prepare taking done", "prepare leaving done", "fence done", "release sales done", "silence done",
                                      "detach sales done", "silence acknowledged done", "hand over done", "acquire sales done",
                                      "hand over acknowledged done", "health done", "probation done"}));
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_EQ(till.devices.most_at_once, 1u);
  const std::string old = ' ' + till.pos1_uuid.text();
  const std::string taker = ' ' + till.clone("standby")->uuid.text();
  EXPECT_EQ(till.guests.calls, (std::vector<std::string>{"prepare taking" + taker, "prepare leaving" + old, "release sales" + old, "acquire sales" + taker,
                                                         "health" + taker}));
  EXPECT_EQ(till.devices.calls, (std::vector<std::string>{"detach 1 xvds ask", "attach 2 xvds"}));
  // Locked and acknowledged before the other may speak.
  ASSERT_EQ(till.network.applied.size(), 2u);
  EXPECT_EQ(broker::production_member(till.network.applied[0]), std::nullopt);
  EXPECT_EQ(broker::production_member(till.network.applied[1]), till.clone("standby")->uuid);
  EXPECT_EQ(till.network.applied[1].production.announce, std::vector<std::string>{"10.7.0.11"});
  EXPECT_NE(operation.value().summary.find("standby has production; unless committed or undone before, it is undone at "), std::string::npos)
      << operation.value().summary;
}

TEST(Cutover, AGuestHasSoLongForAVolumeAsIsConfigured) {
  Till till;
  till.configuration.configs.at(till.pos1).release_timeout = std::chrono::seconds(7);
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  EXPECT_EQ(till.guests.volume_limits, (std::vector<Deadline>{std::chrono::seconds(7), std::chrono::seconds(7)}));
}

TEST(Cutover, IsUndoneAndCommitted) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  auto undone = till.perform(till.guest("standby"), CutoverUndo{});
  ASSERT_OK(undone);
  EXPECT_EQ(undone.value().state, OperationState::succeeded) << error_of(undone);
  EXPECT_EQ(undone.value().summary, "pos1 has production again");
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_FALSE(till.family().probation);
  EXPECT_FAILS(till.call(till.guest(), CutoverUndo{}), Errc::conflict);
  const auto& audit = till.journal.audit;
  EXPECT_TRUE(std::any_of(audit.begin(), audit.end(), [](const AuditEntry& entry) { return entry.detail.starts_with("cutover.undo pos1: allow by "); }));
  EXPECT_FAILS(till.call(till.guest(), CutoverCommit{}), Errc::conflict);

  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  auto committed = till.perform(till.guest("standby"), CutoverCommit{});
  ASSERT_OK(committed);
  EXPECT_EQ(committed.value().summary, "standby has production for good");
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_FALSE(till.family().probation);
  EXPECT_EQ(till.devices.most_at_once, 1u);
  // And back again, as another cutover.
  ASSERT_OK(till.perform(till.guest(), till.to("pos1")));
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Cutover, GenerationsAndTokensOnlyGrow) {
  Till till;
  std::uint64_t production = 0;
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(till.perform(till.guest(), till.to("standby")));
    EXPECT_GT(till.family().production.generation, production);
    production = till.family().production.generation;
    ASSERT_OK(till.perform(till.guest(), CutoverUndo{}));
    EXPECT_GT(till.family().production.generation, production);
    production = till.family().production.generation;
  }
}

TEST(Cutover, WhatDoesNotFitIsRefusedWithTheReason) {
  Till till;
  EXPECT_FAILS(till.call(till.guest(), till.to("pos1")), Errc::conflict);
  EXPECT_FAILS(till.call(till.guest(), till.to("nobody")), Errc::not_found);
  ASSERT_OK(till.create("kept", false));
  const auto inactive = till.call(till.guest(), till.to("kept"));
  ASSERT_FAILS(inactive, Errc::conflict);
  EXPECT_NE(inactive.error().message.find("it is inactive; start it first"), std::string::npos);
  auto call = till.to("standby");
  call.probation_s = 9;
  const auto shortest = till.call(till.guest(), call);
  ASSERT_FAILS(shortest, Errc::invalid_argument);
  EXPECT_EQ(shortest.error().place, "/params/probation_s");
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  const auto during = till.call(till.guest(), till.to("pos1"));
  ASSERT_FAILS(during, Errc::conflict);
  EXPECT_NE(during.error().message.find("is on probation until"), std::string::npos);
  EXPECT_EQ(till.producer(), "standby");
}

TEST(Cutover, WhoWorksIsNeitherStoppedNorRemoved) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  EXPECT_FAILS(till.call(till.guest(), CloneStop{.name = clone_name("standby")}), Errc::conflict);
  EXPECT_FAILS(till.call(till.guest(), CloneRemove{.name = clone_name("standby")}), Errc::conflict);
  ASSERT_OK(till.perform(till.guest(), CutoverUndo{}));
  EXPECT_OK(till.call(till.guest(), CloneStop{.name = clone_name("standby")}));
}

// Whatever goes wrong on the way, the one that had production has it in the end, with its volume, and the other is silent.
TEST(Cutover, FailureGivesEverythingBack) {
  const auto fails_in = [](const std::function<void(Till&)>& arrange, const std::string& why) {
    SCOPED_TRACE(why);
    Till till;
    arrange(till);
    auto operation = till.perform(till.admin(), till.to("standby"));
    for (int second = 0; second <= 60; ++second) {  // for which an agent that is not there is waited for
      till.clock.advance(std::chrono::seconds(1));
      till.settle();
    }
    const OperationId id = operation.value().id;
    operation = till.call(till.admin(), OperationShow{.id = id});
    till.guests.fails = nullptr;
    ASSERT_OK(operation);
    EXPECT_EQ(operation.value().state, OperationState::failed);
    EXPECT_NE(error_of(operation).find(why), std::string::npos) << error_of(operation);
    EXPECT_EQ(till.producer(), "pos1");
    EXPECT_EQ(till.domain("pos1").state, broker::DomainState::running);
    EXPECT_FALSE(till.family().probation);
    EXPECT_EQ(till.devices.most_at_once, 1u);
  };
  fails_in([](Till& till) { till.guests.fails = failing("prepare taking", k_silent); }, "cannot prepare 'standby': its agent gave no answer");
  fails_in([](Till& till) { till.guests.fails = failing("prepare leaving", k_hook_fails); }, "cannot prepare 'pos1'");
  fails_in([](Till& till) { till.guests.fails = failing("release sales " + till.pos1_uuid.text(), k_hook_fails); }, "cannot take volume 'sales' from 'pos1'");
  fails_in([](Till& till) { till.guests.fails = failing("acquire sales " + till.clone("standby")->uuid.text(), k_hook_fails); }, "cannot give volume 'sales' to 'standby'");
  fails_in([](Till& till) { till.devices.fails = failing("attach 2", Error{Errc::xen, "xl failed"}); }, "xl failed");
}

TEST(Cutover, AMemberThatIsNotWellLosesProductionAgain) {
  Till till;
  till.guests.health_report = GuestHealthReport{.healthy = false, .checks = {HealthCheck{.name = "10-till", .healthy = false, .detail = "no printer"}}};
  const auto accepted = till.call(till.guest(), till.to("standby"));
  ASSERT_OK(accepted);
  till.settle();
  for (int second = 0; second < 31; ++second) {
    till.clock.advance(std::chrono::seconds(1));
    till.settle();
  }
  const auto operation = till.call(till.guest(), OperationShow{.id = accepted.value().operation->id});
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_NE(error_of(operation).find("its health check '10-till' fails: no printer"), std::string::npos) << error_of(operation);
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Cutover, ASilentMemberIsHeldStillAndMovedAwayFrom) {
  Till till;
  till.guests.fails = [&till](const std::string& call) -> std::optional<Error> {
    return call.find(till.pos1_uuid.text()) != std::string::npos ? std::optional(k_silent) : std::nullopt;
  };
  const auto operation = till.perform(till.guest("standby"), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::paused);
  EXPECT_EQ(step_text(operation.value(), "detach sales"), "took volume sales from pos1 by force (its agent is silent): what pos1 had not written is lost");
  EXPECT_EQ(std::count(till.devices.calls.begin(), till.devices.calls.end(), "detach 1 xvds force"), 1);
  // And back: it is let go on when it gets production again.
  till.guests.fails = nullptr;
  ASSERT_OK(till.perform(till.guest("standby"), CutoverUndo{}));
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::running);
}

TEST(Cutover, ASilentMemberThatCannotBeHeldStillIsEnded) {
  Till till;
  till.guests.fails = [&till](const std::string& call) -> std::optional<Error> {
    return call.find(till.pos1_uuid.text()) != std::string::npos ? std::optional(k_silent) : std::nullopt;
  };
  till.toolstack.fails = [&till](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("end")) till.devices.attached.clear();  // its backends go with it
    return call.starts_with("pause") ? std::optional(Error{Errc::xen, "the hypervisor refuses"}) : std::nullopt;
  };
  const auto operation = till.perform(till.guest("standby"), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
  EXPECT_EQ(step_text(operation.value(), "fence"), "ended pos1, which could not be held still (the hypervisor refuses), as its agent is silent");
  EXPECT_EQ(till.toolstack.find("pos1"), nullptr);
  EXPECT_EQ(till.producer(), "standby");
}

TEST(Cutover, ASilentMemberThatTheHostPausesLateIsNotEnded) {
  Till till;
  till.guests.fails = [&till](const std::string& call) -> std::optional<Error> {
    return call.find(till.pos1_uuid.text()) != std::string::npos ? std::optional(k_silent) : std::nullopt;
  };
  till.toolstack.fails = [is_busy = true](const std::string& call) mutable -> std::optional<Error> {
    if (!call.starts_with("pause") || !std::exchange(is_busy, false)) return std::nullopt;
    return Error{Errc::timed_out, "pausing domain 1: no answer within 10s"};
  };
  const auto operation = till.perform(till.guest("standby"), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(step_text(operation.value(), "fence"), "held pos1 still, as its agent is silent");
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::paused);
  EXPECT_EQ(till.producer(), "standby");
}

// It keeps production, whatever becomes of a volume.
TEST(Cutover, AVolumeIsNotWorthASilentMember) {
  Till till;
  till.guests.fails = [&till](const std::string& call) -> std::optional<Error> {
    return call.starts_with("release sales " + till.pos1_uuid.text()) ? std::optional(k_silent) : std::nullopt;
  };
  till.toolstack.fails = [](const std::string& call) -> std::optional<Error> {
    return call.starts_with("pause") ? std::optional(Error{Errc::xen, "the hypervisor refuses"}) : std::nullopt;
  };
  const auto operation = till.perform(till.admin(), VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")});
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::running);
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Cutover, ADeadMemberIsMovedAwayFrom) {
  Till till;
  till.devices.attached.clear();
  std::erase_if(till.toolstack.domains, [](const auto& domain) { return domain.name == "pos1"; });
  const auto operation = till.perform(till.guest("standby"), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
  EXPECT_EQ(till.producer(), "standby");
  // Undone, the original is started first, silent.
  till.toolstack.calls.clear();
  const auto undone = till.perform(till.guest("standby"), CutoverUndo{});
  ASSERT_OK(undone);
  EXPECT_EQ(undone.value().state, OperationState::succeeded) << error_of(undone);
  EXPECT_EQ(till.toolstack.calls.front(), "start_original_paused pos1");
  EXPECT_EQ(till.producer(), "pos1");
}

// xl gives the domain that a guest comes back in what the one before had.
TEST(Cutover, AGuestThatRebootsWhileItIsAskedLosesTheVolumeAllTheSame) {
  for (const bool answers : {true, false}) {
    Till till;
    till.guests.fails = [&till, answers](const std::string& call) -> std::optional<Error> {
      if (!call.starts_with("release sales " + till.pos1_uuid.text())) return std::nullopt;
      till.domain("pos1").id = {7};
      till.devices.attached[till.volume] = {broker::Attachment{DomainId{7}, "xvds"}};
      return answers ? std::nullopt : std::optional(Error{Errc::unavailable, "its agent is not connected"});
    };
    const auto operation = till.perform(till.admin(), till.to("standby"));
    ASSERT_OK(operation);
    EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
    EXPECT_NE(step_text(operation.value(), "detach sales").find("by force"), std::string::npos) << step_text(operation.value(), "detach sales");
    EXPECT_EQ(std::count(till.devices.calls.begin(), till.devices.calls.end(), "detach 7 xvds force"), 1);
    EXPECT_EQ(till.producer(), "standby");
    EXPECT_EQ(till.devices.most_at_once, 1u);
  }
}

TEST(Cutover, AGuestThatRebootsWhenItHasGivenTheVolumeUpDoesNotKeepItSo) {
  Till till;
  till.network.hold = std::make_shared<asio::steady_timer>(*till.context, asio::steady_timer::time_point::max());
  ASSERT_OK(till.call(till.admin(), till.to("standby")));
  till.settle();
  EXPECT_TRUE(till.domains_with_volume().empty()) << "it waits for the lockdown's acknowledgement";
  till.domain("pos1").id = {7};
  till.devices.attached[till.volume] = {broker::Attachment{DomainId{7}, "xvds"}};
  till.network.hold->cancel();
  till.network.hold.reset();
  till.settle();
  EXPECT_EQ(till.journal.operations.back().state, OperationState::succeeded);
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_EQ(till.devices.most_at_once, 1u);
}

TEST(Cutover, ADeviceThatTheGuestKeepsIsTakenByForceAndAtLastWithItsDomain) {
  Till till;
  till.devices.fails = failing("detach 1 xvds ask", Error{Errc::timed_out, "the guest keeps it"});
  const auto operation = till.perform(till.guest(), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(step_text(operation.value(), "detach sales"), "took volume sales from pos1 by force: what pos1 had not written is lost");
  EXPECT_EQ(till.producer(), "standby");

  Till hung;
  hung.devices.fails = [&hung](const std::string& call) -> std::optional<Error> {
    if (!call.starts_with("detach 1")) return std::nullopt;
    if (call.ends_with("force")) hung.devices.attached.clear();  // it goes when its domain does, which is next
    return Error{Errc::timed_out, "the backend keeps it"};
  };
  const auto ended = hung.perform(hung.guest(), hung.to("standby"));
  ASSERT_OK(ended);
  EXPECT_EQ(step_text(ended.value(), "detach sales"), "took volume sales from pos1 by ending pos1 (the backend keeps it): what it had not written is lost");
  EXPECT_EQ(hung.producer(), "standby");
  EXPECT_EQ(hung.toolstack.find("pos1"), nullptr);
}

TEST(Cutover, AnAgentThatDoesNotLetGoInTimeIsNotWaitedFor) {
  Till till;
  till.guests.fails = failing("release sales " + till.pos1_uuid.text(), Error{Errc::timed_out, "hook '50-till' took longer than 30 s"});
  const auto operation = till.perform(till.guest(), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded);
  EXPECT_EQ(step_text(operation.value(), "detach sales"), "took volume sales from pos1 by force (hook '50-till' took longer than 30 s): what pos1 had not written is lost");
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::paused);
}

TEST(Cutover, IsNotCommittedWhereNobodyHasProduction) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  till.families.kept.at(till.pos1).production.member = std::nullopt;
  till.crash();
  till.start();
  const auto refused = till.call(till.admin(), CutoverCommit{});
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_EQ(refused.error().message, "cannot commit the cutover of 'pos1': nobody has production; 'vmclone repair pos1' leads out of this");
  EXPECT_TRUE(till.family().probation);
}

TEST(Cutover, WithoutAcknowledgementNobodyElseSpeaks) {
  Till till;
  till.network.fails = Error{Errc::timed_out, "zhapcon did not acknowledge generation 5 in 10 s"};
  const auto operation = till.perform(till.guest(), till.to("standby"));
  till.network.fails.reset();
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  // It was published that pos1 has it again, although nobody has acknowledged that yet.
  EXPECT_EQ(broker::production_member(till.family()), till.pos1_uuid);
  EXPECT_EQ(till.domains_with_volume(), std::vector<std::string>{"pos1"});
}

TEST(Cutover, APlanSaysEachStepAndDoesNothing) {
  Till till;
  const auto plan = decode_response<CutoverStart>(till.ask(till.admin(), till.to("standby"), {}, true));
  ASSERT_OK(plan);
  std::vector<std::string> texts;
  for (const StepView& step : plan.value().plan->steps) texts.push_back(step.text);
  EXPECT_EQ(texts, (std::vector<std::string>{"prepare standby to take production over", "prepare pos1 to give production up", "have pos1 let go of volume sales",
                                             "lock pos1 down", "take volume sales from pos1", "wait until pos1 is locked down",
                                             "give production to standby and announce its addresses", "give volume sales to standby",
                                             "wait until standby may speak", "wait until standby is well"}));
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Cutover, ASharedVolumeThatIsAnOwnDiskIsCopiedByNoClone) {
  Till till;
  till.toolstack.configs.at(till.pos1).disks.push_back(broker::VmDisk{.device = "xvdb", .volume = broker::Volume{broker::VolumeFormat::lvm_thin, till.volume}});
  CloneCreate call{.name = clone_name("x")};
  const auto refused = till.call(till.admin(), call);
  ASSERT_FAILS(refused, Errc::configuration);
  EXPECT_NE(refused.error().message.find("shared volume 'sales' is one of its own disks"), std::string::npos) << refused.error().message;
}

TEST(Cutover, IsShownWithItsVolumes) {
  Till till;
  ASSERT_OK(till.perform(till.guest(), till.to("standby")));
  const auto view = till.call(till.guest(), CutoverShow{});
  ASSERT_OK(view);
  EXPECT_EQ(view.value().production, "standby");
  ASSERT_TRUE(view.value().probation);
  EXPECT_EQ(view.value().probation->from, "pos1");
  EXPECT_EQ(view.value().probation->to, "standby");
  ASSERT_EQ(view.value().volumes.size(), 1u);
  EXPECT_EQ(view.value().volumes[0].holder, "standby");
  EXPECT_TRUE(view.value().volumes[0].attached);
  EXPECT_EQ(view.value().volumes[0].problem, "");
  EXPECT_FALSE(view.value().volumes[0].location);
  till.devices.attached[till.volume].push_back({DomainId{1}, "xvdy"});
  const auto listed = till.call(till.admin(), VolumeList{});
  ASSERT_OK(listed);
  EXPECT_EQ(listed.value().volumes[0].problem, "domain 1 has it, as xvdy, without its lease");
  EXPECT_EQ(listed.value().volumes[0].location, till.volume);
}

TEST(VolumeSwitch, MovesOneVolumeAndNothingElse) {
  Till till;
  const VolumeSwitch call{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")};
  const auto operation = till.perform(till.guest(), call);
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
  EXPECT_EQ(till.domains_with_volume(), std::vector<std::string>{"pos1.standby"});
  EXPECT_EQ(broker::production_member(till.family()), till.pos1_uuid);
  // Its holder cannot be removed, and gets it again where it was detached by hand.
  ASSERT_OK(till.perform(till.guest(), CloneStop{.name = clone_name("standby")}));
  EXPECT_FAILS(till.call(till.guest(), CloneRemove{.name = clone_name("standby")}), Errc::conflict);
}

TEST(VolumeSwitch, NobodyIsLeftStandingStill) {
  // The taker's hooks fail, both ways.
  Till till;
  till.guests.fails = [&till](const std::string& call) -> std::optional<Error> {
    return call.find(till.clone("standby")->uuid.text()) != std::string::npos ? std::optional(k_hook_fails) : std::nullopt;
  };
  const VolumeSwitch call{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")};
  auto operation = till.perform(till.admin(), call);
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_EQ(till.domain("pos1.standby").state, broker::DomainState::running);
  EXPECT_EQ(till.domains_with_volume(), std::vector<std::string>{"pos1"});
  // Its holder is silent: it loses the volume by force, and goes on without it.
  till.guests.fails = failing("release sales " + till.pos1_uuid.text(), k_silent);
  operation = till.perform(till.admin(), call);
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
  EXPECT_EQ(till.domain("pos1").state, broker::DomainState::running);
  EXPECT_EQ(till.domains_with_volume(), std::vector<std::string>{"pos1.standby"});
}

TEST(VolumeSwitch, AStrangerIsReportedAndRefused) {
  Till till;
  till.devices.attached[till.volume] = {{DomainId{9}, "xvdb"}};
  const VolumeSwitch call{.volume = VolumeName::parse("sales").value(), .to = clone_name("standby")};
  const auto operation = till.perform(till.guest(), call);
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_EQ(till.devices.attached[till.volume].size(), 1u);
}

TEST(Cutover, AStrangerOnTheVolumeIsNamedBeforeAnythingIsDone) {
  Till till;
  till.devices.attached[till.volume].push_back({DomainId{2}, "xvdz"});
  till.devices.calls.clear();
  const auto operation = till.perform(till.admin(), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_NE(error_of(operation).find("domain 2 has it as xvdz; detach it there first"), std::string::npos) << error_of(operation);
  EXPECT_EQ(error_of(operation).find("could not all be undone"), std::string::npos) << error_of(operation);
  EXPECT_EQ(till.devices.calls, (std::vector<std::string>{"attach 1 xvds"}));  // as it is already
  till.devices.attached[till.volume].pop_back();
  EXPECT_EQ(till.producer(), "pos1");
}

TEST(Cutover, AStrangerOnTheVolumeIsNamedBeforeAnythingIsUndone) {
  Till till;
  ASSERT_OK(till.perform(till.admin(), till.to("standby")));
  const std::uint64_t generation = till.family().production.generation;
  till.devices.attached[till.volume].push_back({DomainId{3}, "xvdz"});
  const auto accepted = till.call(till.admin(), CutoverUndo{});
  ASSERT_OK(accepted);
  till.settle();
  for (int second = 0; second <= 20; ++second) {  // for which it might be the rest of a domain that is gone
    till.clock.advance(std::chrono::seconds(1));
    till.settle();
  }
  const auto operation = till.call(till.admin(), OperationShow{.id = accepted.value().operation->id});
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_NE(error_of(operation).find("domain 3 has it as xvdz; detach it there first"), std::string::npos) << error_of(operation);
  till.devices.attached[till.volume].pop_back();
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_EQ(till.family().production.generation, generation) << "production was taken from it for nothing";
  EXPECT_TRUE(till.family().probation);
}

TEST(VolumeSwitch, UnknownNamesAreRefused) {
  Till till;
  const auto volume = till.call(till.guest(), VolumeSwitch{.volume = VolumeName::parse("nothing").value(), .to = clone_name("standby")});
  ASSERT_FAILS(volume, Errc::not_found);
  EXPECT_NE(volume.error().message.find("'pos1' has sales"), std::string::npos) << volume.error().message;
  EXPECT_FAILS(till.call(till.guest(), VolumeSwitch{.volume = VolumeName::parse("sales").value(), .to = clone_name("nobody")}), Errc::not_found);
}

TEST(Cutover, AnIsolatedCloneTakesOverWhereTheOriginalStands) {
  Till till;
  till.families.kept.at(till.pos1).clones[0].network = CloneNetwork::isolated;
  till.crash();
  till.start();
  const auto plan = decode_response<CutoverStart>(till.ask(till.guest(), till.to("standby"), {}, true));
  ASSERT_OK(plan);
  const auto& steps = plan.value().plan->steps;
  EXPECT_TRUE(std::any_of(steps.begin(), steps.end(), [](const StepView& step) {
    return step.text.find("move it from the isolated network to the original's bridge") != std::string::npos;
  }));
  till.network.applied.clear();
  const auto operation = till.perform(till.guest(), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::succeeded) << error_of(operation);
  const auto bridge_of = [](const broker::Family& family) { return broker::lockdown_of(family).at(1).vifs.at(0).bridge; };
  ASSERT_EQ(till.network.applied.size(), 2u);
  EXPECT_EQ(bridge_of(till.network.applied[0]), broker::isolated_bridge(till.pos1_uuid)) << "nobody has production";
  EXPECT_EQ(bridge_of(till.network.applied[1]), "xenbr0");
  ASSERT_OK(till.perform(till.guest("standby"), CutoverUndo{}));
  EXPECT_EQ(bridge_of(till.family()), broker::isolated_bridge(till.pos1_uuid));
}

TEST(Cutover, AnIsolatedCloneWithNowhereToGoIsRefused) {
  Till till;
  till.families.kept.at(till.pos1).clones[0].network = CloneNetwork::isolated;
  till.families.kept.at(till.pos1).clones[0].vifs[0].bridge.clear();
  till.crash();
  till.start();
  const auto refused = till.call(till.guest(), till.to("standby"));
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("has no 'bridge='"), std::string::npos) << refused.error().message;
  EXPECT_EQ(broker::production_member(till.family()), till.pos1_uuid);
}

}  // namespace
}  // namespace zynclone::tests
