#include "guest-agent-core/command_runs.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Events = std::vector<std::string>;
using protocol::GuestRun;
using protocol::RunReport;

class CommandRunsTest : public ::testing::Test {
 protected:
  ~CommandRunsTest() override {
    runs.drop(Error{Errc::cancelled, "the test ends"});
    none.drop(Error{Errc::cancelled, "the test ends"});
    quiescer.release("the test ends");
    EXPECT_TRUE(run_until(context, [&] { return !runs.is_running() && !quiescer.held_for(); }));
    settle(context);
  }
  using Answer = std::shared_ptr<std::optional<Result<RunReport>>>;
  static GuestRun call(unsigned token) { return GuestRun{.token = operation_number(token), .command = {"upgrade", "--all"}, .limit_ms = 60'000}; }
  Answer ask(GuestRun asked, CommandRuns* of = nullptr) {
    auto answer = std::make_shared<std::optional<Result<RunReport>>>();
    start(context, (of != nullptr ? *of : runs).run(std::move(asked)), [answer](Result<RunReport> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  Result<RunReport> wait(const Answer& answer) {
    EXPECT_TRUE(run_until(context, [&] { return answer->has_value(); })) << "no answer";
    return answer->has_value() ? **answer : Result<RunReport>(Error{Errc::internal, "no answer"});
  }

  asio::io_context context;
  Record record;
  FakeHookPrograms programs{record};
  FakeCommandPrograms commands{record};
  FakeFreezer freezer{record};
  FakeQuiesceStore store{record};
  HookLimits hook_limits;
  Hooks hooks{programs, hook_limits, [] { return HookEnvironment(); }};
  Quiescer quiescer{context.get_executor(), hooks, freezer, store, QuiesceLimits()};
  CommandRuns runs{&commands, quiescer, [] { return HookEnvironment{{"ZYNCLONE_MEMBER", "pos1"}}; }};
  CommandRuns none{nullptr, quiescer, [] { return HookEnvironment(); }};
};

TEST_F(CommandRunsTest, RunsACommandAndSaysWhatItCameTo) {
  commands.end = CommandEnd{.status = 3, .output = "one\ntwo\n"};
  const auto report = wait(ask(call(1)));
  ASSERT_OK(report);
  EXPECT_EQ(report.value().status, 3u);
  EXPECT_EQ(report.value().output, "one\ntwo\n");
  EXPECT_EQ(record.events, (Events{"run upgrade --all"}));
  EXPECT_EQ(commands.environment.at("ZYNCLONE_MEMBER"), "pos1");
  EXPECT_EQ(commands.environment.at("ZYNCLONE_EVENT"), "run");
  EXPECT_EQ(commands.environment.at("ZYNCLONE_TOKEN"), operation_number(1).text());
  EXPECT_EQ(commands.limit, std::chrono::seconds(60));
}

TEST_F(CommandRunsTest, OfALongOutputTheEndIsKept) {
  commands.end.output = std::string(4000, 'a') + "the end";
  const auto report = wait(ask(call(1)));
  ASSERT_OK(report);
  EXPECT_EQ(report.value().output.size(), protocol::k_longest_run_output);
  EXPECT_TRUE(report.value().output.ends_with("the end"));
}

TEST_F(CommandRunsTest, TheSameTokenRunsOnce) {
  ASSERT_OK(wait(ask(call(1))));
  ASSERT_OK(wait(ask(call(1))));
  GuestRun attached = call(1);
  attached.attach = true;
  ASSERT_OK(wait(ask(attached)));
  EXPECT_EQ(record.count("run upgrade --all"), 1u);
  ASSERT_OK(wait(ask(call(2))));
  EXPECT_EQ(record.count("run upgrade --all"), 2u);
}

TEST_F(CommandRunsTest, WhoeverAttachesWaitsForTheOneThatRuns) {
  commands.hold();
  const auto first = ask(call(1));
  GuestRun attached = call(1);
  attached.attach = true;
  const auto second = ask(attached);
  settle(context);
  EXPECT_TRUE(runs.is_running());
  EXPECT_FALSE(second->has_value());
  EXPECT_FAILS(wait(ask(call(2))), Errc::busy);
  commands.let_go();
  ASSERT_OK(wait(first));
  ASSERT_OK(wait(second));
  EXPECT_EQ(record.count("run upgrade --all"), 1u);
}

TEST_F(CommandRunsTest, AttachNeverBegins) {
  GuestRun attached = call(1);
  attached.attach = true;
  const auto answer = wait(ask(attached));
  EXPECT_FAILS(answer, Errc::not_found);
  EXPECT_EQ(answer.error().message, "cannot run 'upgrade --all': cannot tell what became of it: the agent was started anew, or never was asked");
  EXPECT_TRUE(record.events.empty());
}

TEST_F(CommandRunsTest, OneThatWasKilledAtItsLimitSaysSo) {
  commands.end = CommandEnd{.in_time = false, .status = 137, .output = "copying\n"};
  const auto answer = wait(ask(call(1)));
  EXPECT_FAILS(answer, Errc::timed_out);
  EXPECT_EQ(answer.error().message, "cannot run 'upgrade --all': it took longer than 1m and was killed (it said: copying)");
  EXPECT_FAILS(wait(ask(call(1))), Errc::timed_out);
  EXPECT_EQ(record.count("run upgrade --all"), 1u) << "the same answer, and not once more";
}

TEST_F(CommandRunsTest, OneThatCannotBeStartedIsAnError) {
  commands.failure = Error{Errc::system, "cannot run 'upgrade': no such program"};
  EXPECT_FAILS(wait(ask(call(1))), Errc::system);
}

TEST_F(CommandRunsTest, AGuestMayRefuseAll) {
  const auto answer = wait(ask(call(1), &none));
  EXPECT_FAILS(answer, Errc::refused);
  EXPECT_NE(answer.error().message.find("commands in agent.conf"), std::string::npos);
}

TEST_F(CommandRunsTest, WhatIsBeyondItsLimitsIsRefused) {
  GuestRun empty = call(1);
  empty.command.clear();
  EXPECT_FAILS(wait(ask(empty)), Errc::invalid_argument);
  for (const std::uint64_t limit : {std::uint64_t(0), std::uint64_t(86'400'001)}) {
    GuestRun wrong = call(1);
    wrong.limit_ms = limit;
    EXPECT_FAILS(wait(ask(wrong)), Errc::invalid_argument);
  }
  EXPECT_TRUE(record.events.empty());
  ASSERT_OK(wait(ask(call(1)))) << "what was refused is not remembered";
}

TEST_F(CommandRunsTest, NothingIsBegunWhileTheGuestIsAtRest) {
  auto quiesced = std::make_shared<bool>(false);
  start(context, quiescer.quiesce(protocol::GuestQuiesce{operation_number(9), 60'000}), [quiesced](const Result<protocol::QuiesceReport>& result) { *quiesced = result.has_value(); });
  ASSERT_TRUE(run_until(context, [&] { return *quiesced; }));
  EXPECT_FAILS(wait(ask(call(1))), Errc::busy);
}

TEST_F(CommandRunsTest, ADropKillsItAndForgetsTheLast) {
  ASSERT_OK(wait(ask(call(1))));
  commands.hold();
  const auto running = ask(call(2));
  settle(context);
  runs.drop(Error{Errc::unavailable, "the agent is being stopped"});
  const auto answer = wait(running);
  EXPECT_FAILS(answer, Errc::unavailable);
  EXPECT_TRUE(record.has("killed upgrade --all"));
  commands.let_go();
  GuestRun attached = call(1);
  attached.attach = true;
  EXPECT_FAILS(wait(ask(attached)), Errc::not_found);
}

}  // namespace
}  // namespace zynclone::tests
