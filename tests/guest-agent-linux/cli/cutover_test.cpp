// Cutovers and shared volumes as zynclone asks for them and shows them.
#include "cli/json.hpp"
#include "tests/guest-agent-linux/cli/fixture.hpp"

namespace zynclone::tests {
namespace {

using protocol::Accepted;
using protocol::AfterProbation;

protocol::CutoverView sample_cutover() {
  return {.production = "standby", .generation = 4, .probation = sample_probation(), .volumes = {sample_volume()}};
}

TEST_F(Zynclone, CutoverStartCarriesItsOptions) {
  will_answer(Accepted{.operation = sample_operation(0)});
  auto plain = start({"cutover", "start", "standby"});
  EXPECT_EQ(plain.finish(), 0) << plain.errors();
  EXPECT_EQ(std::get<protocol::CutoverStart>(asked().method).name.text(), "standby");
  EXPECT_FALSE(std::get<protocol::CutoverStart>(asked().method).probation_s) << "as configured";
  EXPECT_FALSE(std::get<protocol::CutoverStart>(asked().method).after_probation);
  EXPECT_FALSE(asked().vm);
  EXPECT_TRUE(asked().request_id->text().starts_with("zynclone-"));

  for (const auto& [word, after] : {std::pair("undo", AfterProbation::undo), std::pair("commit", AfterProbation::commit)}) {
    will_answer(Accepted{.operation = sample_operation(0)});
    auto run = start({"cutover", "start", "pos1", "--probation", "30m", "--after", word, "--request-id", "mine"});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(std::get<protocol::CutoverStart>(asked().method).probation_s, 1800u);
    EXPECT_EQ(std::get<protocol::CutoverStart>(asked().method).after_probation, after);
    EXPECT_EQ(asked().request_id->text(), "mine");
  }
}

TEST_F(Zynclone, CutoverCommitAndUndoNeedNothing) {
  for (const char* change : {"commit", "undo"}) {
    will_answer(Accepted{.operation = sample_operation(0)});
    auto run = start({"cutover", change});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(protocol::method_name(asked().method), std::string("cutover.") + change);
    EXPECT_TRUE(asked().request_id);
  }
}

TEST_F(Zynclone, CutoverPlanAndWaitAreAsOfAllChanges) {
  protocol::PlanView plan{.kind = "cutover.start", .vm = VmName::parse("pos1").value(), .target = "standby", .decision = "ask"};
  plan.steps = {{.name = "lock", .text = "lock pos1 down"}};
  will_answer(Accepted{.plan = plan});
  auto planned = start({"cutover", "start", "standby", "--plan"});
  EXPECT_EQ(planned.finish(), 0);
  EXPECT_TRUE(asked().plan);
  EXPECT_EQ(planned.output(), "plan of cutover.start pos1 → standby\n  policy: ask\n  1. lock pos1 down\nnothing was done\n");

  for (const auto& words : std::vector<std::vector<std::string>>{
           {"cutover", "start", "standby"}, {"cutover", "commit"}, {"cutover", "undo"}, {"volume", "switch", "sales", "standby"}, {"clone", "protect", "a"}}) {
    agent.add([](Conversation& c) {
      c.answer(c.read_request(), Accepted{.operation = sample_operation(0)});
      c.answer(c.read_request(), sample_operation(3));
      c.notify(finished_operation());
      c.wait_closed();
    });
    auto arguments = words;
    arguments.push_back("--wait");
    auto run = start(arguments);
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_TRUE(run.output().ends_with(finished_operation().summary + '\n')) << run.output();
  }
}

TEST_F(Zynclone, CutoverShow) {
  will_answer(sample_cutover());
  auto run = start({"cutover", "show"});
  EXPECT_EQ(run.finish(), 0) << run.errors();
  expect_golden("cli", "cutover.txt", run.output());
  EXPECT_EQ(protocol::method_name(asked().method), "cutover.show");

  will_answer(sample_cutover());
  auto json = start({"cutover", "show", "--json"});
  EXPECT_EQ(json.finish(), 0);
  EXPECT_EQ(json.output(), cli::ascii_json(protocol::encode_view(sample_cutover(), 2)) + "\n");
}

TEST_F(Zynclone, VolumeSwitchAndList) {
  will_answer(Accepted{.operation = sample_operation(0)});
  auto moved = start({"volume", "switch", "sales", "standby"});
  EXPECT_EQ(moved.finish(), 0) << moved.errors();
  EXPECT_EQ(std::get<protocol::VolumeSwitch>(asked().method).volume.text(), "sales");
  EXPECT_EQ(std::get<protocol::VolumeSwitch>(asked().method).to.text(), "standby");

  will_answer(protocol::VolumeListing{{sample_volume()}});
  auto list = start({"volume", "list"});
  EXPECT_EQ(list.finish(), 0) << list.errors();
  EXPECT_EQ(list.output(), "VM    VOLUME  DEVICE  FILESYSTEM  HOLDER   ATTACHED  TOKEN  PROBLEM\n"
                           "pos1  sales   xvds    ext4        standby  yes       3      -\n");
  EXPECT_EQ(protocol::method_name(asked().method), "volume.list");

  will_answer(protocol::VolumeListing{{sample_volume()}});
  auto json = start({"volume", "list", "--json"});
  EXPECT_EQ(json.finish(), 0);
  EXPECT_EQ(json.output(), cli::ascii_json(protocol::encode_view(protocol::VolumeListing{{sample_volume()}}, 2)) + "\n");
}

TEST_F(Zynclone, PeripheralList) {
  auto unplugged = sample_peripheral();
  unplugged.name = PeripheralName::parse("scanner").value();
  unplugged.device = "1-1.4";
  unplugged.present = false;
  unplugged.holder.clear();
  unplugged.problem = "unplugged";
  const protocol::PeripheralListing listing{{sample_peripheral(), unplugged}};
  will_answer(listing);
  auto list = start({"peripheral", "list"});
  EXPECT_EQ(list.finish(), 0) << list.errors();
  EXPECT_EQ(list.output(), "VM    PERIPHERAL  KIND  DEVICE     PRESENT  HOLDER   PROBLEM\n"
                           "pos1  printer     usb   04b8:0202  yes      standby  -\n"
                           "pos1  scanner     usb   1-1.4      no       -        unplugged\n");
  EXPECT_EQ(protocol::method_name(asked().method), "peripheral.list");

  will_answer(listing);
  auto json = start({"peripheral", "list", "--json"});
  EXPECT_EQ(json.finish(), 0);
  EXPECT_EQ(json.output(), cli::ascii_json(protocol::encode_view(listing, 2)) + "\n");

  will_answer_each(sample_family(), protocol::VolumeListing(), listing);
  auto family = start({"family", "show"});
  EXPECT_EQ(family.finish(), 0) << family.errors();
  EXPECT_NE(family.output().find("  peripheral  printer, usb 04b8:0202: standby has it\n  peripheral  scanner, usb 1-1.4: unplugged\n"), std::string::npos) << family.output();
}

TEST_F(Zynclone, ACloneMayHaveATimeToLiveAndBeProtected) {
  will_answer(Accepted{.operation = sample_operation(0)});
  auto create = start(create_with({"--ttl", "2d"}));
  EXPECT_EQ(create.finish(), 0) << create.errors();
  EXPECT_EQ(std::get<protocol::CloneCreate>(asked().method).ttl_s, 172'800u);

  for (const char* change : {"protect", "unprotect"}) {
    will_answer(Accepted{.operation = sample_operation(0)});
    auto run = start({"clone", change, "a"});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(protocol::method_name(asked().method), std::string("clone.") + change);
  }
}

TEST_F(Zynclone, FamilyShowHasProbationAndVolumes) {
  auto family = sample_family();
  family.production = "standby";
  family.probation = sample_probation();
  auto free = sample_volume();
  free.holder.clear();
  free.attached = false;
  const protocol::VolumeListing volumes{{sample_volume(), free}};
  will_answer_each(family, volumes, protocol::PeripheralListing());
  auto run = start({"family", "show"});
  EXPECT_EQ(run.finish(), 0) << run.errors();
  expect_golden("cli", "family_on_probation.txt", run.output());
  EXPECT_EQ(protocol::method_name(asked().method), "peripheral.list");

  will_answer_each(family, volumes, protocol::PeripheralListing());
  auto json = start({"family", "show", "--json"});
  EXPECT_EQ(json.finish(), 0);
  EXPECT_EQ(protocol::decode_view<protocol::FamilyView>(json.output()).value().probation->ends, sample_probation().ends) << json.output();
  EXPECT_EQ(protocol::decode_view<protocol::VolumeListing>(json.output()).value().volumes.size(), 2u) << json.output();
}

TEST_F(Zynclone, WithoutItsVolumesAFamilyIsShownAllTheSame) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), sample_family());
    c.fail(c.read_request(), Error{Errc::unknown_method, "cannot call 'volume.list': no such method"});
    c.fail(c.read_request(), Error{Errc::unknown_method, "cannot call 'peripheral.list': no such method"});
    c.wait_closed();
  });
  auto run = start({"family", "show"});
  EXPECT_EQ(run.finish(), 0);
  expect_golden("cli", "family.txt", run.output());
  EXPECT_EQ(run.errors(), "zynclone: warning: cannot call 'volume.list': no such method (unknown-method)\n"
                          "zynclone: warning: cannot call 'peripheral.list': no such method (unknown-method)\n");
}

