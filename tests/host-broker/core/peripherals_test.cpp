// A printer follows production, and holds nobody up: a till with a printer, a spare device that fails in every way.
#include "tests/host-broker/core/crashing.hpp"
#include "tests/host-broker/core/till.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

using namespace protocol;
using namespace std::chrono_literals;

const std::string k_printer = "04b8:0202";

struct Counter : Till {
  Counter() {
    configuration.configs.at(pos1).peripherals.push_back(broker::parse_peripheral("printer", "usb," + k_printer).value());
    peripherals.present = {k_printer};
    broker->connected(member("pos1"));
    settle();
    EXPECT_EQ(holder(), "pos1");
    broker->connected(member("standby"));
    settle();
    peripherals.calls.clear();
  }
  broker::Caller::Member member(const std::string& name) {
    broker::Caller::Member member = std::get<broker::Caller::Member>(guest(name).identity);
    member.domain = domain(name == "pos1" ? name : "pos1." + name).id;
    return member;
  }
  std::string holder() {
    const auto found = peripherals.holders.find(k_printer);
    if (found == peripherals.holders.end()) return {};
    for (const auto& domain : toolstack.domains) {
      if (domain.id == found->second) return domain.name;
    }
    return "domain " + std::to_string(found->second.value);
  }
  void fail_at(const std::string& verb, Error error) {
    peripherals.fails = [verb, error](const std::string& call) { return call.starts_with(verb) ? std::optional(error) : std::nullopt; };
  }
  void later() {
    clock.advance(61s);
    run(*context, broker->reconcile());
    settle();
  }
  OperationView cut_over() {
    const auto operation = perform(guest(), to("standby"));
    EXPECT_OK(operation);
    EXPECT_EQ(operation.value().state, OperationState::succeeded) << (operation.value().error ? operation.value().error->message : "");
    return operation.value();
  }
  PeripheralView view(broker::Caller caller) {
    const auto listing = call(std::move(caller), PeripheralList{});
    EXPECT_OK(listing);
    EXPECT_EQ(listing.value().peripherals.size(), 1u);
    return listing.value().peripherals.at(0);
  }
};

const StepView& step(const OperationView& operation, const std::string& name) {
  for (const StepView& step : operation.steps) {
    if (step.name == name) return step;
  }
  static const StepView none;
  ADD_FAILURE() << "no step " << name;
  return none;
}

TEST(Peripherals, FollowProductionThereAndBack) {
  Counter till;
  const OperationView there = till.cut_over();
  EXPECT_EQ(till.holder(), "pos1.standby");
  EXPECT_EQ(till.peripherals.calls, (std::vector<std::string>{"detach 1 " + k_printer, "attach " + std::to_string(till.domain("pos1.standby").id.value) + ' ' + k_printer}));
  EXPECT_EQ(step(there, "take printer").text, "took peripheral printer from pos1");
  EXPECT_EQ(step(there, "give printer").text, "standby has peripheral printer");
  EXPECT_FALSE(step(there, "give printer").warning);
  ASSERT_OK(till.perform(till.guest(), CutoverUndo{}));
  EXPECT_EQ(till.holder(), "pos1");
  EXPECT_EQ(till.producer(), "pos1");
}

// While nobody has production, nobody has the printer.
TEST(Peripherals, LeaveAfterTheSilenceAndComeAfterTheHandOver) {
  Counter till;
  std::vector<std::string> production;
  till.peripherals.fails = [&](const std::string& call) -> std::optional<Error> {
    if (!call.starts_with("find")) production.push_back(call.substr(0, 6) + ' ' + member_name(till.family(), production_member(till.family()).value_or(Uuid())));
    return std::nullopt;
  };
  till.cut_over();
  EXPECT_EQ(production, (std::vector<std::string>{"detach ", "attach standby"}));
}

TEST(Peripherals, ThePlanSaysThem) {
  Counter till;
  const auto answer = decode_response<CutoverStart>(till.ask(till.guest(), till.to("standby"), {}, true));
  ASSERT_OK(answer);
  std::vector<std::string> texts;
  for (const StepView& step : answer.value().plan->steps) texts.push_back(step.text);
  EXPECT_NE(std::find(texts.begin(), texts.end(), "take peripheral printer from pos1"), texts.end());
  EXPECT_NE(std::find(texts.begin(), texts.end(), "give peripheral printer to standby"), texts.end());
}

