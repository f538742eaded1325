#include "guest-agent-core/broker_session.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

class BrokerSessionTest : public ::testing::Test {
 protected:
  BrokerSessionTest() {
    limits.shortest_pause = std::chrono::milliseconds(1);
    limits.longest_pause = std::chrono::milliseconds(8);
  }
  ~BrokerSessionTest() override {
    if (!session) return;
    session->stop();
    EXPECT_TRUE(run_until(context, [&] { return ended; }));
    settle(context);
  }

  void begin() {
    SessionEvents events;
    events.called = [this](protocol::Request request) { return called(std::move(request)); };
    events.up = [this] { ++ups; };
    events.down = [this](const Error& why) { downs.push_back(why); };
    session.emplace(context.get_executor(), factory, limits, std::move(events));
    asio::co_spawn(context, session->run(), [this](std::exception_ptr) { ended = true; });
  }
  asio::awaitable<std::string> called(protocol::Request request) {
    calls.push_back(request);
    co_return request.id ? protocol::encode_error(request.id, Error{Errc::busy, "not now"}) : std::string();
  }
  bool wait(std::function<bool()> condition) { return run_until(context, condition); }
  bool wait_up(unsigned times = 1) {
    return wait([this, times] { return ups == times; });
  }

  using FamilyAnswer = std::shared_ptr<std::optional<Result<protocol::FamilyView>>>;
  FamilyAnswer ask() {
    auto answer = std::make_shared<std::optional<Result<protocol::FamilyView>>>();
    start(context, session->call(protocol::FamilyShow{}, {}), [answer](Result<protocol::FamilyView> result) { answer->emplace(result); });
    return answer;
  }
  static protocol::FamilyView family() {
    protocol::FamilyView view;
    view.vm = VmName::parse("pos1").value();
    view.uuid = uuid_number(5);
    return view;
  }

  asio::io_context context;
  FakeChannelFactory factory{context};
  SessionLimits limits;
  std::optional<BrokerSession> session;
  std::vector<protocol::Request> calls;
  std::vector<Error> downs;
  unsigned ups = 0;
  bool ended = false;
};

TEST_F(BrokerSessionTest, SaysHelloFirstAndThenCallsGetThrough) {
  begin();
  auto broker = factory.connect_and_greet();
  broker->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, family()); };
  ASSERT_TRUE(wait_up());
  EXPECT_TRUE(session->is_up());
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_OK(**answer);
  EXPECT_EQ((*answer)->value().vm.text(), "pos1");
  ASSERT_EQ(broker->requests.size(), 2u);
  const auto* hello = std::get_if<protocol::Hello>(&broker->requests[0].method);
  ASSERT_NE(hello, nullptr);
  EXPECT_EQ(hello->capabilities, (std::vector<std::string>{"quiesce", "health", "cutover", "volumes", "run", "identity"}));
  EXPECT_EQ(hello->newest_version, protocol::k_newest_version);
}

TEST_F(BrokerSessionTest, WithoutAChannelACallIsUnavailableAtOnce) {
  begin();
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_FAILS(**answer, Errc::unavailable);
  EXPECT_EQ((*answer)->error().message, "cannot reach the broker: it has not connected yet");
}

TEST_F(BrokerSessionTest, WhenTheChannelEndedACallSaysSo) {
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait_up());
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return downs.size() == 1; }));
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_FAILS(**answer, Errc::unavailable);
  EXPECT_EQ((*answer)->error().message, "cannot reach the broker: it is not connected any more");
}

TEST_F(BrokerSessionTest, BeforeTheBrokersHelloNothingIsAskedOrAnswered) {
  begin();
  auto broker = factory.connect();
  ASSERT_TRUE(wait([&] { return !broker->requests.empty(); }));
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::unavailable);
  const auto health = broker->ask(protocol::GuestHealth{});
  ASSERT_TRUE(wait([&] { return health->has_value(); }));
  EXPECT_FAILS(**health, Errc::conflict);
  EXPECT_TRUE(calls.empty());
}

