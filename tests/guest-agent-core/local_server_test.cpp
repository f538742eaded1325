#include "guest-agent-core/local_server.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

class LocalServerTest : public ::testing::Test {
 protected:
  LocalServerTest() {
    SessionLimits session_limits;
    session_limits.shortest_pause = std::chrono::milliseconds(1);
    SessionEvents events;
    events.called = [this](protocol::Request request) { return called(std::move(request)); };
    events.up = [this] {
      ++ups;
      if (server) server->watch_again();
    };
    events.down = [](const Error&) {};
    session.emplace(context.get_executor(), factory, session_limits, std::move(events));
    asio::co_spawn(context, session->run(), [this](std::exception_ptr) { ++ended; });
  }
  ~LocalServerTest() override {
    session->stop();
    if (server) server->stop(Error{Errc::unavailable, "the test ends"});
    EXPECT_TRUE(run_until(context, [&] { return ended == (server ? 2u : 1u); }));
    settle(context);
  }

  void begin() {
    server.emplace(context.get_executor(), listener, *session, limits);
    asio::co_spawn(context, server->run(), [this](std::exception_ptr) { ++ended; });
    connect_broker();
  }
  void connect_broker() {
    const unsigned before = ups;
    broker = factory.connect_and_greet();
    ASSERT_TRUE(run_until(context, [&] { return ups > before; }));
  }
  asio::awaitable<std::string> called(protocol::Request request) {
    if (const auto* changed = std::get_if<protocol::OperationChanged>(&request.method)) server->operation_changed(changed->operation);
    co_return std::string();
  }
  bool wait(std::function<bool()> condition) { return run_until(context, condition); }
  void accept_creations() {
    broker->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, accepted(1)); };
  }
  static protocol::CloneCreate create() {
    protocol::CloneCreate call;
    call.name = CloneName::parse("upgrade-1").value();
    return call;
  }
  const protocol::Request& last_request() { return broker->requests.back(); }

  asio::io_context context;
  Record record;
  FakeChannelFactory factory{context};
  FakeLocalListener listener{context, record};
  LocalLimits limits;
  std::unique_ptr<FakePeer> broker;
  std::optional<BrokerSession> session;
  std::optional<LocalServer> server;
  unsigned ups = 0;
  unsigned ended = 0;
};

TEST_F(LocalServerTest, PassesARequestOnAndTheAnswerBack) {
  begin();
  broker->answer = [](const protocol::Request& request) {
    protocol::CloneListing listing;
    return protocol::encode_response(*request.id, listing);
  };
  auto caller = listener.connect(Rights::read);
  const auto answer = caller->ask(protocol::CloneList{});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_OK(**answer);
  EXPECT_TRUE(std::holds_alternative<protocol::CloneList>(last_request().method));
}

TEST_F(LocalServerTest, KeepsTheBrokersErrorsWithCodeAndPlace) {
  begin();
  const Error error{Errc::already_exists, "cannot create 'upgrade-1': the name is in use", "/params/name"};
  broker->answer = [error](const protocol::Request& request) { return protocol::encode_error(request.id, error); };
  auto caller = listener.connect(Rights::change);
  const auto answer = caller->ask(create());
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_FALSE(**answer);
  EXPECT_EQ((*answer)->error(), error);
}

TEST_F(LocalServerTest, ACallerWithoutTheGroupIsRefusedHere) {
  begin();
  auto caller = listener.connect(Rights::read);
  const auto answer = caller->ask(create());
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::refused);
  EXPECT_EQ(broker->requests.size(), 1u) << "nothing but the hello got to the broker";
}

TEST_F(LocalServerTest, MethodsThatAGuestMayNotCallAreUnknown) {
  begin();
  auto caller = listener.connect(Rights::change);
  const auto answer = caller->ask(protocol::HostHealth{});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::unknown_method);
  const auto quiesce = caller->ask(protocol::GuestQuiesce{operation_number(1), 10});
  ASSERT_TRUE(wait([&] { return quiesce->has_value(); }));
  EXPECT_FAILS(**quiesce, Errc::unknown_method);
}