TEST(Peripherals, OneThatIsUnpluggedBeforeHoldsNothingUp) {
  Counter till;
  till.peripherals.present.clear();
  const OperationView there = till.cut_over();
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_TRUE(step(there, "take printer").warning);
  EXPECT_EQ(step(there, "take printer").text, "peripheral printer could not be taken from pos1: it is unplugged");
  EXPECT_TRUE(step(there, "give printer").warning);
  EXPECT_EQ(step(there, "give printer").text, "standby does not have peripheral printer: it is unplugged");
  EXPECT_EQ(till.holder(), "") << "what the old member had of it is gone";
  till.later();
  EXPECT_EQ(till.holder(), "");
  EXPECT_EQ(till.view(till.admin()).problem, "unplugged");
  till.peripherals.present = {k_printer};
  till.later();
  EXPECT_EQ(till.holder(), "pos1.standby") << "plugged in again";
  EXPECT_EQ(till.view(till.admin()).problem, "");
}

TEST(Peripherals, OneThatIsUnpluggedInTheMiddleHoldsNothingUp) {
  Counter till;
  till.peripherals.fails = [&till](const std::string& call) -> std::optional<Error> {
    if (call.starts_with("detach")) till.peripherals.present.clear();
    return std::nullopt;
  };
  const OperationView there = till.cut_over();
  EXPECT_FALSE(step(there, "take printer").warning);
  EXPECT_TRUE(step(there, "give printer").warning);
  till.peripherals.fails = nullptr;
  till.peripherals.present = {k_printer};
  till.later();
  EXPECT_EQ(till.holder(), "pos1.standby");
}

TEST(Peripherals, WhatCannotBeTakenIsTakenLater) {
  Counter till;
  till.fail_at("detach", Error{Errc::timed_out, "a QEMU still has it open"});
  const OperationView there = till.cut_over();
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_EQ(step(there, "take printer").text, "peripheral printer could not be taken from pos1: a QEMU still has it open");
  EXPECT_TRUE(step(there, "take printer").warning);
  EXPECT_TRUE(step(there, "give printer").warning);
  EXPECT_EQ(till.holder(), "pos1");
  EXPECT_EQ(till.view(till.guest()).problem, "pos1 has it without production");
  till.later();
  EXPECT_EQ(till.holder(), "pos1");
  till.peripherals.fails = nullptr;
  till.later();
  EXPECT_EQ(till.holder(), "pos1.standby");
}

TEST(Peripherals, WhatCannotBeGivenIsTriedAgainWithPauses) {
  Counter till;
  till.fail_at("attach", Error{Errc::refused, "no driver of the guest has connected"});
  const OperationView there = till.cut_over();
  EXPECT_EQ(step(there, "give printer").text, "standby does not have peripheral printer: no driver of the guest has connected");
  ASSERT_OK(till.perform(till.guest(), CutoverCommit{}));
  till.peripherals.calls.clear();
  for (int minute = 0; minute < 10; ++minute) till.later();
  const auto tries = std::count_if(till.peripherals.calls.begin(), till.peripherals.calls.end(), [](const std::string& call) { return call.starts_with("attach"); });
  EXPECT_GE(tries, 2);
  EXPECT_LE(tries, 5);
  EXPECT_EQ(till.view(till.admin()).problem, "no driver of the guest has connected");
  EXPECT_EQ(till.view(till.guest()).problem, "it could not be given");
  till.peripherals.fails = nullptr;
  till.clock.advance(1h);
  till.later();
  EXPECT_EQ(till.holder(), "pos1.standby");
  EXPECT_EQ(till.view(till.guest()).problem, "");
}

TEST(Peripherals, AHostThatCannotTellHoldsNothingUp) {
  Counter till;
  till.fail_at("find", Error{Errc::conflict, "bus 1 address 3, bus 1 address 4 fit"});
  const OperationView there = till.cut_over();
  EXPECT_TRUE(step(there, "give printer").warning);
  EXPECT_EQ(till.producer(), "standby");
  EXPECT_EQ(till.view(till.admin()).problem, "bus 1 address 3, bus 1 address 4 fit");
  EXPECT_EQ(till.view(till.guest()).problem, "the host cannot tell where it is");
}