TEST_F(BrokerSessionTest, ABrokerThatNeverSaysHelloIsLeft) {
  limits.hello = std::chrono::milliseconds(20);
  begin();
  auto broker = factory.connect();
  ASSERT_TRUE(wait([&] { return broker->ended.has_value(); }));
  EXPECT_EQ(ups, 0u);
  EXPECT_TRUE(downs.empty());
  EXPECT_TRUE(wait([&] { return factory.opened == 2; })) << "and another is waited for";
}

TEST_F(BrokerSessionTest, NoCommonVersionIsToldAndLeft) {
  begin();
  auto broker = factory.connect();
  protocol::Hello hello;
  hello.oldest_version = protocol::k_newest_version + 1;
  hello.newest_version = protocol::k_newest_version + 2;
  ASSERT_TRUE(broker->peer().post(hello));
  ASSERT_TRUE(wait([&] { return broker->ended.has_value(); }));
  EXPECT_EQ(broker->ended->code, Errc::unsupported_version);
  EXPECT_EQ(ups, 0u);
}

TEST_F(BrokerSessionTest, ABrokerThatIsTooNewIsNotTriedWithoutAPause) {
  limits.shortest_pause = limits.longest_pause = std::chrono::milliseconds(30);
  begin();
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 3; ++i) {
    auto broker = factory.connect();
    protocol::Hello hello;
    hello.oldest_version = hello.newest_version = protocol::k_newest_version + 1;
    ASSERT_TRUE(broker->peer().post(hello));
    ASSERT_TRUE(wait([&] { return broker->ended.has_value(); }));
  }
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(60));
}

TEST_F(BrokerSessionTest, AnotherHelloEndsTheChannel) {
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait_up());
  ASSERT_TRUE(broker->peer().post(protocol::Hello{}));
  ASSERT_TRUE(wait([&] { return broker->ended.has_value(); }));
  EXPECT_EQ(broker->ended->code, Errc::conflict);
}

TEST_F(BrokerSessionTest, CallsOfTheBrokerAreHandedOn) {
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait_up());
  const auto health = broker->ask(protocol::GuestHealth{});
  ASSERT_TRUE(wait([&] { return health->has_value(); }));
  EXPECT_FAILS(**health, Errc::busy);
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<protocol::GuestHealth>(calls[0].method));
}

TEST_F(BrokerSessionTest, TheBrokersErrorsComeAsTheyAre) {
  begin();
  auto broker = factory.connect_and_greet();
  const Error refused{Errc::limit_exceeded, "cannot create 'x': 4 clones are there", "/params/name"};
  broker->answer = [refused](const protocol::Request& request) { return protocol::encode_error(request.id, refused); };
  ASSERT_TRUE(wait_up());
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_FALSE(**answer);
  EXPECT_EQ((*answer)->error(), refused);
}

TEST_F(BrokerSessionTest, ABrokerThatRestartsInACallEndsItAndIsReachedAgain) {
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait_up());
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return broker->requests.size() == 2; }));
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::unavailable);
  EXPECT_EQ(downs.size(), 1u);

  auto restarted = factory.connect_and_greet();
  restarted->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, family()); };
  ASSERT_TRUE(wait_up(2));
  const auto again = ask();
  ASSERT_TRUE(wait([&] { return again->has_value(); }));
  EXPECT_OK(**again);
}

TEST_F(BrokerSessionTest, ChannelsThatCannotBeOpenedAreTriedAgainEverMoreSlowly) {
  factory.failure = Error{Errc::xen, "cannot advertise a vchan: no device"};
  begin();
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(wait([&] { return factory.opened == 6; }));
  // Pauses of 1, 2, 4, 8, 8 ms.
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(23));
  factory.failure.reset();
  auto broker = factory.connect_and_greet();
  EXPECT_TRUE(wait_up());
}

