#include "guest-agent-core/quiesce.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;
using Events = std::vector<std::string>;
using protocol::GuestQuiesce;
using protocol::GuestThaw;

class QuiesceTest : public ::testing::Test {
 protected:
  QuiesceTest() {
    programs.names[HookEvent::quiesce] = {"a", "b"};
    programs.names[HookEvent::thaw] = {"a", "b"};
    freezer.configured = {"/srv", "/data"};
    limits.thaw_retry = std::chrono::milliseconds(5);
  }
  ~QuiesceTest() override {
    if (quiescer) quiescer->release("the test ends");
    EXPECT_TRUE(run_until(context, [&] { return !quiescer || !quiescer->held_for(); })) << "the thaw never came";
  }

  void make() { quiescer.emplace(context.get_executor(), hooks, freezer, store, limits); }

  template <class T>
  using Answer = std::shared_ptr<std::optional<Result<T>>>;

  Answer<protocol::QuiesceReport> quiesce(unsigned token, std::uint64_t hold_ms = 60'000) {
    auto answer = std::make_shared<std::optional<Result<protocol::QuiesceReport>>>();
    start(context, quiescer->quiesce(GuestQuiesce{operation_number(token), hold_ms}),
          [answer](Result<protocol::QuiesceReport> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  Answer<protocol::ThawReport> thaw(unsigned token) {
    auto answer = std::make_shared<std::optional<Result<protocol::ThawReport>>>();
    start(context, quiescer->thaw(GuestThaw{operation_number(token)}),
          [answer](Result<protocol::ThawReport> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  template <class T>
  Result<T> wait(const Answer<T>& answer) {
    EXPECT_TRUE(run_until(context, [&] { return answer->has_value(); })) << "no answer";
    return answer->has_value() ? **answer : Result<T>(Error{Errc::internal, "no answer"});
  }
  void wait_idle() {
    EXPECT_TRUE(run_until(context, [&] { return !quiescer->held_for(); }));
  }

  asio::io_context context;
  Record record;
  FakeHookPrograms programs{record};
  FakeFreezer freezer{record};
  FakeQuiesceStore store{record};
  HookLimits hook_limits{.each = std::chrono::milliseconds(500)};
  Hooks hooks{programs, hook_limits, [] { return HookEnvironment(); }};
  QuiesceLimits limits;
  std::optional<Quiescer> quiescer;
};

TEST_F(QuiesceTest, HooksThenFileSystemsAndBackInReverse) {
  make();
  const auto report = wait(quiesce(1));
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 2u);
  EXPECT_EQ(report.value().frozen, (std::vector<std::string>{"/srv", "/data"}));
  EXPECT_EQ(quiescer->held_for(), operation_number(1));

  const auto thawed = wait(thaw(1));
  ASSERT_OK(thawed);
  EXPECT_EQ(thawed.value().hooks, 2u);
  EXPECT_TRUE(thawed.value().was_quiesced);
  EXPECT_EQ(record.events, (Events{"save 0", "quiesce a", "quiesce b", "save 2", "freeze", "thaw mounts /srv /data", "thaw b", "thaw a", "clear"}));
  EXPECT_EQ(programs.environments["quiesce a"].at("ZYNCLONE_TOKEN"), operation_number(1).text());
  EXPECT_EQ(programs.environments["quiesce a"].at("ZYNCLONE_HOLD_MS"), "60000");
}

TEST_F(QuiesceTest, NothingToFreezeIsFine) {
  freezer.configured.clear();
  make();
  const auto report = wait(quiesce(1));
  ASSERT_OK(report);
  EXPECT_TRUE(report.value().frozen.empty());
  EXPECT_FALSE(record.has("freeze"));
  EXPECT_TRUE(wait(thaw(1)).value().was_quiesced);
}

TEST_F(QuiesceTest, TheFreezerIsToldToLetGoByItself) {
  make();
  ASSERT_OK(wait(quiesce(1, 30'000)));
  EXPECT_EQ(freezer.longest, limits.freeze + std::chrono::seconds(30) + limits.beyond_hold);
}

TEST_F(QuiesceTest, AHookThatFailsThawsEverythingBeforeItIsAnswered) {
  programs.behaviours["quiesce b"] = Behaviour::fails;
  make();
  EXPECT_FAILS(wait(quiesce(1)), Errc::system);
  EXPECT_FALSE(quiescer->held_for());
  EXPECT_EQ(record.events, (Events{"save 0", "quiesce a", "quiesce b", "thaw b", "thaw a", "clear"}));
}

TEST_F(QuiesceTest, AFreezeThatFailsRunsTheThawHooksAndLeavesOthersFreezesAlone) {
  freezer.failure = Error{Errc::conflict, "cannot freeze '/data': it is frozen already"};
  make();
  EXPECT_FAILS(wait(quiesce(1)), Errc::conflict);
  EXPECT_EQ(record.events, (Events{"save 0", "quiesce a", "quiesce b", "save 2", "freeze", "thaw b", "thaw a", "clear"}));
}

TEST_F(QuiesceTest, AFreezeThatTakesTooLongIsThawed) {
  freezer.failure = Error{Errc::timed_out, "freezing took longer than 10 ms"};
  make();
  EXPECT_FAILS(wait(quiesce(1)), Errc::timed_out);
  EXPECT_TRUE(record.has("thaw mounts /srv /data"));
}

TEST_F(QuiesceTest, WithoutARecordNothingIsHeld) {
  store.save_failure = Error{Errc::no_space, "cannot write"};
  make();
  EXPECT_FAILS(wait(quiesce(1)), Errc::no_space);
  EXPECT_FALSE(record.has("quiesce a"));
  EXPECT_FALSE(record.has("freeze"));
}

TEST_F(QuiesceTest, TheSameTokenAgainIsTheSameAnswer) {
  make();
  const auto first = quiesce(1);
  const auto second = quiesce(1);
  ASSERT_OK(wait(first));
  ASSERT_OK(wait(second));
  const auto third = wait(quiesce(1));
  ASSERT_OK(third);
  EXPECT_EQ(third.value().duration_ms, (*first)->value().duration_ms);
  EXPECT_EQ(record.count("freeze"), 1u);
}

TEST_F(QuiesceTest, AnotherTokenIsBusy) {
  make();
  ASSERT_OK(wait(quiesce(1)));
  EXPECT_FAILS(wait(quiesce(2)), Errc::busy);
  EXPECT_EQ(quiescer->held_for(), operation_number(1));
}

TEST_F(QuiesceTest, HoldTimeIsChecked) {
  make();
  EXPECT_FAILS(wait(quiesce(1, 0)), Errc::invalid_argument);
  const auto too_long = wait(quiesce(1, 600'001));
  ASSERT_FAILS(too_long, Errc::invalid_argument);
  EXPECT_EQ(too_long.error().place, "/params/hold_ms");
  EXPECT_TRUE(record.events.empty());
}

TEST_F(QuiesceTest, ThawWithoutQuiesceSaysSo) {
  make();
  const auto report = wait(thaw(1));
  ASSERT_OK(report);
  EXPECT_FALSE(report.value().was_quiesced);
  EXPECT_EQ(report.value().hooks, 0u);
  EXPECT_TRUE(record.events.empty());
}

TEST_F(QuiesceTest, ThawForAnotherTokenIsRefused) {
  make();
  ASSERT_OK(wait(quiesce(1)));
  EXPECT_FAILS(wait(thaw(2)), Errc::conflict);
  EXPECT_EQ(quiescer->held_for(), operation_number(1));
}

TEST_F(QuiesceTest, AThawThatIsAskedForAgainIsAnsweredAgain) {
  make();
  ASSERT_OK(wait(quiesce(1)));
  ASSERT_TRUE(wait(thaw(1)).value().was_quiesced);
  const auto again = wait(thaw(1));
  EXPECT_TRUE(again.value().was_quiesced);
  EXPECT_EQ(again.value().hooks, 2u);
  EXPECT_EQ(record.count("thaw a"), 1u);
}

TEST_F(QuiesceTest, ThawsByItselfWhenTheHoldTimeEnds) {
  make();
  ASSERT_OK(wait(quiesce(1, 20)));
  wait_idle();
  EXPECT_TRUE(record.has("thaw mounts /srv /data"));
  EXPECT_TRUE(record.has("clear"));
  const auto late = wait(thaw(1));
  ASSERT_OK(late);
  EXPECT_FALSE(late.value().was_quiesced) << "what was done meanwhile is not consistent";
}

TEST_F(QuiesceTest, AFreezeThatWasLostMeanwhileIsReported) {
  freezer.thaw_result = Thaw::lost;
  make();
  ASSERT_OK(wait(quiesce(1)));
  EXPECT_FALSE(wait(thaw(1)).value().was_quiesced);
}

TEST_F(QuiesceTest, ReleaseThawsAtOnce) {
  make();
  ASSERT_OK(wait(quiesce(1)));
  quiescer->release("the channel ended");
  wait_idle();
  EXPECT_TRUE(record.has("thaw a"));
  EXPECT_FALSE(wait(thaw(1)).value().was_quiesced);
}

TEST_F(QuiesceTest, AThawDuringAHookThatHangsEndsTheHook) {
  programs.behaviours["quiesce b"] = Behaviour::hangs;
  make();
  const auto answer = quiesce(1);
  ASSERT_TRUE(run_until(context, [&] { return record.has("quiesce b"); }));
  const auto thawed = wait(thaw(1));
  ASSERT_OK(thawed);
  EXPECT_FALSE(thawed.value().was_quiesced);
  EXPECT_TRUE(record.has("cancelled quiesce b"));
  EXPECT_FALSE(record.has("freeze"));
  EXPECT_FAILS(wait(answer), Errc::cancelled);
}

TEST_F(QuiesceTest, AThawDuringAFreezeThatHangsThawsWhatMayBeFrozen) {
  freezer.hangs = true;
  make();
  const auto answer = quiesce(1);
  ASSERT_TRUE(run_until(context, [&] { return record.has("freeze"); }));
  EXPECT_FALSE(wait(thaw(1)).value().was_quiesced);
  EXPECT_TRUE(record.has("thaw mounts /srv /data"));
  EXPECT_FAILS(wait(answer), Errc::cancelled);
}

TEST_F(QuiesceTest, AQuiesceDuringTheThawIsBusy) {
  programs.behaviours["thaw b"] = Behaviour::hangs;
  make();
  ASSERT_OK(wait(quiesce(1)));
  const auto thawed = thaw(1);
  ASSERT_TRUE(run_until(context, [&] { return record.has("thaw b"); }));
  EXPECT_FAILS(wait(quiesce(2)), Errc::busy);
  EXPECT_FALSE(thawed->has_value());
}

TEST_F(QuiesceTest, AThawThatFailsIsTriedUntilItIsDone) {
  freezer.thaw_failures = 5;
  make();
  ASSERT_OK(wait(quiesce(1)));
  ASSERT_OK(wait(thaw(1)));
  EXPECT_EQ(record.count("thaw mounts /srv /data"), 6u);
  // Hooks run although the file systems are still frozen, after three attempts.
  const auto begin = record.events.begin();
  EXPECT_EQ(std::find(begin, record.events.end(), "thaw a") - begin, 9);
  EXPECT_EQ(record.events.back(), "clear") << "the record stays until all is thawed";
}

TEST_F(QuiesceTest, AnAgentThatWasKilledIsFollowedByOneThatThaws) {
  store.kept = QuiesceRecord{operation_number(3), {"/srv"}};
  make();
  quiescer->recover();
  EXPECT_EQ(quiescer->held_for(), operation_number(3));
  wait_idle();
  EXPECT_EQ(record.events, (Events{"thaw mounts /srv", "thaw b", "thaw a", "clear"}));
  EXPECT_FALSE(wait(thaw(3)).value().was_quiesced);
}

TEST_F(QuiesceTest, WhileItRecoversNothingElseBegins) {
  store.kept = QuiesceRecord{operation_number(3), {"/srv"}};
  programs.behaviours["thaw b"] = Behaviour::hangs;
  make();
  quiescer->recover();
  ASSERT_TRUE(run_until(context, [&] { return record.has("thaw b"); }));
  EXPECT_FAILS(wait(quiesce(4)), Errc::busy);
  EXPECT_FAILS(wait(quiesce(3)), Errc::cancelled);
}

TEST_F(QuiesceTest, NothingIsThawedWhereNothingWasHeld) {
  make();
  quiescer->recover();
  EXPECT_FALSE(quiescer->held_for());
  EXPECT_TRUE(record.events.empty());
}

TEST_F(QuiesceTest, ARecordThatCannotBeReadThawsEverything) {
  store.load_failure = Error{Errc::malformed, "cannot read the quiesce record"};
  make();
  quiescer->recover();
  wait_idle();
  EXPECT_TRUE(record.has("thaw mounts /srv /data"));
  EXPECT_TRUE(record.has("thaw a"));
  EXPECT_TRUE(record.has("clear"));
}

TEST_F(QuiesceTest, OneAfterTheOther) {
  make();
  for (unsigned token = 1; token <= 3; ++token) {
    ASSERT_OK(wait(quiesce(token)));
    ASSERT_TRUE(wait(thaw(token)).value().was_quiesced);
  }
  EXPECT_EQ(record.count("freeze"), 3u);
}

}  // namespace
}  // namespace zynclone::tests
