#include "guest-agent-core/one_at_a_time.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Calls = agent::OneAtATime<int, std::string>;

class OneAtATimeTest : public ::testing::Test {
 protected:
  // Work that ends when `may_end` says so.
  asio::awaitable<Calls::Outcome> work(std::string gives) {
    while (!may_end) co_await ends.wait();
    co_return gives;
  }
  void ask(int key) {
    start(context, calls.run(key, work("done " + std::to_string(key)), [](const Error& why) { return Error{why.code, "dropped: " + why.message}; }),
          [this](Calls::Outcome outcome) { answer.emplace(std::move(outcome)); });
    settle(context);
  }
  Calls::Outcome wait() {
    EXPECT_TRUE(run_until(context, [this] { return answer.has_value(); }));
    return *answer;
  }
  asio::awaitable<Calls::Outcome> ask_again() {
    co_await calls.ended(1);
    const Calls::Outcome* outcome = calls.outcome_of(1);
    if (outcome == nullptr) co_return Error{Errc::not_found, "nothing"};
    co_return *outcome;
  }
  void let_end() {
    may_end = true;
    ends.wake();
  }

  asio::io_context context;
  channel::WakeUp ends;
  bool may_end = false;
  Calls calls;
  std::optional<Calls::Outcome> answer;
};

TEST_F(OneAtATimeTest, WhoAsksAgainFindsWhatItCameTo) {
  ask(1);
  EXPECT_EQ(calls.running(), 1);
  EXPECT_EQ(calls.outcome_of(1), nullptr);
  std::optional<Calls::Outcome> found;
  start(context, ask_again(), [&found](Calls::Outcome outcome) { found.emplace(std::move(outcome)); });
  let_end();
  EXPECT_EQ(wait().value(), "done 1");
  EXPECT_TRUE(run_until(context, [&] { return found.has_value(); }));
  EXPECT_EQ(found->value(), "done 1");
  EXPECT_FALSE(calls.running());
  EXPECT_EQ(calls.outcome_of(2), nullptr);
  calls.forget();
  EXPECT_EQ(calls.outcome_of(1), nullptr);
}

TEST_F(OneAtATimeTest, WhatIsDroppedEndsAtOnceAndTheNextOneDoesNotKnowOfIt) {
  calls.drop(Error{Errc::cancelled, "nobody runs"});
  ask(1);
  calls.drop(Error{Errc::moved, "a clone"});
  EXPECT_FAILS(wait(), Errc::moved);
  EXPECT_EQ(answer->error().message, "dropped: a clone");
  EXPECT_TRUE(calls.was_dropped());
  EXPECT_FAILS(*calls.outcome_of(1), Errc::moved);
  answer.reset();
  may_end = true;
  ask(2);
  EXPECT_EQ(wait().value(), "done 2");
  EXPECT_FALSE(calls.was_dropped());
  EXPECT_EQ(calls.outcome_of(1), nullptr);
}

}  // namespace
}  // namespace zynclone::tests
