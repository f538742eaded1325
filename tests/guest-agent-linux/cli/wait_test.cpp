#include <csignal>

#include "cli/json.hpp"
#include "tests/guest-agent-linux/cli/fixture.hpp"

namespace zynclone::tests {
namespace {

using protocol::Accepted;

const std::string k_follow = "zynclone operation watch 01JD0000000000000000000001";

// The whole life of an operation, as the agent tells it on one connection.
void tell_all(Conversation& c) {
  c.answer(c.read_request(), Accepted{.operation = sample_operation(0)});
  c.answer(c.read_request(), sample_operation(1));
  c.notify(sample_operation(2));
  c.notify(sample_operation(3));
  c.notify(finished_operation());
  c.wait_closed();
}

TEST_F(Zynclone, WaitInAPipeIsALineAStep) {
  agent.add(tell_all);
  auto run = start(create_with({"--wait"}));
  EXPECT_EQ(run.finish(), 0);
  expect_golden("cli", "wait_pipe.txt", run.output());
  EXPECT_EQ(run.errors(), "");
}

TEST_F(Zynclone, WaitOnATerminalRedraws) {
  agent.add(tell_all);
  auto run = start(create_with({"--wait"}), Output::terminal);
  EXPECT_EQ(run.finish(), 0);
  expect_golden("guest-agent-linux/cli", "wait_terminal.txt", visible(run.output()));
}

TEST_F(Zynclone, WaitOnATerminalWithoutUtf8) {
  agent.add(tell_all);
  std::vector<std::string> arguments = create_with({"--wait"});
  ProgramRun run("zynclone", arguments, {{"ZYNCLONE_SOCKET", agent.path()}, {"LC_ALL", "C"}}, Output::terminal);
  EXPECT_EQ(run.finish(), 0);
  for (char byte : run.output()) ASSERT_LT(static_cast<unsigned char>(byte), 0x80) << run.output();
  EXPECT_NE(run.output().find("  + allowed"), std::string::npos) << run.output();
}

TEST_F(Zynclone, ADumbTerminalGetsLines) {
  agent.add(tell_all);
  ProgramRun run("zynclone", create_with({"--wait"}), {{"ZYNCLONE_SOCKET", agent.path()}, {"TERM", "dumb"}}, Output::terminal);
  EXPECT_EQ(run.finish(), 0);
  EXPECT_EQ(run.output().find('\x1b'), std::string::npos);
}

TEST_F(Zynclone, WaitWithJsonGivesTheLastState) {
  agent.add(tell_all);
  auto run = start(create_with({"--wait", "--json"}));
  EXPECT_EQ(run.finish(), 0);
  EXPECT_EQ(run.output(), cli::ascii_json(protocol::encode_view(finished_operation(), 2)) + "\n");
}

TEST_F(Zynclone, WatchWithJsonGivesEachState) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), sample_operation(1));
    c.notify(finished_operation());
    c.wait_closed();
  });
  auto run = start({"operation", "watch", "--json", sample_operation_id().text()});
  EXPECT_EQ(run.finish(), 0);
  EXPECT_EQ(run.output(), cli::ascii_json(protocol::encode_view(sample_operation(1)) + "\n" + protocol::encode_view(finished_operation())) + "\n");
}

TEST_F(Zynclone, AFailedOperationSaysWhyAndWhere) {
  will_answer(failed_operation());
  auto run = start({"operation", "watch", sample_operation_id().text()});
  EXPECT_EQ(run.finish(), 1);
  EXPECT_EQ(run.errors(),
            "zynclone: cannot snapshot 'pos1-root': thin pool vg0/pool has 10 MiB left, 1 GiB is kept in reserve (no-space at xvda)\n");
}

TEST_F(Zynclone, HowAnOperationEndedIsTheExitStatus) {
  using enum protocol::OperationState;
  for (const auto& [state, status] : {std::pair{denied, 3}, std::pair{expired, 5}, std::pair{cancelled, 7}, std::pair{failed, 1}}) {
    auto operation = sample_operation(1);
    operation.state = state;
    will_answer(operation);
    auto run = start({"operation", "watch", sample_operation_id().text()});
    EXPECT_EQ(run.finish(), status);
    EXPECT_EQ(run.errors(), "zynclone: operation " + operation.id.text() + " is " + std::string(to_string(state)) + "\n");
  }
}

