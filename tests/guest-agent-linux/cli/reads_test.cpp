#include "cli/json.hpp"
#include "tests/guest-agent-linux/cli/fixture.hpp"
#include "tests/support/service/paged_service.hpp"

namespace zynclone::tests {
namespace {

using protocol::Accepted;

TEST_F(Zynclone, FamilyShow) {
  will_answer_each(sample_family(), protocol::VolumeListing(), protocol::PeripheralListing());
  auto run = start({"family", "show"});
  EXPECT_EQ(run.finish(), 0);
  expect_golden("cli", "family.txt", run.output());
  EXPECT_EQ(run.errors(), "");
}

TEST_F(Zynclone, JsonIsTheObjectOfTheWire) {
  will_answer_each(sample_family(), protocol::VolumeListing(), protocol::PeripheralListing());
  auto run = start({"family", "show", "--json"});
  EXPECT_EQ(run.finish(), 0);
  const std::string with_volumes = cli::joined_json(protocol::encode_view(sample_family(), 2), "{\n  \"volumes\": []\n}");
  const std::string whole = cli::joined_json(with_volumes, "{\n  \"peripherals\": []\n}");
  EXPECT_EQ(run.output(), cli::ascii_json(whole) + "\n");

  will_answer(protocol::CloneListing{{sample_clone()}});
  auto list = start({"clone", "list", "--json"});
  EXPECT_EQ(list.finish(), 0);
  EXPECT_EQ(list.output(), cli::ascii_json(protocol::encode_view(protocol::CloneListing{{sample_clone()}}, 2)) + "\n");

  will_answer(Accepted{.operation = sample_operation(0)});
  auto create = start(create_with({"--json"}));
  EXPECT_EQ(create.finish(), 0);
  EXPECT_EQ(create.output(), cli::ascii_json(protocol::encode_view(sample_operation(0), 2)) + "\n");
}

TEST_F(Zynclone, NoTextReachesTheTerminalAsItIsByJson) {
  protocol::CloneView clone = sample_clone();
  clone.note = "\xc2\x9b" "2J\x7f\xe2\x80\xaetxt";
  will_answer(clone);
  auto run = start({"clone", "show", "upgrade-1", "--json"});
  EXPECT_EQ(run.finish(), 0);
  EXPECT_NE(run.output().find("\"note\": \"\\u009b2J\\u007f\\u202etxt\""), std::string::npos) << run.output();
}

TEST_F(Zynclone, CloneListAndShow) {
  will_answer(protocol::CloneListing{{sample_clone()}});
  auto list = start({"clone", "list"});
  EXPECT_EQ(list.finish(), 0);
  EXPECT_NE(list.output().find("pos1  upgrade-1  running  online"), std::string::npos) << list.output();

  will_answer(sample_clone());
  auto show = start({"clone", "show", "upgrade-1"});
  EXPECT_EQ(show.finish(), 0);
  expect_golden("cli", "clone.txt", show.output());
  EXPECT_EQ(std::get<protocol::CloneShow>(asked().method).name.text(), "upgrade-1");
}

TEST_F(Zynclone, OperationShowListCancel) {
  will_answer(finished_operation());
  auto show = start({"operation", "show", sample_operation_id().text()});
  EXPECT_EQ(show.finish(), 0);
  expect_golden("cli", "operation_finished.txt", show.output());

  will_answer(protocol::OperationListing{{finished_operation()}});
  auto list = start({"operation", "list", "--limit", "5"});
  EXPECT_EQ(list.finish(), 0);
  EXPECT_EQ(std::get<protocol::OperationList>(asked().method).limit, 5u);

  auto cancelled = sample_operation(1);
  cancelled.state = protocol::OperationState::cancelled;
  will_answer(cancelled);
  auto cancel = start({"operation", "cancel", sample_operation_id().text()});
  EXPECT_EQ(cancel.finish(), 0);
  EXPECT_EQ(cancel.output(), "operation 01JD0000000000000000000001 clone.create pos1 → upgrade-1: cancelled\n");

  will_answer(sample_operation(1));
  auto running = start({"operation", "cancel", sample_operation_id().text()});
  EXPECT_EQ(running.finish(), 0);
  EXPECT_NE(running.output().find("upgrade-1: will be cancelled after the current step\n"), std::string::npos) << running.output();
}

TEST_F(Zynclone, ChangesCarryTheirFieldsAndARequestId) {
  will_answer(Accepted{.operation = sample_operation(0)});
  auto create = start({"clone", "create", "--name", "a", "--mode", "offline", "--no-start", "--note", "why", "--request-id", "mine"});
  EXPECT_EQ(create.finish(), 0);
  EXPECT_EQ(create.output(), "operation 01JD0000000000000000000001 clone.create pos1 → upgrade-1 running\n");
  const auto& call = std::get<protocol::CloneCreate>(asked().method);
  EXPECT_EQ(call.name.text(), "a");
  EXPECT_EQ(call.mode, protocol::CloneMode::offline);
  EXPECT_FALSE(call.start);
  EXPECT_EQ(call.note, "why");
  EXPECT_EQ(asked().request_id->text(), "mine");
  EXPECT_FALSE(asked().vm);
  EXPECT_FALSE(asked().plan);

  for (const char* change : {"start", "stop", "activate", "deactivate", "remove"}) {
    will_answer(Accepted{.operation = sample_operation(0)});
    auto run = start({"clone", change, "a"});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(protocol::method_name(asked().method), std::string("clone.") + change);
    ASSERT_TRUE(asked().request_id);
    EXPECT_TRUE(asked().request_id->text().starts_with("zynclone-"));
  }

  will_answer(Accepted{.operation = sample_operation(0)});
  auto rename = start({"clone", "rename", "a", "b"});
  EXPECT_EQ(rename.finish(), 0);
  EXPECT_EQ(std::get<protocol::CloneRename>(asked().method).name.text(), "a");
  EXPECT_EQ(std::get<protocol::CloneRename>(asked().method).new_name.text(), "b");
}

TEST_F(Zynclone, PlanShowsWhatWouldBeDone) {
  protocol::PlanView plan{.kind = "clone.create", .vm = VmName::parse("pos1").value(), .target = "upgrade-1", .decision = "allow"};
  plan.steps = {{.name = "quiesce", .text = "quiesce pos1"}};
  will_answer(Accepted{.plan = plan});
  auto run = start(create_with({"--plan"}));
  EXPECT_EQ(run.finish(), 0);
  EXPECT_TRUE(asked().plan);
  EXPECT_EQ(run.output(), "plan of clone.create pos1 → upgrade-1\n  policy: allow\n  1. quiesce pos1\nnothing was done\n");

  plan.decision = "refused";
  will_answer(Accepted{.plan = plan});
  auto refused = start(create_with({"--plan", "--json"}));
  EXPECT_EQ(refused.finish(), 3);
  EXPECT_EQ(refused.output(), cli::ascii_json(protocol::encode_view(plan, 2)) + "\n");
}

TEST_F(Zynclone, ListsOfAnyLengthArePutTogether) {
  for (const std::size_t count : {std::size_t{200}, std::size_t{1000}}) {
    Paged paged{.clones = many_clones(count), .operations = many_operations(count)};
    const auto outputs_last = [&](std::vector<std::string> arguments, const std::string& last) {
      agent.add([&](Conversation& c) { paged.serve(c); });
      auto run = start(std::move(arguments));
      EXPECT_EQ(run.finish(), 0) << run.errors();
      EXPECT_NE(run.output().find(last), std::string::npos);
    };
    outputs_last({"clone", "list"}, paged.clones.back().name.text());
    outputs_last({"clone", "list", "--json"}, paged.clones.back().name.text());
    outputs_last({"family", "show"}, paged.clones.back().name.text());
    outputs_last({"operation", "list", "--all"}, paged.operations.back().id.text());
  }
}

}  // namespace
}  // namespace zynclone::tests
