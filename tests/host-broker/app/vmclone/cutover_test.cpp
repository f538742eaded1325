// Cutovers, shared volumes and clones that end by themselves, as an administrator asks for them and sees them.
#include "cli/json.hpp"
#include "tests/host-broker/app/vmclone/fixture.hpp"

namespace zynclone::tests {
namespace {

using protocol::Accepted;

TEST_F(Vmclone, CutoversNameTheVm) {
  will_answer(Accepted{.operation = sample_operation(0)});
  auto begun = start({"cutover", "start", "pos1", "standby", "--probation", "90s", "--after", "commit"});
  EXPECT_EQ(begun.finish(), 0) << begun.errors();
  EXPECT_EQ(asked().vm->text(), "pos1");
  EXPECT_TRUE(asked().request_id->text().starts_with("vmclone-"));
  const auto& call = std::get<protocol::CutoverStart>(asked().method);
  EXPECT_EQ(call.name.text(), "standby");
  EXPECT_EQ(call.probation_s, 90u);
  EXPECT_EQ(call.after_probation, protocol::AfterProbation::commit);

  for (const char* change : {"commit", "undo"}) {
    will_answer(Accepted{.operation = sample_operation(0)});
    auto run = start({"cutover", change, "pos1"});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(protocol::method_name(asked().method), std::string("cutover.") + change);
    EXPECT_EQ(asked().vm->text(), "pos1");
  }

  will_answer(protocol::CutoverView{.production = "standby", .generation = 4, .probation = sample_probation(), .volumes = {sample_volume()}});
  auto show = start({"cutover", "show", "pos1"});
  EXPECT_EQ(show.finish(), 0) << show.errors();
  expect_golden("cli", "cutover.txt", show.output());
  EXPECT_EQ(asked().vm->text(), "pos1");
}

// Answers plans and the operation of repairs, and writes down which of them was asked for.
class Repair : public Vmclone {
 protected:
  enum class Then { repair, nothing };
  void will_show_plan(Then then) {
    broker.add([this, then](Conversation& c) {
      const auto first = c.read_request();
      asked_for = first.plan ? "plan" : "repair";
      c.answer(first, Accepted{.plan = plan});
      if (then == Then::repair) {
        const auto second = c.read_request();
        asked_for += second.plan ? ", plan" : ", repair";
        c.answer(second, Accepted{.operation = sample_operation(0)});
      }
      c.wait_closed();
    });
  }
  ProgramRun at_terminal() {
    return ProgramRun("vmclone", {"repair", "pos1"}, {{"ZYNCLONE_BROKER_SOCKET", broker.path()}}, Output::terminal);
  }
  protocol::PlanView plan{.kind = "vm.repair",
                          .vm = VmName::parse("pos1").value(),
                          .decision = "allow",
                          .steps = {protocol::StepView{.name = "expel sales", .text = "take volume sales by force from every domain but that of pos1"}}};
  std::string asked_for;
};

TEST_F(Repair, ShowsItsPlanBeforeItDoesAnything) {
  will_show_plan(Then::repair);
  auto repair = start({"repair", "pos1"});
  EXPECT_EQ(repair.finish(), 0) << repair.errors();
  broker.wait_idle();
  EXPECT_EQ(asked_for, "plan, repair") << "nobody is at a terminal to be asked";
  EXPECT_TRUE(repair.output().starts_with("plan of vm.repair pos1")) << repair.output();
  const auto shown = repair.output().find("  1. take volume sales by force from every domain but that of pos1\n");
  EXPECT_LT(shown, repair.output().find("operation ")) << repair.output();
}

TEST_F(Repair, AsksAtATerminal) {
  for (const auto& [answer, done] : {std::pair("y\n", true), std::pair("n\n", false), std::pair("\n", false), std::pair("\x03", false)}) {
    will_show_plan(done ? Then::repair : Then::nothing);
    auto repair = at_terminal();
    ASSERT_TRUE(repair.wait_for_output("do this? [y/N] ")) << repair.output();
    repair.type(answer);
    EXPECT_EQ(repair.finish() == 0, done) << repair.output();
    EXPECT_EQ(repair.output().find("nothing was done") == std::string::npos, done) << repair.output();
    broker.wait_idle();
    EXPECT_EQ(asked_for, done ? "plan, repair" : "plan");
  }
}

TEST_F(Vmclone, VolumesOfOneVmOrAll) {
  auto volume = sample_volume();
  volume.location = "/dev/vg0/pos1-sales";
  volume.problem = "domain 7 has it, as xvds, without its lease";
  will_answer(protocol::VolumeListing{{volume}});
  auto all = start({"volume", "list"});
  EXPECT_EQ(all.finish(), 0) << all.errors();
  EXPECT_NE(all.output().find("/dev/vg0/pos1-sales  domain 7 has it, as xvds, without its lease\n"), std::string::npos) << all.output();
  EXPECT_FALSE(asked().vm);

  will_answer(protocol::VolumeListing{});
  auto one = start({"volume", "list", "pos1"});
  EXPECT_EQ(one.finish(), 0) << one.errors();
  EXPECT_EQ(one.output(), "no shared volumes\n");
  EXPECT_EQ(asked().vm->text(), "pos1");

  will_answer(Accepted{.operation = sample_operation(0)});
  auto moved = start({"volume", "switch", "pos1", "sales", "standby"});
  EXPECT_EQ(moved.finish(), 0) << moved.errors();
  EXPECT_EQ(asked().vm->text(), "pos1");
  EXPECT_EQ(std::get<protocol::VolumeSwitch>(asked().method).volume.text(), "sales");
  EXPECT_EQ(std::get<protocol::VolumeSwitch>(asked().method).to.text(), "standby");
}

TEST_F(Vmclone, ClonesAreProtectedAndEndByThemselves) {
  for (const char* change : {"protect", "unprotect"}) {
    will_answer(Accepted{.operation = sample_operation(0)});
    auto run = start({change, "pos1", "a"});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(protocol::method_name(asked().method), std::string("clone.") + change);
    EXPECT_EQ(asked().vm->text(), "pos1");
  }
  will_answer(Accepted{.operation = sample_operation(0)});
  auto create = start({"create", "pos1", "--name", "a", "--ttl", "12h"});
  EXPECT_EQ(create.finish(), 0) << create.errors();
  EXPECT_EQ(std::get<protocol::CloneCreate>(asked().method).ttl_s, 43'200u);

  auto clone = sample_clone();
  clone.expires = sample_time() + std::chrono::hours(48);
  clone.is_protected = true;
  will_answer(clone);
  auto show = start({"show", "pos1", "upgrade-1"});
  EXPECT_EQ(show.finish(), 0);
  EXPECT_NE(show.output().find("expires     2026-11-23 02:58:59, but not while it is protected\n"), std::string::npos) << show.output();
}

TEST_F(Vmclone, ListSaysWhoHasProductionWhereItIsNotTheOriginal) {
  auto other = sample_clone();
  other.vm = VmName::parse("pos2").value();
  const protocol::CloneListing listing{{sample_clone(), other}};
  auto moved = sample_family();
  moved.clones.clear();
  moved.production = "standby";
  moved.probation = sample_probation();
  auto usual = sample_family();
  usual.vm = other.vm;
  usual.production = "pos2";
  const auto serve = [&](Conversation& c) {
    c.answer(c.read_request(), listing);
    for (const auto& family : {moved, usual}) {
      const auto request = c.read_request();
      EXPECT_EQ(request.vm->text(), family.vm.text());
      EXPECT_EQ(std::get<protocol::FamilyShow>(request.method).after->text(), "upgrade-1") << "its clones are known already";
      c.answer(request, family);
    }
    c.wait_closed();
  };
  broker.add(serve);
  auto text = start({"list"});
  EXPECT_EQ(text.finish(), 0) << text.errors();
  EXPECT_TRUE(text.output().ends_with("before the update\npos1: standby has production, on probation until 2026-11-21 03:28:59, then undone; "
                                      "before it pos1 had production\n")) << text.output();

  broker.add(serve);
  auto json = start({"list", "--json"});
  EXPECT_EQ(json.finish(), 0) << json.errors();
  EXPECT_EQ(protocol::decode_view<protocol::CloneListing>(json.output()).value().clones.size(), 2u) << json.output();
  EXPECT_NE(json.output().find("\"production\": [\n    {\"vm\":\"pos1\",\"member\":\"standby\",\"probation\":{\"from\":\"pos1\""), std::string::npos)
      << json.output();
  EXPECT_NE(json.output().find("{\"vm\":\"pos2\",\"member\":\"pos2\"}"), std::string::npos) << json.output();

  broker.add([&](Conversation& c) {
    c.answer(c.read_request(), protocol::CloneListing{{sample_clone()}});
    c.fail(c.read_request(), Error{Errc::not_found, "cannot find VM 'pos1'"});
    c.wait_closed();
  });
  auto gone = start({"list"});
  EXPECT_EQ(gone.finish(), 0);
  EXPECT_NE(gone.output().find("upgrade-1"), std::string::npos);
  EXPECT_EQ(gone.errors(), "vmclone: warning: cannot find VM 'pos1' (not-found)\n");
}

TEST_F(Vmclone, JsonOfAListWithoutClonesIsWhole) {
  will_answer(protocol::CloneListing{});
  auto json = start({"list", "--json"});
  EXPECT_EQ(json.finish(), 0) << json.errors();
  EXPECT_EQ(json.output(), "{\n  \"clones\": [],\n  \"more\": false,\n  \"production\": []\n}\n");
}

TEST_F(Vmclone, WrongCutoversNeverReachTheBroker) {
  for (const auto& [arguments, error] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"cutover", "start", "standby"}, "MEMBER is required"},
           {{"cutover", "start", "../pos1", "a"}, "(invalid-argument at VM)"},
           {{"cutover", "start", "pos1", ".."}, "(invalid-argument at MEMBER)"},
           {{"cutover", "start", "pos1", "a", "--after", "x"}, "allowed are undo, commit (invalid-argument at --after)"},
           {{"cutover", "commit"}, "VM is required"},
           {{"cutover", "undo"}, "VM is required"},
           {{"cutover", "show"}, "VM is required"},
           {{"volume", "switch", "sales", "standby"}, "MEMBER is required"},
           {{"volume", "switch", "pos1", "s/x", "standby"}, "(invalid-argument at VOLUME)"},
           {{"volume", "list", "-x/"}, "-x/"},
           {{"protect", "a"}, "CLONE is required"},
           {{"create", "pos1", "--name", "a", "--ttl", "two days"}, "(invalid-argument at --ttl)"}}) {
    auto run = start(arguments);
    EXPECT_EQ(run.finish(), 2) << run.output();
    EXPECT_NE(run.errors().find(error), std::string::npos) << run.errors();
  }
  EXPECT_EQ(broker.connections(), 0u);
}

}  // namespace
}  // namespace zynclone::tests
