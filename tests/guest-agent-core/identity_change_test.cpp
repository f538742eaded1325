#include "guest-agent-core/identity_change.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;
using Events = std::vector<std::string>;
using protocol::IdentityReport;

class IdentityChangeTest : public ::testing::Test {
 protected:
  IdentityChangeTest() {
    programs.names[HookEvent::apply_identity] = {"10-seed", "20-keys"};
    identity.emplace(hooks, records, quiescer);
  }
  ~IdentityChangeTest() override {
    identity->drop(Error{Errc::cancelled, "the test ends"});
    quiescer.release("the test ends");
    EXPECT_TRUE(run_until(context, [&] { return !identity->in_work() && !quiescer.held_for(); }));
    settle(context);
  }
  static protocol::GuestApplyIdentity call(unsigned token) {
    return {.token = operation_number(token), .generation_id = uuid_number(7), .hostname = "pos1-upgrade-1",
            .vifs = {{0, "00:16:3e:01:02:03"}, {2, "00:16:3e:01:02:05"}}};
  }
  using Answer = std::shared_ptr<std::optional<Result<IdentityReport>>>;
  Answer ask(protocol::GuestApplyIdentity call) {
    auto answer = std::make_shared<std::optional<Result<IdentityReport>>>();
    start(context, identity->apply(std::move(call)), [answer](Result<IdentityReport> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  Answer ask(unsigned token) { return ask(call(token)); }
  Result<IdentityReport> wait(const Answer& answer) {
    EXPECT_TRUE(run_until(context, [&] { return answer->has_value(); })) << "no answer";
    return answer->has_value() ? **answer : Result<IdentityReport>(Error{Errc::internal, "no answer"});
  }

  asio::io_context context;
  Record record;
  FakeHookPrograms programs{record};
  FakeFreezer freezer{record};
  FakeQuiesceStore store{record};
  FakeIdentityStore records;
  HookLimits hook_limits{.each = std::chrono::milliseconds(200)};
  Hooks hooks{programs, hook_limits, [] { return HookEnvironment{{"ZYNCLONE_MEMBER", "upgrade-1"}}; }};
  Quiescer quiescer{context.get_executor(), hooks, freezer, store, QuiesceLimits()};
  std::optional<IdentityChange> identity;
};

TEST_F(IdentityChangeTest, RunsTheHooksAndTellsThemWhoThisIs) {
  const auto report = wait(ask(1));
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 2u);
  EXPECT_EQ(record.events, (Events{"apply-identity 10-seed", "apply-identity 20-keys"}));
  const HookEnvironment& told = programs.environments["apply-identity 10-seed"];
  EXPECT_EQ(told.at("ZYNCLONE_EVENT"), "apply-identity");
  EXPECT_EQ(told.at("ZYNCLONE_TOKEN"), operation_number(1).text());
  EXPECT_EQ(told.at("ZYNCLONE_GENERATION_ID"), uuid_number(7).text());
  EXPECT_EQ(told.at("ZYNCLONE_HOSTNAME"), "pos1-upgrade-1");
  EXPECT_EQ(told.at("ZYNCLONE_MACS"), "0=00:16:3e:01:02:03 2=00:16:3e:01:02:05");
  EXPECT_EQ(told.at("ZYNCLONE_MEMBER"), "upgrade-1");
  EXPECT_EQ(records.kept, (IdentityRecord{operation_number(1), 2}));
}

TEST_F(IdentityChangeTest, AGuestWithoutInterfacesHasAnIdentityToo) {
  auto none = call(1);
  none.vifs.clear();
  ASSERT_OK(wait(ask(none)));
  EXPECT_EQ(programs.environments["apply-identity 10-seed"].at("ZYNCLONE_MACS"), "");
}

TEST_F(IdentityChangeTest, TheFirstThatFailsEndsItWithItsLastLine) {
  programs.behaviours["apply-identity 10-seed"] = Behaviour::fails;
  const auto failed = wait(ask(1));
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot apply identity '" + operation_number(1).text() +
                                        "': cannot run the hook '10-seed': exit status 3 (it said: line two)");
  EXPECT_EQ(record.events, (Events{"apply-identity 10-seed"}));
  EXPECT_FALSE(records.kept);
  programs.behaviours.clear();
  EXPECT_OK(wait(ask(1))) << "a failure is tried again";
}

TEST_F(IdentityChangeTest, TheSameCallAgainIsTheSameAnswer) {
  ASSERT_OK(wait(ask(1)));
  record.events.clear();
  EXPECT_EQ(wait(ask(1)).value().hooks, 2u);
  EXPECT_TRUE(record.events.empty());
  ASSERT_OK(wait(ask(2)));
  EXPECT_EQ(record.events.size(), 2u);
}

TEST_F(IdentityChangeTest, TheSameCallAgainIsTheSameAnswerAfterARestart) {
  ASSERT_OK(wait(ask(1)));
  record.events.clear();
  identity.emplace(hooks, records, quiescer);
  EXPECT_EQ(wait(ask(1)).value().hooks, 2u);
  EXPECT_TRUE(record.events.empty());
}

TEST_F(IdentityChangeTest, ARecordThatCannotBeKeptOrReadStopsNothing) {
  records.save_failure = Error{Errc::system, "disk full"};
  ASSERT_OK(wait(ask(1)));
  records.load_failure = Error{Errc::malformed, "no record"};
  record.events.clear();
  ASSERT_OK(wait(ask(1)));
  EXPECT_EQ(record.events.size(), 2u) << "hooks run again, who knows";
}

TEST_F(IdentityChangeTest, OneAtATime) {
  programs.behaviours["apply-identity 10-seed"] = Behaviour::hangs;
  const auto first = ask(1);
  ASSERT_TRUE(run_until(context, [&] { return record.has("apply-identity 10-seed"); }));
  EXPECT_EQ(identity->in_work(), "this guest's identity is being applied");
  EXPECT_FAILS(wait(ask(2)), Errc::busy);
  const auto same = ask(1);
  EXPECT_FAILS(wait(first), Errc::timed_out);
  EXPECT_FAILS(wait(same), Errc::timed_out);
  EXPECT_EQ(record.count("apply-identity 10-seed"), 1u);
}

TEST_F(IdentityChangeTest, NotWhileTheGuestIsQuiesced) {
  bool quiesced = false;
  start(context, quiescer.quiesce(protocol::GuestQuiesce{operation_number(9), 60'000}), [&](const auto&) { quiesced = true; });
  ASSERT_TRUE(run_until(context, [&] { return quiesced; }));
  EXPECT_FAILS(wait(ask(1)), Errc::busy);
  EXPECT_FALSE(record.has("apply-identity 10-seed"));
}

TEST_F(IdentityChangeTest, WhatHooksCouldNotTakeIsRefused) {
  auto bad = call(1);
  bad.generation_id = Uuid();
  EXPECT_FAILS(wait(ask(bad)), Errc::invalid_argument);
  for (const std::string name : {"", "-x", "a b", "a;b", "a\nb", "$(reboot)"}) {
    bad = call(1);
    bad.hostname = name;
    EXPECT_FAILS(wait(ask(bad)), Errc::invalid_argument) << name;
  }
  for (const std::string mac : {"", "00:16:3e:01:02", "00:16:3e:01:02:03 up", "x"}) {
    bad = call(1);
    bad.vifs[0].mac = mac;
    EXPECT_FAILS(wait(ask(bad)), Errc::invalid_argument) << mac;
  }
  bad = call(1);
  bad.vifs[1].index = 0;
  EXPECT_FAILS(wait(ask(bad)), Errc::invalid_argument) << "twice";
  bad.vifs[1].index = 64;
  EXPECT_FAILS(wait(ask(bad)), Errc::invalid_argument);
  EXPECT_TRUE(record.events.empty());
}

TEST_F(IdentityChangeTest, WhatIsDroppedIsEnded) {
  programs.behaviours["apply-identity 10-seed"] = Behaviour::hangs;
  const auto asked = ask(1);
  ASSERT_TRUE(run_until(context, [&] { return record.has("apply-identity 10-seed"); }));
  identity->drop(Error{Errc::moved, "woke up in a clone"});
  EXPECT_FAILS(wait(asked), Errc::moved);
  EXPECT_TRUE(record.has("cancelled apply-identity 10-seed"));
  programs.behaviours.clear();
  EXPECT_OK(wait(ask(1)));
}

}  // namespace
}  // namespace zynclone::tests