TEST_F(Zynclone, ARestartOfTheAgentIsWaitedThrough) {
  agent.add([this](Conversation& c) {
    c.answer(c.read_request(), Accepted{.operation = sample_operation(0)});
    c.answer(c.read_request(), sample_operation(2));
    agent.go_away();
  });
  auto run = start(create_with({"--wait"}));
  ASSERT_TRUE(run.wait_for_errors("the service closed the connection")) << run.errors();
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), sample_operation(3));
    c.notify(finished_operation());
    c.wait_closed();
  });
  agent.come_back();
  EXPECT_EQ(run.finish(), 0);
  expect_golden("cli", "wait_pipe.txt", run.output());
}

TEST_F(Zynclone, ACreateWhoseAnswerWasLostIsAskedForAgainOnce) {
  std::string first;
  agent.add([&](Conversation& c) { first = c.read_request().request_id->text(); });
  agent.add([&](Conversation& c) {
    const auto request = c.read_request();
    EXPECT_EQ(request.request_id->text(), first);
    c.answer(request, Accepted{.operation = sample_operation(1)});
    c.answer(c.read_request(), finished_operation());
    c.wait_closed();
  });
  auto run = start(create_with({"--wait"}));
  EXPECT_EQ(run.finish(), 0) << run.errors();
}

TEST_F(Zynclone, CtrlCLeavesTheOperationAndSaysHowToFollowIt) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), Accepted{.operation = sample_operation(0)});
    c.answer(c.read_request(), sample_operation(1));
    c.wait_closed();
  });
  auto run = start(create_with({"--wait"}), Output::terminal);
  ASSERT_TRUE(run.wait_for_output("… quiesce pos1")) << run.output();
  run.type("\x03");
  EXPECT_EQ(run.finish(), 130);
  EXPECT_NE(run.output().find("goes on; follow it with: " + k_follow), std::string::npos) << run.output();
}

TEST_F(Zynclone, TerminationDuringTheWaitDoesTheSame) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), sample_operation(1));
    c.wait_closed();
  });
  auto run = start({"operation", "watch", sample_operation_id().text()});
  ASSERT_TRUE(run.wait_for_output("✓ allowed"));
  run.send_signal(SIGTERM);
  EXPECT_EQ(run.finish(), 130);
  EXPECT_NE(run.errors().find(k_follow), std::string::npos) << run.errors();
}

TEST_F(Zynclone, TheTimeLimitEndsTheWaitAndSaysHowToGoOn) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), Accepted{.operation = sample_operation(0)});
    c.answer(c.read_request(), sample_operation(1));
    c.wait_closed();
  });
  auto run = start(create_with({"--wait", "--timeout", "300ms"}));
  EXPECT_EQ(run.finish(), 5);
  EXPECT_NE(run.errors().find("it goes on; follow it with: " + k_follow), std::string::npos) << run.errors();
}

TEST_F(Zynclone, AnAgentThatStaysAwayEndsTheWaitAtTheTimeLimit) {
  agent.add([this](Conversation& c) {
    c.answer(c.read_request(), sample_operation(1));
    agent.go_away();
  });
  auto run = start({"operation", "watch", sample_operation_id().text(), "--timeout", "500ms"});
  EXPECT_EQ(run.finish(), 5);
  EXPECT_NE(run.errors().find("the time limit passed (cannot reach the agent"), std::string::npos) << run.errors();
}

TEST_F(Zynclone, WakingUpInACloneEndsTheWait) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), sample_operation(1));
  });
  will_fail(Error{Errc::moved, "cannot go on: this machine woke up as clone upgrade-1"});
  auto run = start({"operation", "watch", sample_operation_id().text()});
  EXPECT_EQ(run.finish(), 8);
}

TEST_F(Zynclone, GarbageInTheMiddleOfTheWait) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), sample_operation(1));
    c.send_line("\x1b[31m}{");
    c.wait_closed();
  });
  auto run = start({"operation", "watch", sample_operation_id().text()});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_EQ(run.errors().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace zynclone::tests
