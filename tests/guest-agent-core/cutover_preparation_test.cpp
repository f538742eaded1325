#include "guest-agent-core/cutover_preparation.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;
using Events = std::vector<std::string>;
using protocol::CutoverSide;
using protocol::PrepareReport;

class CutoverPreparationTest : public ::testing::Test {
 protected:
  CutoverPreparationTest() { programs.names[HookEvent::prepare_cutover] = {"a", "b"}; }
  ~CutoverPreparationTest() override {
    preparation.drop(Error{Errc::cancelled, "the test ends"});
    quiescer.release("the test ends");
    EXPECT_TRUE(run_until(context, [&] { return !preparation.in_work() && !quiescer.held_for(); }));
    settle(context);
  }
  using Answer = std::shared_ptr<std::optional<Result<PrepareReport>>>;
  Answer ask(unsigned token, CutoverSide side = CutoverSide::leaving) {
    auto answer = std::make_shared<std::optional<Result<PrepareReport>>>();
    protocol::GuestPrepareCutover call;
    call.token = operation_number(token);
    call.side = side;
    start(context, preparation.prepare(call), [answer](Result<PrepareReport> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  Result<PrepareReport> wait(const Answer& answer) {
    EXPECT_TRUE(run_until(context, [&] { return answer->has_value(); })) << "no answer";
    return answer->has_value() ? **answer : Result<PrepareReport>(Error{Errc::internal, "no answer"});
  }

  asio::io_context context;
  Record record;
  FakeHookPrograms programs{record};
  FakeFreezer freezer{record};
  FakeQuiesceStore store{record};
  HookLimits hook_limits{.each = std::chrono::milliseconds(200)};
  Hooks hooks{programs, hook_limits, [] { return HookEnvironment(); }};
  Quiescer quiescer{context.get_executor(), hooks, freezer, store, QuiesceLimits()};
  CutoverPreparation preparation{hooks, quiescer};
};

TEST_F(CutoverPreparationTest, RunsTheHooksAndTellsThemTheSide) {
  const auto report = wait(ask(1, CutoverSide::taking));
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 2u);
  EXPECT_EQ(record.events, (Events{"prepare-cutover a", "prepare-cutover b"}));
  EXPECT_EQ(programs.environments["prepare-cutover a"].at("ZYNCLONE_SIDE"), "taking");
  EXPECT_EQ(programs.environments["prepare-cutover a"].at("ZYNCLONE_TOKEN"), operation_number(1).text());
  ASSERT_OK(wait(ask(2, CutoverSide::leaving)));
  EXPECT_EQ(programs.environments["prepare-cutover a"].at("ZYNCLONE_SIDE"), "leaving");
}

TEST_F(CutoverPreparationTest, TheFirstThatFailsEndsIt) {
  programs.behaviours["prepare-cutover a"] = Behaviour::fails;
  const auto failed = wait(ask(1));
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_NE(failed.error().message.find("cannot run the hook 'a': exit status 3"), std::string::npos) << failed.error().message;
  EXPECT_EQ(record.events, (Events{"prepare-cutover a"}));
  programs.behaviours.clear();
  EXPECT_OK(wait(ask(1))) << "a failure is tried again";
}

TEST_F(CutoverPreparationTest, TheSameCallAgainIsTheSameAnswer) {
  ASSERT_OK(wait(ask(1)));
  record.events.clear();
  EXPECT_EQ(wait(ask(1)).value().hooks, 2u);
  EXPECT_TRUE(record.events.empty());
  ASSERT_OK(wait(ask(1, CutoverSide::taking))) << "the other side is another call";
  EXPECT_EQ(record.events.size(), 2u);
}

TEST_F(CutoverPreparationTest, OneAtATime) {
  programs.behaviours["prepare-cutover a"] = Behaviour::hangs;
  const auto first = ask(1);
  ASSERT_TRUE(run_until(context, [&] { return record.has("prepare-cutover a"); }));
  EXPECT_TRUE(preparation.in_work());
  EXPECT_FAILS(wait(ask(2)), Errc::busy);
  const auto same = ask(1);
  EXPECT_FAILS(wait(first), Errc::timed_out);
  EXPECT_FAILS(wait(same), Errc::timed_out);
  EXPECT_EQ(record.count("prepare-cutover a"), 1u);
}

TEST_F(CutoverPreparationTest, NotWhileTheGuestIsQuiesced) {
  bool quiesced = false;
  start(context, quiescer.quiesce(protocol::GuestQuiesce{operation_number(9), 60'000}), [&](const auto&) { quiesced = true; });
  ASSERT_TRUE(run_until(context, [&] { return quiesced; }));
  EXPECT_FAILS(wait(ask(1)), Errc::busy);
  EXPECT_FALSE(record.has("prepare-cutover a"));
}

TEST_F(CutoverPreparationTest, WhatIsDroppedIsEnded) {
  programs.behaviours["prepare-cutover a"] = Behaviour::hangs;
  const auto asked = ask(1);
  ASSERT_TRUE(run_until(context, [&] { return record.has("prepare-cutover a"); }));
  preparation.drop(Error{Errc::moved, "woke up in a clone"});
  EXPECT_FAILS(wait(asked), Errc::moved);
  EXPECT_TRUE(record.has("cancelled prepare-cutover a"));
  programs.behaviours.clear();
  EXPECT_OK(wait(ask(1)));
}

}  // namespace
}  // namespace zynclone::tests