TEST_F(LocalServerTest, ARequestIdIsAddedWhereThereIsNone) {
  begin();
  accept_creations();
  auto caller = listener.connect(Rights::change);
  auto answer = caller->ask(create());
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_TRUE(last_request().request_id);
  const RequestId first = *last_request().request_id;
  EXPECT_TRUE(first.text().starts_with("agent-"));
  answer = caller->ask(create());
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_NE(*last_request().request_id, first);
}

TEST_F(LocalServerTest, TheCallersRequestIdAndPlanAreKept) {
  begin();
  broker->answer = [](const protocol::Request& request) {
    protocol::Accepted answer;
    answer.plan = protocol::PlanView{.kind = "clone.create", .vm = VmName::parse("pos1").value(), .target = "upgrade-1", .decision = "ask"};
    return protocol::encode_response(*request.id, answer);
  };
  auto caller = listener.connect(Rights::change);
  protocol::Request envelope;
  envelope.request_id = RequestId::parse("mine-1").value();
  envelope.plan = true;
  const auto answer = caller->ask(create(), envelope);
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_OK(**answer);
  EXPECT_EQ((*answer)->value().plan->decision, "ask");
  EXPECT_EQ(last_request().request_id, envelope.request_id);
  EXPECT_TRUE(last_request().plan);
}

TEST_F(LocalServerTest, WithoutABrokerARequestIsUnavailable) {
  begin();
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return !session->is_up(); }));
  auto caller = listener.connect(Rights::read);
  const auto answer = caller->ask(protocol::FamilyShow{});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::unavailable);
}

TEST_F(LocalServerTest, TheCallerHearsOfItsOperationAndOthersDoNot) {
  begin();
  accept_creations();
  auto caller = listener.connect(Rights::change);
  auto other = listener.connect(Rights::read);
  const auto answer = caller->ask(create());
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(2)}));
  ASSERT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(1)}));
  ASSERT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(1, protocol::OperationState::succeeded)}));
  ASSERT_TRUE(wait([&] { return caller->changes().size() == 2; }));
  EXPECT_EQ(caller->changes()[0].state, protocol::OperationState::running);
  EXPECT_EQ(caller->changes()[1].state, protocol::OperationState::succeeded);
  EXPECT_TRUE(other->requests.empty());
}

TEST_F(LocalServerTest, WhoWatchesHearsOfIt) {
  begin();
  broker->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, operation_view(7)); };
  auto caller = listener.connect(Rights::read);
  const auto answer = caller->ask(protocol::OperationWatch{operation_number(7)});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(7)}));
  ASSERT_TRUE(wait([&] { return caller->changes().size() == 1; }));
}

TEST_F(LocalServerTest, AfterTheEndNothingMoreIsTold) {
  begin();
  broker->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, operation_view(7)); };
  auto caller = listener.connect(Rights::read);
  auto answer = caller->ask(protocol::OperationWatch{operation_number(7)});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  ASSERT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(7, protocol::OperationState::failed)}));
  ASSERT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(7, protocol::OperationState::failed)}));
  answer = caller->ask(protocol::OperationWatch{operation_number(7)});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  EXPECT_EQ(caller->changes().size(), 1u);
}

TEST_F(LocalServerTest, TheAnswerGoesBeforeWhatFollows) {
  begin();
  // The broker says that the operation runs before it answers that it was accepted.
  broker->answer = [this](const protocol::Request& request) {
    EXPECT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(1)}));
    return protocol::encode_response(*request.id, accepted(1));
  };
  // Without a Peer at the caller's end, which need not keep the order of an answer and a notification.
  auto caller = listener.connect_raw(Rights::change);
  protocol::Request request{.id = 1, .method = create()};
  const std::string line = protocol::encode_request(request) + "\n";
  ASSERT_OK(run(context, caller->write(asio::buffer(line))));
  channel::FrameReader reader(channel::Framing::line, protocol::k_longest_message);
  std::vector<std::string> lines;
  std::array<char, 4096> bytes;
  while (lines.size() < 2) {
    const auto count = run(context, caller->read_some(asio::buffer(bytes)));
    ASSERT_OK(count);
    ASSERT_OK(reader.feed(std::string_view(bytes.data(), count.value())));
    for (auto message = reader.next(); message && message.value(); message = reader.next()) lines.push_back(*message.value());
  }
  EXPECT_NE(lines[0].find("\"result\""), std::string::npos) << lines[0];
  EXPECT_NE(lines[1].find("operation.changed"), std::string::npos) << lines[1];
}