TEST_F(BrokerSessionTest, DropEndsWhatIsPendingWithItsReasonAndStartsAnew) {
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait_up());
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return broker->requests.size() == 2; }));
  session->drop(Error{Errc::moved, "this agent woke up in a clone"});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::moved);
  ASSERT_TRUE(wait([&] { return factory.opened == 2; }));
  auto clone = factory.connect_and_greet();
  EXPECT_TRUE(wait_up(2));
}

TEST_F(BrokerSessionTest, WhilePausedNothingIsOpen) {
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait([&] { return session->is_up(); }));
  const unsigned opened = factory.opened;
  session->pause(Error{Errc::unavailable, "the memory is being copied"});
  session->pause(Error{Errc::unavailable, "once more"});
  ASSERT_TRUE(wait([&] { return broker->ended.has_value() && !session->is_up(); }));
  settle(context);
  EXPECT_EQ(factory.opened, opened);
  const auto refused = ask();
  ASSERT_TRUE(wait([&] { return refused->has_value(); }));
  ASSERT_FAILS(**refused, Errc::unavailable);
  EXPECT_EQ((**refused).error().message, "the memory is being copied");
  session->go_on();
  broker = factory.connect_and_greet();
  ASSERT_TRUE(wait([&] { return session->is_up(); }));
  EXPECT_EQ(factory.opened, opened + 1);
}

TEST_F(BrokerSessionTest, APauseAlsoEndsTheWaitForABroker) {
  begin();
  ASSERT_TRUE(wait([&] { return factory.opened == 1; }));
  session->pause(Error{Errc::unavailable, "the memory is being copied"});
  settle(context);
  EXPECT_EQ(factory.opened, 1u);
  session->go_on();
  ASSERT_TRUE(wait([&] { return factory.opened == 2; }));
}

TEST_F(BrokerSessionTest, DropAlsoEndsTheWaitForABroker) {
  begin();
  ASSERT_TRUE(wait([&] { return factory.opened == 1; }));
  session->drop(Error{Errc::moved, "this agent woke up in a clone"});
  EXPECT_TRUE(wait([&] { return factory.opened == 2; })) << "what was advertised belongs to another VM";
}

TEST_F(BrokerSessionTest, MoreCallsThanTheBrokerReadsWaitHere) {
  limits.most_calls = 2;
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait_up());
  std::vector<FamilyAnswer> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(ask());
  ASSERT_TRUE(wait([&] { return broker->requests.size() == 3; }));
  settle(context);
  EXPECT_EQ(broker->requests.size(), 3u) << "hello and two calls";
  session->drop(Error{Errc::moved, "moved"});
  ASSERT_TRUE(wait([&] {
    for (const auto& answer : answers) {
      if (!answer->has_value()) return false;
    }
    return true;
  }));
  for (const auto& answer : answers) EXPECT_FAILS(**answer, Errc::moved);
}

TEST_F(BrokerSessionTest, WaitingCallsGoOnWhenOneEnds) {
  limits.most_calls = 1;
  begin();
  auto broker = factory.connect_and_greet();
  broker->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, family()); };
  ASSERT_TRUE(wait_up());
  std::vector<FamilyAnswer> answers;
  for (int i = 0; i < 5; ++i) answers.push_back(ask());
  for (const auto& answer : answers) {
    ASSERT_TRUE(wait([&] { return answer->has_value(); }));
    EXPECT_OK(**answer);
  }
}

TEST_F(BrokerSessionTest, ABrokerThatNeverAnswersTimesOut) {
  limits.answer = std::chrono::milliseconds(20);
  begin();
  auto broker = factory.connect_and_greet();
  ASSERT_TRUE(wait_up());
  const auto answer = ask();
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::timed_out);
  EXPECT_TRUE(session->is_up()) << "a late answer harms nobody";
}

}  // namespace
}  // namespace zynclone::tests
