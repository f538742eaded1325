#include "protocol/channel/peer.hpp"

#include <gtest/gtest.h>

#include "protocol/channel/wake_up.hpp"
#include "tests/support/run.hpp"
#include "tests/protocol/channel/unix_pair.hpp"

namespace zynclone::channel {
namespace {

using protocol::Sender;
using tests::run;
using tests::settle;

constexpr std::chrono::seconds k_limit{10};

// Made outside of coroutines, which GCC 12 lets destroy such temporaries twice.
std::string empty_listing(std::uint64_t id) { return protocol::encode_response(id, protocol::CloneListing{}); }
std::string healthy_report(std::uint64_t id) { return protocol::encode_response(id, protocol::GuestHealthReport{.healthy = true}); }
std::string long_listing(std::uint64_t id) {
  const protocol::CloneView clone{.note = std::string(200, 'n')};
  return protocol::encode_response(id, protocol::CloneListing{.clones = std::vector<protocol::CloneView>(500, clone)});
}
std::string refusal(std::uint64_t id) { return protocol::encode_error(id, Error{Errc::refused, "cannot do that"}); }

// A handler that answers when the test says so.
struct Desk {
  asio::awaitable<std::string> handle(protocol::Request request) {
    ++running;
    most_running = std::max(most_running, running);
    methods.emplace_back(protocol::method_name(request.method));
    while (held) co_await opened.wait();
    --running;
    if (!request.id) co_return std::string();
    if (std::holds_alternative<protocol::CloneList>(request.method))
      co_return empty_listing(*request.id);
    if (std::holds_alternative<protocol::GuestHealth>(request.method))
      co_return healthy_report(*request.id);
    if (std::holds_alternative<protocol::CloneShow>(request.method)) throw std::runtime_error("a bug");
    if (std::holds_alternative<protocol::FamilyShow>(request.method))
      co_return long_listing(*request.id);
    co_return refusal(*request.id);
  }
  void open() {
    held = false;
    opened.wake();
  }
  Peer::Handler handler() {
    return [this](protocol::Request request) { return handle(std::move(request)); };
  }

  bool held = false;
  std::size_t running = 0;
  std::size_t most_running = 0;
  std::vector<std::string> methods;
  WakeUp opened;
};

// An agent's peer (it talks to a broker) and the broker's, or a raw end of the channel in place of one of them.
class PeerTest : public testing::Test {
 protected:
  Peer& make_broker(PeerLimits limits = {}) {
    broker_.emplace(std::move(pair_.broker), Framing::length, Sender::guest, broker_desk_.handler(), limits);
    tests::start(context_, broker_->run(), [this](Error error) { broker_end_ = std::move(error); });
    return *broker_;
  }
  Peer& make_agent(PeerLimits limits = {}) {
    agent_.emplace(std::move(pair_.guest), Framing::length, Sender::broker, agent_desk_.handler(), limits);
    tests::start(context_, agent_->run(), [this](Error error) { agent_end_ = std::move(error); });
    return *agent_;
  }
  Channel& raw_agent() { return *pair_.guest; }

  // Messages of the raw end.
  void write_raw(const std::string& bytes) { ASSERT_TRUE(run(context_, pair_.guest->write(asio::buffer(bytes)))); }
  void write_message(const std::string& message) { write_raw(frame(Framing::length, message, message.size()).value()); }
  std::string read_message() {
    struct Reading {
      static asio::awaitable<std::string> read(Channel& channel, FrameReader& reader) {
        std::string buffer(4096, '\0');
        for (;;) {
          auto message = reader.next();
          if (message && message.value()) co_return *message.value();
          auto count = co_await channel.read_some(asio::buffer(buffer));
          if (!count) co_return "error: " + count.error().message;
          (void)reader.feed(std::string_view(buffer).substr(0, count.value()));
        }
      }
    };
    return run(context_, Reading::read(*pair_.guest, raw_reader_));
  }
  void run_until(const std::function<bool()>& condition) {
    EXPECT_TRUE(tests::run_until(context_, condition));
  }