TEST_F(Zynclone, WrongMembersVolumesAndTimesNeverReachTheAgent) {
  using Words = std::vector<std::string>;
  const std::string longest(64, 'x');
  for (const auto& [arguments, error] : std::vector<std::pair<Words, std::string>>{
           {{"cutover", "start", "../x"}, "'../x'"},
           {{"cutover", "start", longest}, "'" + longest + "'"},
           {{"cutover", "start", "a", "--probation", "soon"}, "cannot read duration 'soon': a whole number and a unit of ms, s, m, h, d is allowed, such as 10s (invalid-argument at --probation)"},
           {{"cutover", "start", "a", "--probation", "30"}, "the unit is missing: ms, s, m, h, d are allowed, such as 10s (invalid-argument at --probation)"},
           {{"cutover", "start", "a", "--probation", "1500ms"}, "cannot use time '1500ms': whole seconds are allowed, such as 10s, 30m, 2d (invalid-argument at --probation)"},
           {{"cutover", "start", "a", "--after", "comit"}, "cannot use end of a probation 'comit': did you mean 'commit'? allowed are undo, commit (invalid-argument at --after)"},
           {{"cutover", "start", "a", "--plan", "--wait"}, "--wait"},
           {{"volume", "switch", "sa les", "a"}, "(invalid-argument at VOLUME)"},
           {{"volume", "switch", "sales", "-"}, "(invalid-argument at MEMBER)"},
           {{"clone", "protect", "a/b"}, "(invalid-argument at CLONE)"},
           {create_with({"--ttl", "2 days"}), "cannot read duration '2 days'"},
           {create_with({"--ttl", "9999d"}), "at most 3650d is allowed (invalid-argument at --ttl)"},
           {{"cutover", "start"}, "MEMBER is required"},
           {{"cutover", "start", "a", "b"}, "b"},
           {{"cutover", "commit", "pos1"}, "pos1"},
           {{"cutover", "start", "a", "--probation", ""}, "its value is empty; see zynclone cutover start --help"},
           {{"volume", "switch", "sales"}, "MEMBER is required"},
           {{"volume", "list", "pos1"}, "pos1"}}) {
    auto run = start(arguments);
    EXPECT_EQ(run.finish(), 2) << run.output();
    EXPECT_NE(run.errors().find(error), std::string::npos) << run.errors();
  }
  EXPECT_EQ(agent.connections(), 0u);
}

}  // namespace
}  // namespace zynclone::tests