TEST_F(LocalServerTest, WhatIsWatchedIsWatchedAgainAfterARestartOfTheBroker) {
  begin();
  accept_creations();
  auto caller = listener.connect(Rights::change);
  const auto answer = caller->ask(create());
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  broker->peer().close();
  ASSERT_TRUE(wait([&] { return !session->is_up(); }));
  broker = factory.connect_and_greet();
  broker->answer = [](const protocol::Request& request) {
    return protocol::encode_response(*request.id, operation_view(1, protocol::OperationState::succeeded));
  };
  ASSERT_TRUE(wait([&] { return caller->changes().size() == 1; }));
  EXPECT_EQ(caller->changes()[0].state, protocol::OperationState::succeeded) << "it ended while nobody could say so";
  const auto* watch = std::get_if<protocol::OperationWatch>(&last_request().method);
  ASSERT_NE(watch, nullptr);
  EXPECT_EQ(watch->id, operation_number(1));
}

TEST_F(LocalServerTest, DropAnswersWhatIsPendingAndHangsUpWithTheReason) {
  begin();
  auto caller = listener.connect(Rights::read);
  auto idle = listener.connect(Rights::read);
  const auto answer = caller->ask(protocol::FamilyShow{});
  ASSERT_TRUE(wait([&] { return broker->requests.size() == 2 && server->connections() == 2; }));
  const Error moved{Errc::moved, "this agent woke up in a clone"};
  session->drop(moved);
  server->drop_all(moved);
  ASSERT_TRUE(wait([&] { return answer->has_value() && caller->ended && idle->ended; }));
  EXPECT_FAILS(**answer, Errc::moved);
  EXPECT_EQ(caller->ended->code, Errc::moved);
  EXPECT_EQ(idle->ended->code, Errc::moved);
  EXPECT_TRUE(wait([&] { return server->connections() == 0; }));
  auto again = listener.connect(Rights::read);
  EXPECT_TRUE(wait([&] { return server->connections() == 1; })) << "it goes on for new callers";
}

TEST_F(LocalServerTest, OneUserCannotTakeAllConnections) {
  limits.most_connections_of_one_user = 2;
  begin();
  auto first = listener.connect(Rights::read);
  auto second = listener.connect(Rights::read);
  auto third = listener.connect(Rights::read);
  ASSERT_TRUE(wait([&] { return third->ended.has_value(); }));
  EXPECT_EQ(third->ended->code, Errc::limit_exceeded);
  auto root = listener.connect(Rights::change, "uid 0");
  ASSERT_TRUE(wait([&] { return server->connections() == 3; }));
  EXPECT_FALSE(first->ended);
}

TEST_F(LocalServerTest, ThereIsAnEndToConnections) {
  limits.most_connections = 1;
  begin();
  auto first = listener.connect(Rights::read);
  auto second = listener.connect(Rights::read, "uid 1001");
  ASSERT_TRUE(wait([&] { return second->ended.has_value(); }));
  EXPECT_EQ(second->ended->code, Errc::limit_exceeded);
  first->peer().close();
  ASSERT_TRUE(wait([&] { return server->connections() == 0; }));
  auto third = listener.connect(Rights::read, "uid 1001");
  EXPECT_TRUE(wait([&] { return server->connections() == 1; })) << "one that ended makes room";
}

TEST_F(LocalServerTest, ACallerThatDoesNotReadIsCutOff) {
  begin();
  auto pair = unix_pair(context);
  broker->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, operation_view(7)); };
  auto caller = listener.connect(Rights::read);
  const auto answer = caller->ask(protocol::OperationWatch{operation_number(7)});
  ASSERT_TRUE(wait([&] { return answer->has_value(); }));
  // Its handler never ends, so after as many as it handles at once its end reads no more.
  caller->answer = nullptr;
  protocol::OperationView large = operation_view(7);
  large.summary = std::string(1000, 'x');
  large.steps.assign(40, protocol::StepView{.name = "step", .text = std::string(1000, 'y')});
  for (int i = 0; i < 60 && server->connections() > 0; ++i) {
    server->operation_changed(large);
  }
  EXPECT_TRUE(wait([&] { return server->connections() == 0; }));
}

}  // namespace
}  // namespace zynclone::tests