  asio::io_context context_;
  Desk broker_desk_;
  Desk agent_desk_;
  tests::ChannelPair pair_ = tests::unix_pair(context_, std::chrono::milliseconds(50));
  FrameReader raw_reader_{Framing::length, protocol::k_longest_message};
  std::optional<Peer> broker_;
  std::optional<Peer> agent_;
  std::optional<Error> broker_end_;
  std::optional<Error> agent_end_;
};

std::string clone_list(std::uint64_t id) { return protocol::encode_request({.id = id, .method = protocol::CloneList{}}); }

// ---- calls -----------------------------------------------------------------------------------------------------------------

TEST_F(PeerTest, CallGivesTheResult) {
  make_broker();
  Peer& agent = make_agent();
  auto result = run(context_, agent.call(protocol::CloneList{}, k_limit));
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_TRUE(result.value().clones.empty());
  EXPECT_EQ(broker_desk_.methods, std::vector<std::string>{"clone.list"});
  EXPECT_EQ(agent.counters().sent, 1u);
  EXPECT_EQ(agent.counters().received, 1u);
}

TEST_F(PeerTest, BothSidesCallAtOnce) {
  Peer& broker = make_broker();
  Peer& agent = make_agent();
  struct Both {
    static asio::awaitable<bool> call(Peer& first, Peer& second) {
      using namespace asio::experimental::awaitable_operators;
      protocol::CloneList list;
      protocol::GuestHealth health;
      auto both = co_await (first.call(list, k_limit) && second.call(health, k_limit));
      co_return std::get<0>(both).has_value() && std::get<1>(both).has_value() && std::get<1>(both).value().healthy;
    }
  };
  EXPECT_TRUE(run(context_, Both::call(agent, broker)));
}

TEST_F(PeerTest, PeersErrorIsTheCallsError) {
  make_broker();
  auto result = run(context_, make_agent().call(protocol::OperationList{}, k_limit));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error(), (Error{Errc::refused, "cannot do that"}));
}

TEST_F(PeerTest, ManyCallsGetTheirOwnAnswers) {
  make_broker();
  Peer& agent = make_agent();
  int good = 0;
  for (int i = 0; i < 200; ++i) {
    if (i % 2 == 0) {
      tests::start(context_, agent.call(protocol::CloneList{}, k_limit), [&](auto result) { good += result.has_value() ? 1 : 0; });
    } else {
      tests::start(context_, agent.call(protocol::OperationList{}, k_limit), [&](auto result) { good += !result && result.error().code == Errc::refused ? 1 : 0; });
    }
  }
  run_until([&] { return good == 200; });
  EXPECT_LE(broker_desk_.most_running, protocol::k_most_requests_in_flight);
}

TEST_F(PeerTest, CallThatIsNotAnsweredTimesOut) {
  make_broker();
  broker_desk_.held = true;
  Peer& agent = make_agent();
  auto result = run(context_, agent.call(protocol::CloneList{}, std::chrono::milliseconds(30)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::timed_out);
  EXPECT_NE(result.error().message.find("clone.list"), std::string::npos);

  // The answer that comes too late is to nothing that is asked.
  broker_desk_.open();
  run_until([&] { return agent.counters().unexpected == 1; });
  EXPECT_TRUE(run(context_, agent.call(protocol::CloneList{}, k_limit)));
}

TEST_F(PeerTest, CallBeyondThoseInFlightWaitsForAPlace) {
  make_broker();
  broker_desk_.held = true;
  Peer& agent = make_agent({.most_in_flight = 2});
  int answered = 0;
  for (int i = 0; i < 5; ++i)
    tests::start(context_, agent.call(protocol::CloneList{}, k_limit), [&](auto result) { answered += result ? 1 : 0; });
  run_until([&] { return broker_desk_.running == 2; });
  settle(context_);
  EXPECT_EQ(broker_desk_.methods.size(), 2u);
  auto waiting = run(context_, agent.call(protocol::CloneList{}, std::chrono::milliseconds(20)));
  EXPECT_EQ(waiting.error().code, Errc::timed_out);
  broker_desk_.open();
  run_until([&] { return answered == 5; });
  EXPECT_EQ(broker_desk_.most_running, 2u);
}

TEST_F(PeerTest, AllCallsEndWhenThePeerGoes) {
  make_agent();
  int ended = 0;
  for (int i = 0; i < 5; ++i)
    tests::start(context_, agent_->call(protocol::CloneList{}, k_limit), [&](auto result) { ended += !result && result.error().code == Errc::unavailable ? 1 : 0; });
  settle(context_);
  pair_.broker->close();
  run_until([&] { return ended == 5; });
  ASSERT_TRUE(agent_end_);
  EXPECT_EQ(agent_end_->code, Errc::unavailable);
  EXPECT_EQ(run(context_, agent_->call(protocol::CloneList{}, k_limit)).error().code, Errc::unavailable);
  EXPECT_EQ(run(context_, agent_->notify(protocol::Hello{})).error().code, Errc::unavailable);
  EXPECT_EQ(agent_->post(protocol::Hello{}).error().code, Errc::unavailable);
}

TEST_F(PeerTest, CallsEndWhenThePeerObjectIsDestroyed) {
  make_agent();
  std::optional<Errc> code;
  tests::start(context_, agent_->call(protocol::CloneList{}, k_limit), [&](auto result) { code = result.error().code; });
  settle(context_);
  agent_.reset();
  settle(context_);
  EXPECT_EQ(code, Errc::unavailable);
}

TEST_F(PeerTest, CancelledCallLeavesNothingBehind) {
  make_broker();
  broker_desk_.held = true;
  Peer& agent = make_agent({.most_in_flight = 1});
  auto result = run(context_, with_timeout(agent.call(protocol::CloneList{}, k_limit), std::chrono::milliseconds(10), "the test"));
  EXPECT_EQ(result.error().code, Errc::timed_out);
  broker_desk_.open();
  EXPECT_TRUE(run(context_, agent.call(protocol::CloneList{}, k_limit))) << "its place is free again";
}

TEST_F(PeerTest, WhatIsSentBeforeRunArrives) {
  make_broker();
  Peer agent(std::move(pair_.guest), Framing::length, Sender::broker, agent_desk_.handler());
  ASSERT_TRUE(agent.post(protocol::Hello{}));
  tests::start(context_, agent.run(), [](Error) {});
  run_until([&] { return !broker_desk_.methods.empty(); });
  EXPECT_EQ(broker_desk_.methods, std::vector<std::string>{"hello"});
}

// ---- what a peer may do to us --------------------------------------------------------------------------------------------------

TEST_F(PeerTest, HandlerThatThrowsIsAnInternalError) {
  make_broker();
  protocol::CloneShow call{.name = CloneName::parse("x").value()};
  auto result = run(context_, make_agent().call(std::move(call), k_limit));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::internal);
  EXPECT_EQ(result.error().message.find("a bug"), std::string::npos) << "not for the peer";
}

TEST_F(PeerTest, AnswerThatIsTooLongBecomesAnError) {
  make_broker();
  auto result = run(context_, make_agent().call(protocol::FamilyShow{}, k_limit));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, Errc::too_large);
}

