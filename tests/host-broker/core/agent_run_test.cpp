// agent.run: a command in a member, begun once, beside whatever else the family does.
#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {
namespace {

using protocol::AgentRun;
using protocol::OperationState;
using Words = std::vector<std::string>;

AgentRun upgrade() { return AgentRun{.command = {"upgrade", "--all"}, .limit_s = 600}; }

class AgentRunTest : public ::testing::Test {
 protected:
  World world;

  std::size_t runs() const { return world.guests.runs.size(); }
  Result<protocol::OperationView> show(const OperationId& id) { return world.call(world.admin(), protocol::OperationShow{.id = id}); }
  // Asks for it while commands do not end by themselves.
  OperationId begin() {
    world.guests.hold_run = std::make_shared<asio::steady_timer>(*world.context, std::chrono::steady_clock::time_point::max());
    const auto accepted = world.call(world.admin(), upgrade());
    EXPECT_TRUE(succeeded(accepted));
    world.settle();
    return accepted.value().operation->id;
  }
  void let_go() {
    const auto held = std::exchange(world.guests.hold_run, nullptr);
    held->cancel();
    world.settle();
  }
};

TEST_F(AgentRunTest, RunsInTheOriginal) {
  world.guests.run_report = protocol::RunReport{.status = 0, .output = "unpacking\nall is new\n\n"};
  const auto done = world.perform(world.admin(), upgrade());
  ASSERT_OK(done);
  EXPECT_EQ(done.value().state, OperationState::succeeded);
  EXPECT_EQ(done.value().summary, "'upgrade --all' has run in pos1: all is new");
  EXPECT_EQ(done.value().detail, "run 'upgrade --all' for at most 10m");
  EXPECT_EQ(step_states(done.value()), (Words{"allow done", "run done"}));
  EXPECT_EQ(world.guests.calls, (Words{"run " + world.pos1_uuid.text()}));
  ASSERT_EQ(runs(), 1u);
  EXPECT_EQ(world.guests.runs[0].token, done.value().id);
  EXPECT_EQ(world.guests.runs[0].command, (Words{"upgrade", "--all"}));
  EXPECT_EQ(world.guests.runs[0].limit_ms, 600'000u);
}

TEST_F(AgentRunTest, RunsInAClone) {
  ASSERT_OK(world.create("a"));
  world.guests.calls.clear();
  AgentRun call = upgrade();
  call.clone = clone_name("a");
  const auto done = world.perform(world.admin(), call);
  ASSERT_OK(done);
  EXPECT_EQ(done.value().target, "a");
  EXPECT_EQ(world.guests.calls, (Words{"run " + world.clone("a")->uuid.text()}));
}

TEST_F(AgentRunTest, AStatusFailsItWithTheLastLine) {
  world.guests.run_report = protocol::RunReport{.status = 3, .output = "unpacking\nno \x1b[2Jspace\n"};
  const auto done = world.perform(world.admin(), upgrade());
  ASSERT_OK(done);
  EXPECT_EQ(done.value().state, OperationState::failed);
  EXPECT_EQ(done.value().error->message.find("cannot run 'upgrade --all' in 'pos1': exit status 3: no "), 0u) << done.value().error->message;
  EXPECT_EQ(done.value().error->message.find('\x1b'), std::string::npos);
  EXPECT_EQ(done.value().error->message.find("ask for it again"), std::string::npos);
}

TEST_F(AgentRunTest, WhatTheAgentSaysIsSaidOnce) {
  world.guests.run_fails = {Error{Errc::timed_out, "cannot run 'upgrade --all': it took longer than 10m and was killed"}};
  const auto done = world.perform(world.admin(), upgrade());
  ASSERT_OK(done);
  EXPECT_EQ(done.value().error->message, "cannot run 'upgrade --all' in 'pos1': it took longer than 10m and was killed");
  EXPECT_EQ(done.value().error->code, "timed-out");
}

TEST_F(AgentRunTest, PlansAndRefusals) {
  const auto plan = protocol::decode_response<AgentRun>(world.ask(world.admin(), upgrade(), {}, true));
  ASSERT_OK(plan);
  ASSERT_EQ(plan.value().plan->steps.size(), 1u);
  EXPECT_EQ(plan.value().plan->steps[0].text, "run 'upgrade --all' in pos1");

  AgentRun call = upgrade();
  call.command.clear();
  EXPECT_FAILS(world.call(world.admin(), call), Errc::invalid_argument);
  for (const std::uint64_t limit : {0u, 86'401u}) {
    call = upgrade();
    call.limit_s = limit;
    EXPECT_FAILS(world.call(world.admin(), call), Errc::invalid_argument);
  }
  call = upgrade();
  call.clone = clone_name("nosuch");
  EXPECT_FAILS(world.call(world.admin(), call), Errc::not_found);
  ASSERT_OK(world.create("resting", false));
  call.clone = clone_name("resting");
  EXPECT_FAILS(world.call(world.admin(), call), Errc::conflict);
  EXPECT_FAILS(world.call(world.admin("vic", broker::AdminRole::approver), upgrade()), Errc::refused);
  EXPECT_EQ(runs(), 0u);
}

TEST_F(AgentRunTest, WaitsForTheAgentBeforeItBegins) {
  world.guests.disconnected.insert(world.pos1_uuid);
  const auto accepted = world.call(world.admin(), upgrade());
  ASSERT_OK(accepted);
  world.settle();
  EXPECT_EQ(runs(), 0u);
  world.guests.disconnected.clear();
  world.clock.advance(std::chrono::seconds(1));
  world.settle();
  EXPECT_EQ(show(accepted.value().operation->id).value().state, OperationState::succeeded);
  EXPECT_FALSE(world.guests.runs.at(0).attach);

  world.guests.disconnected.insert(world.pos1_uuid);
  const auto never = world.call(world.admin(), upgrade());
  ASSERT_OK(never);
  world.settle();
  for (int i = 0; i < 61; ++i) {
    world.clock.advance(std::chrono::seconds(1));
    world.settle();
  }
  const auto failed = show(never.value().operation->id);
  EXPECT_EQ(failed.value().state, OperationState::failed);
  EXPECT_EQ(failed.value().error->message, "cannot run 'upgrade --all' in 'pos1': its agent is not connected");
  EXPECT_EQ(runs(), 1u);
}

TEST_F(AgentRunTest, WhereTheChannelBreaksItOnlyAttaches) {
  world.guests.run_fails = {Error{Errc::unavailable, "the channel ended"}, Error{Errc::unavailable, "its agent is not connected"}};
  const auto accepted = world.call(world.admin(), upgrade());
  ASSERT_OK(accepted);
  for (int i = 0; i < 2; ++i) {
    world.settle();
    world.clock.advance(std::chrono::seconds(1));
  }
  world.settle();
  EXPECT_EQ(show(accepted.value().operation->id).value().state, OperationState::succeeded);
  ASSERT_EQ(runs(), 3u);
  EXPECT_FALSE(world.guests.runs[0].attach);
  EXPECT_TRUE(world.guests.runs[1].attach);
  EXPECT_TRUE(world.guests.runs[2].attach);
}

TEST_F(AgentRunTest, ItDoesNotAttachForEver) {
  world.guests.run_fails.assign(1000, Error{Errc::unavailable, "its agent is not connected"});
  const auto accepted = world.call(world.admin(), upgrade());
  ASSERT_OK(accepted);
  for (int i = 0; i < 640; ++i) {
    world.settle();
    world.clock.advance(std::chrono::seconds(1));
  }
  world.settle();
  const auto failed = show(accepted.value().operation->id);
  EXPECT_EQ(failed.value().state, OperationState::failed);
  EXPECT_EQ(failed.value().error->code, "unavailable");
}

TEST_F(AgentRunTest, TakenUpAfterACrashItIsNotBegunAgain) {
  const OperationId id = begin();
  world.crash();
  world.guests.hold_run.reset();
  world.start();
  EXPECT_EQ(show(id).value().state, OperationState::succeeded);
  ASSERT_EQ(runs(), 2u);
  EXPECT_TRUE(world.guests.runs[1].attach);
  EXPECT_EQ(world.guests.runs[1].token, id);
}

// A clone may be renamed or removed while a command runs in it; the family's next command waits for the end of this one.
class AgentRunOfAChangedClone : public AgentRunTest, public ::testing::WithParamInterface<bool> {};

TEST_P(AgentRunOfAChangedClone, IsKnownByItsMember) {
  const bool is_removed = GetParam();
  ASSERT_OK(world.create("a"));
  const Uuid member = world.clone("a")->uuid;
  AgentRun call = upgrade();
  call.clone = clone_name("a");
  world.guests.hold_run = std::make_shared<asio::steady_timer>(*world.context, std::chrono::steady_clock::time_point::max());
  const auto accepted = world.call(world.admin(), call);
  ASSERT_OK(accepted);
  world.settle();
  world.crash();
  world.guests.hold_run.reset();
  auto& clones = world.families.kept.at(world.pos1).clones;
  if (is_removed) {
    clones.clear();
    world.guests.run_fails = {Error{Errc::unavailable, "its agent is not connected"}};
  } else {
    clones[0].name = clone_name("b");
  }
  world.guests.calls.clear();
  world.start();
  world.settle();
  const auto ended = show(accepted.value().operation->id);
  ASSERT_OK(ended);
  EXPECT_EQ(ended.value().state, is_removed ? OperationState::failed : OperationState::succeeded);
  EXPECT_EQ(world.guests.calls, Words{"run " + member.text() + " attach"});
  world.guests.run_fails = {};
  const auto next = world.perform(world.admin(), upgrade());
  ASSERT_OK(next);
  EXPECT_EQ(next.value().state, OperationState::succeeded) << "nothing blocks the family";
}

INSTANTIATE_TEST_SUITE_P(RenamedOrRemoved, AgentRunOfAChangedClone, ::testing::Bool());

TEST_F(AgentRunTest, WhatCannotBeToldIsAFailure) {
  const OperationId id = begin();
  world.crash();
  world.guests.hold_run.reset();
  world.guests.run_fails = {Error{Errc::not_found, "cannot run 'upgrade --all': cannot tell what became of it: the agent was started anew, or never was asked"}};
  world.start();
  const auto failed = show(id);
  EXPECT_EQ(failed.value().state, OperationState::failed);
  EXPECT_EQ(failed.value().error->message,
            "cannot run 'upgrade --all' in 'pos1': cannot tell what became of it: the agent was started anew, or never was asked");
}

TEST_F(AgentRunTest, HoldsNothingBackButOtherCommands) {
  const OperationId id = begin();
  const auto created = world.create("standby");
  ASSERT_OK(created);
  EXPECT_EQ(created.value().state, OperationState::succeeded);
  protocol::CutoverStart start;
  start.name = clone_name("standby");
  EXPECT_EQ(world.perform(world.admin(), start).value().state, OperationState::succeeded);
  EXPECT_EQ(world.perform(world.admin(), protocol::CutoverUndo{}).value().state, OperationState::succeeded);
  const auto second = world.call(world.admin(), upgrade());
  world.settle();
  EXPECT_EQ(show(second.value().operation->id).value().state, OperationState::queued);
  EXPECT_EQ(show(id).value().state, OperationState::running);
  let_go();
  EXPECT_EQ(show(id).value().state, OperationState::succeeded);
  EXPECT_EQ(show(second.value().operation->id).value().state, OperationState::succeeded);
  EXPECT_EQ(runs(), 2u);
}

TEST_F(AgentRunTest, IsNotCancelledWhileItRuns) {
  const OperationId id = begin();
  EXPECT_FAILS(world.call(world.admin(), protocol::OperationCancel{.id = id}), Errc::conflict);
  let_go();
  EXPECT_EQ(show(id).value().state, OperationState::succeeded);
}

TEST_F(AgentRunTest, AGuestMayNotAsk) {
  EXPECT_FAILS(protocol::decode_request(R"({"jsonrpc":"2.0","id":1,"method":"agent.run","params":{"command":["x"]}})", protocol::Sender::guest), Errc::unknown_method);
}

}  // namespace
}  // namespace zynclone::tests