TEST(Peripherals, AFailedCutoverGivesThemBack) {
  Counter till;
  till.guests.health_report = GuestHealthReport{.healthy = false, .checks = {HealthCheck{.name = "till", .detail = "no printer"}}};
  till.configuration.configs.at(till.pos1).health_timeout = 0ms;
  const auto operation = till.perform(till.guest(), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(operation.value().state, OperationState::failed);
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_EQ(till.holder(), "pos1");
}

TEST(Peripherals, WhatAnUndoCannotGiveBackComesLater) {
  Counter till;
  till.guests.health_report = GuestHealthReport{.healthy = false};
  till.configuration.configs.at(till.pos1).health_timeout = 0ms;
  till.fail_at("attach", Error{Errc::xen, "xl failed"});
  const auto operation = till.perform(till.guest(), till.to("standby"));
  ASSERT_OK(operation);
  EXPECT_EQ(till.producer(), "pos1");
  EXPECT_EQ(till.holder(), "");
  till.peripherals.fails = nullptr;
  till.later();
  EXPECT_EQ(till.holder(), "pos1");
}

TEST(Peripherals, AnotherMemberThatTookItByHandLosesIt) {
  Counter till;
  till.peripherals.holders[k_printer] = till.domain("pos1.standby").id;
  EXPECT_EQ(till.view(till.admin()).problem, "standby has it without production");
  till.later();
  EXPECT_EQ(till.holder(), "pos1");
  till.peripherals.holders[k_printer] = till.domain("pos1.standby").id;
  const OperationView there = till.cut_over();  // who gets it has it already
  EXPECT_EQ(till.holder(), "pos1.standby");
  EXPECT_FALSE(step(there, "give printer").warning);
}

TEST(Peripherals, AStrangerKeepsItUntilRepair) {
  Counter till;
  till.peripherals.holders[k_printer] = DomainId{77};
  till.later();
  EXPECT_EQ(till.holder(), "domain 77");
  EXPECT_EQ(till.view(till.admin()).problem, "domain 77 has it");
  EXPECT_EQ(till.view(till.guest()).problem, "another domain has it");
  const OperationView there = till.cut_over();
  EXPECT_EQ(step(there, "give printer").text, "standby does not have peripheral printer: a domain has it") << "a guest is not told which";
  EXPECT_TRUE(step(there, "give printer").warning);
  const auto plan = decode_response<VmRepair>(till.ask(till.admin(), VmRepair{}, {}, true));
  ASSERT_OK(plan);
  ASSERT_EQ(plan.value().plan->steps.size(), 1u);
  EXPECT_EQ(plan.value().plan->steps[0].text, "take peripheral printer from whoever has it and give it to standby");
  ASSERT_OK(till.perform(till.admin(), VmRepair{}));
  EXPECT_EQ(till.holder(), "pos1.standby");
}

TEST(Peripherals, RepairTakesItFromAMemberWithoutProduction) {
  Counter till;
  till.peripherals.holders[k_printer] = till.domain("pos1.standby").id;
  ASSERT_OK(till.perform(till.admin(), VmRepair{}));
  EXPECT_EQ(till.holder(), "pos1");
}

TEST(Peripherals, ANewDomainOfTheProductionMemberGetsIt) {
  Counter till;
  till.domain("pos1").id = DomainId{9};
  till.peripherals.holders.clear();
  till.later();
  EXPECT_EQ(till.holder(), "") << "its agent is not there yet, so its drivers may not be";
  till.broker->connected(till.member("pos1"));
  till.settle();
  EXPECT_EQ(till.holder(), "pos1");
}

TEST(Peripherals, ADeviceThatHangsHoldsTheBrokersStartNotUp) {
  Counter till;
  till.crash();
  till.peripherals.holders.clear();
  till.fail_at("attach", Error{Errc::timed_out, "xl took too long"});
  till.start();
  EXPECT_OK(till.call(till.guest(), PeripheralList{}));
}

TEST(Peripherals, AreListedWithoutSecretsOfTheHost) {
  Counter till;
  const PeripheralView shown = till.view(till.guest());
  EXPECT_EQ(shown.name.text(), "printer");
  EXPECT_EQ(shown.vm, till.pos1);
  EXPECT_EQ(shown.device, k_printer);
  EXPECT_TRUE(shown.present);
  EXPECT_EQ(shown.holder, "pos1");
  EXPECT_EQ(shown.problem, "");
  EXPECT_FALSE(shown.location);
  EXPECT_EQ(till.view(till.admin()).location, "bus 1 address 3 (04b8:0202)");
  const auto cutover = till.call(till.guest(), CutoverShow{});
  ASSERT_OK(cutover);
  ASSERT_EQ(cutover.value().peripherals.size(), 1u);
  EXPECT_EQ(cutover.value().peripherals[0].holder, "pos1");
}

// The broker dies at each write of its journal: afterwards who has production has the printer.
TEST(Peripherals, AreWhereProductionIsWhereverTheBrokerDies) {
  for (const bool fails : {false, true}) {
    bool crashed = true;
    for (int nth = 1; crashed; ++nth) {
      ASSERT_LT(nth, 80) << "it never came to its end";
      SCOPED_TRACE("journal write " + std::to_string(nth) + (fails ? ", the cutover fails" : ""));
      Counter till;
      if (fails) till.guests.health_report = GuestHealthReport{.healthy = false};
      if (fails) till.configuration.configs.at(till.pos1).health_timeout = 0ms;
      crashed = crashes_at(till, till.to("standby"), nth);
      for (const char* name : {"pos1", "standby"}) till.broker->connected(till.member(name));
      till.settle();
      till.later();
      const std::string producer = till.producer();
      EXPECT_EQ(till.holder(), producer == "pos1" ? producer : "pos1." + producer);
      if (!crashed) {
        EXPECT_GT(nth, 20);
      }
    }
  }
}

std::vector<std::string> unwell(Counter& till) {
  std::vector<std::string> found;
  const auto report = till.call(till.admin(), HostHealth{});
  EXPECT_OK(report);
  for (const HealthCheck& check : report.value().checks) {
    if (!check.healthy) found.push_back(check.name + ": " + check.detail);
  }
  return found;
}

TEST(Peripherals, HealthTellsWhatProductionLacks) {
  Counter till;
  EXPECT_EQ(unwell(till), std::vector<std::string>());
  const auto well = till.call(till.admin(), HostHealth{});
  ASSERT_OK(well);
  EXPECT_EQ(well.value().checks.back().detail, "1 of 1 peripheral is where production is");

  const std::string lacks = "peripheral printer of pos1: pos1, which has production, lacks it: ";
  till.peripherals.present.clear();
  EXPECT_EQ(unwell(till), (std::vector<std::string>{"peripherals: 0 of 1 peripheral is where production is", lacks + "unplugged"}));
  till.later();
  till.peripherals.present = {k_printer};
  till.peripherals.holders[k_printer] = DomainId{99};
  EXPECT_EQ(unwell(till).back(), lacks + "domain 99 has it");
  till.peripherals.holders[k_printer] = till.domain("pos1.standby").id;
  EXPECT_EQ(unwell(till).back(), lacks + "standby has it without production");
  till.peripherals.holders.clear();
  till.fail_at("attach", Error{Errc::refused, "no driver of the guest has connected"});
  EXPECT_EQ(unwell(till).back(), lacks + "it has not been given yet");
  till.later();
  EXPECT_EQ(unwell(till).back(), lacks + "no driver of the guest has connected");
  till.fail_at("find", Error{Errc::conflict, "two of them fit"});
  EXPECT_EQ(unwell(till).back(), lacks + "two of them fit");
}

TEST(Peripherals, HealthAsksNothingOfWhoDoesNotRun) {
  Counter till;
  till.peripherals.present.clear();
  till.domain("pos1").state = broker::DomainState::shut_down;
  EXPECT_EQ(unwell(till), std::vector<std::string>());
  till.domain("pos1").state = broker::DomainState::running;
  EXPECT_EQ(unwell(till).size(), 2u);
  till.configuration.configs.at(till.pos1).peripherals.clear();
  const auto report = till.call(till.admin(), HostHealth{});
  ASSERT_OK(report);
  for (const HealthCheck& check : report.value().checks) EXPECT_EQ(check.name.find("peripheral"), std::string::npos);
}

}  // namespace
}  // namespace zynclone::tests