TEST_F(PeerTest, RequestsBeyondThoseInFlightAreNotRead) {
  make_broker();
  broker_desk_.held = true;
  for (std::uint64_t id = 1; id <= 50; ++id) write_message(clone_list(id));
  run_until([&] { return broker_desk_.running == protocol::k_most_requests_in_flight; });
  settle(context_);
  EXPECT_EQ(broker_desk_.running, protocol::k_most_requests_in_flight);
  EXPECT_EQ(broker_->counters().received, protocol::k_most_requests_in_flight);
  broker_desk_.open();
  for (int i = 0; i < 50; ++i) EXPECT_NE(read_message().find("result"), std::string::npos);
  EXPECT_EQ(broker_desk_.most_running, protocol::k_most_requests_in_flight);
}

TEST_F(PeerTest, NotificationsCountAsRequests) {
  make_broker();
  broker_desk_.held = true;
  for (int i = 0; i < 50; ++i) write_message(protocol::encode_request({.method = protocol::Hello{}}));
  run_until([&] { return broker_desk_.running == protocol::k_most_requests_in_flight; });
  settle(context_);
  EXPECT_EQ(broker_desk_.running, protocol::k_most_requests_in_flight);
  broker_desk_.open();
  run_until([&] { return broker_desk_.methods.size() == 50; });
}

