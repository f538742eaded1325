#include "guest-agent-core/hooks.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;
using Events = std::vector<std::string>;

class HooksTest : public ::testing::Test {
 protected:
  HookReport run(HookEvent event, HookLimits limits = {}) {
    Hooks hooks(programs, limits, [] { return HookEnvironment{{"ZYNCLONE_VM", "pos1"}}; });
    return tests::run(context, hooks.run(event, {{"ZYNCLONE_TOKEN", "t"}}));
  }

  asio::io_context context;
  Record record;
  FakeHookPrograms programs{record};
};

TEST_F(HooksTest, RunInOrderAndAreToldWhatHappened) {
  programs.names[HookEvent::quiesce] = {"10-database", "20-spool"};
  const HookReport report = run(HookEvent::quiesce);
  EXPECT_EQ(record.events, (Events{"quiesce 10-database", "quiesce 20-spool"}));
  EXPECT_EQ(report.results.size(), 2u);
  EXPECT_EQ(report.first_failure(), nullptr);
  EXPECT_EQ(programs.environments["quiesce 10-database"],
            (HookEnvironment{{"ZYNCLONE_EVENT", "quiesce"}, {"ZYNCLONE_TOKEN", "t"}, {"ZYNCLONE_VM", "pos1"}}));
}

TEST_F(HooksTest, NoHooksIsSuccess) { EXPECT_EQ(run(HookEvent::quiesce).first_failure(), nullptr); }

TEST_F(HooksTest, TheFirstThatFailsEndsQuiesce) {
  programs.names[HookEvent::quiesce] = {"a", "b", "c"};
  programs.behaviours["quiesce b"] = Behaviour::fails;
  const HookReport report = run(HookEvent::quiesce);
  EXPECT_EQ(record.events, (Events{"quiesce a", "quiesce b"}));
  ASSERT_NE(report.first_failure(), nullptr);
  EXPECT_EQ(report.first_failure()->name, "b");
}

TEST_F(HooksTest, TheFirstThatFailsEndsWhatIsAnsweredToTheBroker) {
  for (const HookEvent event : {HookEvent::prepare_cutover, HookEvent::release_volume, HookEvent::acquire_volume}) {
    programs.names[event] = {"a", "b"};
    programs.behaviours[std::string(to_string(event)) + " a"] = Behaviour::fails;
    EXPECT_EQ(run(event).results.size(), 1u) << to_string(event);
  }
  EXPECT_EQ(record.events, (Events{"prepare-cutover a", "release-volume a", "acquire-volume a"}));
}

TEST_F(HooksTest, ThawRunsInReverseAndGoesOnAfterAFailure) {
  programs.names[HookEvent::thaw] = {"a", "b", "c"};
  programs.behaviours["thaw c"] = Behaviour::fails;
  programs.behaviours["thaw b"] = Behaviour::fails;
  const HookReport report = run(HookEvent::thaw);
  EXPECT_EQ(record.events, (Events{"thaw c", "thaw b", "thaw a"}));
  EXPECT_EQ(report.results.size(), 3u);
}

TEST_F(HooksTest, HealthAsksAll) {
  programs.names[HookEvent::health] = {"a", "b"};
  programs.behaviours["health a"] = Behaviour::fails;
  EXPECT_EQ(run(HookEvent::health).results.size(), 2u);
}

TEST_F(HooksTest, EachHasATimeLimitWithinThatOfAll) {
  programs.names[HookEvent::health] = {"a", "b", "c"};
  programs.behaviours["health a"] = Behaviour::hangs;
  programs.behaviours["health b"] = Behaviour::hangs;
  HookLimits limits;
  limits.each = std::chrono::milliseconds(60);
  limits.total = std::chrono::milliseconds(100);
  const HookReport report = run(HookEvent::health, limits);
  EXPECT_EQ(programs.limits["health a"], limits.each);
  EXPECT_LE(programs.limits["health b"], std::chrono::milliseconds(40));
  EXPECT_FALSE(record.has("health c")) << "the time of all is used up";
  ASSERT_EQ(report.results.size(), 3u);
  EXPECT_EQ(report.results[2].error->code, Errc::timed_out);
}

TEST_F(HooksTest, AThawHookRunsEvenWhenTheTimeOfAllIsUsedUp) {
  programs.names[HookEvent::thaw] = {"a", "b"};
  programs.behaviours["thaw b"] = Behaviour::hangs;
  HookLimits limits;
  limits.each = std::chrono::milliseconds(50);
  limits.total = std::chrono::milliseconds(50);
  limits.least_for_thaw = std::chrono::milliseconds(30);
  run(HookEvent::thaw, limits);
  EXPECT_TRUE(record.has("thaw a"));
  EXPECT_EQ(programs.limits["thaw a"], limits.least_for_thaw);
}

}  // namespace
}  // namespace zynclone::tests