TEST_F(PeerTest, PeerThatReadsNothingIsCutOff) {
  make_broker();
  // It asks and asks, and never reads an answer.
  struct Flood {
    static asio::awaitable<bool> ask(Channel& channel) {
      for (std::uint64_t id = 1;; ++id) {
        const std::string message = frame(Framing::length, clone_list(id), 1000).value();
        auto written = co_await channel.write(asio::buffer(message));
        if (!written) co_return true;
      }
    }
  };
  EXPECT_TRUE(run(context_, Flood::ask(raw_agent())));
  run_until([&] { return broker_end_.has_value(); });
  EXPECT_EQ(broker_end_->code, Errc::timed_out);
}

TEST_F(PeerTest, PostToAPeerThatReadsNothingFailsAtItsBound) {
  Peer& broker = make_broker({.most_unsent = 4096});
  protocol::OperationView view{.summary = std::string(500, 's')};
  std::optional<Error> failure;
  for (int i = 0; i < 100 && !failure; ++i) {
    auto posted = broker.post(protocol::OperationChanged{view});
    if (!posted) failure = posted.error();
  }
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->code, Errc::limit_exceeded);
}

TEST_F(PeerTest, UnknownMethodIsAnsweredWithItsId) {
  make_broker();
  write_message(R"({"jsonrpc":"2.0","id":7,"method":"no.such"})");
  const std::string answer = read_message();
  EXPECT_NE(answer.find("\"id\":7"), std::string::npos) << answer;
  EXPECT_NE(answer.find("unknown-method"), std::string::npos) << answer;
  write_message(clone_list(8));
  EXPECT_NE(read_message().find("\"id\":8"), std::string::npos);
  EXPECT_EQ(broker_->counters().refused, 1u);
}

TEST_F(PeerTest, MethodInTheWrongDirectionIsUnknown) {
  make_broker();
  for (const char* method : {"guest.health", "approval.list", "host.health", "operation.changed"}) {
    write_message(std::string(R"({"jsonrpc":"2.0","id":1,"method":")") + method + R"(","params":{}})");
    EXPECT_NE(read_message().find("unknown-method"), std::string::npos) << method;
  }
  EXPECT_TRUE(broker_desk_.methods.empty());
}

TEST_F(PeerTest, UnknownNotificationIsNotAnswered) {
  make_broker();
  write_message(R"({"jsonrpc":"2.0","method":"no.such"})");
  write_message(clone_list(3));
  EXPECT_NE(read_message().find("\"id\":3"), std::string::npos);
}

TEST_F(PeerTest, GarbageIsAnsweredWithoutAnId) {
  make_broker();
  for (const std::string& garbage : {std::string("garbage"), std::string("[]"), std::string("\xff\xfe"), std::string("{}"),
                                     std::string(40, '['), std::string("{\"jsonrpc\":\"2.0\"")}) {
    write_message(garbage);
    const std::string answer = read_message();
    EXPECT_NE(answer.find("malformed"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\"id\":null"), std::string::npos) << answer;
  }
}

TEST_F(PeerTest, TooMuchGarbageEndsTheConversation) {
  make_broker({.most_malformed = 3});
  for (int i = 0; i < 4; ++i) write_message("garbage");
  run_until([&] { return broker_end_.has_value(); });
  EXPECT_EQ(broker_end_->code, Errc::malformed);
}

TEST_F(PeerTest, LengthBeyondTheLimitEndsTheConversation) {
  make_broker();
  write_raw(std::string("\x01\x00\x01\x00", 4));
  run_until([&] { return broker_end_.has_value(); });
  EXPECT_EQ(broker_end_->code, Errc::too_large);
}

TEST_F(PeerTest, HalfAMessageAndThenSilenceEndsTheConversation) {
  make_broker({.whole_message = std::chrono::milliseconds(30)});
  write_message(clone_list(1));
  EXPECT_NE(read_message().find("result"), std::string::npos);
  write_raw(frame(Framing::length, clone_list(2), 1000).value().substr(0, 9));
  run_until([&] { return broker_end_.has_value(); });
  EXPECT_EQ(broker_end_->code, Errc::timed_out);
}

TEST_F(PeerTest, SilenceBetweenMessagesIsNoError) {
  make_broker({.whole_message = std::chrono::milliseconds(1)});
  std::string buffer(16, '\0');
  auto read = run(context_, with_timeout(raw_agent().read_some(asio::buffer(buffer)), std::chrono::milliseconds(30), "the test"));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, Errc::timed_out);
  EXPECT_FALSE(broker_end_);
}

TEST_F(PeerTest, ResponsesToNothingAreIgnoredAndCounted) {
  make_broker();
  write_message(R"({"jsonrpc":"2.0","id":99,"result":{}})");
  write_message(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}})");
  write_message(clone_list(1));
  EXPECT_NE(read_message().find("\"id\":1"), std::string::npos);
  EXPECT_EQ(broker_->counters().unexpected, 2u);
}

TEST_F(PeerTest, ErrorWithoutIdSaysWhyThePeerWent) {
  make_broker();
  write_message(protocol::encode_error(std::nullopt, Error{Errc::unsupported_version, "cannot talk to you"}));
  pair_.guest->close();
  run_until([&] { return broker_end_.has_value(); });
  EXPECT_EQ(broker_end_->code, Errc::unsupported_version);
  EXPECT_NE(broker_end_->message.find("cannot talk to you"), std::string::npos);
}

TEST_F(PeerTest, SecondResponseToACallIsIgnored) {
  Peer& broker = make_broker();
  std::optional<bool> healthy;
  tests::start(context_, broker.call(protocol::GuestHealth{}, k_limit), [&](auto result) { healthy = result.has_value() && result.value().healthy; });
  EXPECT_NE(read_message().find("guest.health"), std::string::npos);
  const std::string yes = frame(Framing::length, protocol::encode_response(1, protocol::GuestHealthReport{.healthy = true}), 1000).value();
  const std::string no = frame(Framing::length, protocol::encode_response(1, protocol::GuestHealthReport{}), 1000).value();
  write_raw(yes + no);
  run_until([&] { return healthy.has_value() && broker.counters().unexpected == 1; });
  EXPECT_EQ(healthy, true);
}

TEST_F(PeerTest, ResponseOfTheWrongShapeIsTheCallsError) {
  Peer& broker = make_broker();
  std::optional<Errc> code;
  tests::start(context_, broker.call(protocol::GuestHealth{}, k_limit), [&](auto result) { code = result.error().code; });
  read_message();
  write_message(R"({"jsonrpc":"2.0","id":1,"result":{"healthy":"yes"}})");
  run_until([&] { return code.has_value(); });
  EXPECT_EQ(code, Errc::invalid_argument);
}

TEST_F(PeerTest, CloseWithTellsThePeerWhy) {
  make_broker();
  run(context_, broker_->close_with(Error{Errc::refused, "cannot serve you"}));
  EXPECT_NE(read_message().find("cannot serve you"), std::string::npos);
  run_until([&] { return broker_end_.has_value(); });
  EXPECT_EQ(broker_end_->code, Errc::refused);
}

TEST_F(PeerTest, CloseWithNeedsNoRun) {
  Peer broker(std::move(pair_.broker), Framing::length, Sender::guest, broker_desk_.handler());
  run(context_, broker.close_with(Error{Errc::limit_exceeded, "cannot take another"}));
  EXPECT_NE(read_message().find("cannot take another"), std::string::npos);
}

TEST_F(PeerTest, RunsOverLinesToo) {
  Peer broker(std::move(pair_.broker), Framing::line, Sender::administrator, broker_desk_.handler());
  Peer admin(std::move(pair_.guest), Framing::line, Sender::broker, agent_desk_.handler());
  tests::start(context_, broker.run(), [](Error) {});
  tests::start(context_, admin.run(), [](Error) {});
  EXPECT_TRUE(run(context_, admin.call(protocol::CloneList{}, k_limit, {.vm = VmName::parse("pos1").value()})));
}

TEST_F(PeerTest, RequestStillHandledWhenThePeerObjectIsDestroyedRunsToItsEnd) {
  make_broker();
  broker_desk_.held = true;
  write_message(clone_list(1));
  run_until([&] { return broker_desk_.running == 1; });
  broker_.reset();
  broker_desk_.open();
  run_until([&] { return broker_desk_.running == 0; });
}

}  // namespace
}  // namespace zynclone::channel
