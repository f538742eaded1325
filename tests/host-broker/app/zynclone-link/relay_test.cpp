#include "host-broker/app/zynclone-link/relay.hpp"

#include <gtest/gtest.h>

#include "protocol/codec.hpp"
#include "tests/support/run.hpp"
#include "tests/protocol/channel/unix_pair.hpp"

namespace zynclone::broker::link {
namespace {

using channel::Framing;
using tests::run;

std::string hello(unsigned oldest = 1, unsigned newest = 1) {
  protocol::Request request{.method = protocol::Hello{.oldest_version = oldest, .newest_version = newest, .software = "test agent"}};
  return protocol::encode_request(request);
}

// The relay between two socket pairs, with the test at the outer ends.
class RelayTest : public testing::Test {
 protected:
  void start(RelayLimits limits = {}, Deadline write_deadline = protocol::k_write_deadline) {
    to_guest_ = tests::unix_pair(context_, write_deadline);   // .guest: the test's end, .broker: the link's
    to_broker_ = tests::unix_pair(context_);                  // .guest: the link's end, .broker: the test's
    relay_.emplace(*to_guest_.broker, *to_broker_.guest, limits);
    tests::start(context_, relay_->run(), [this](LinkExit exit) {
      exit_ = exit;
      // As the process's end does.
      to_guest_.broker->close();
      to_broker_.guest->close();
    });
    guest_.emplace(*to_guest_.guest, Framing::length, protocol::k_longest_message, std::chrono::seconds(10));
    broker_.emplace(*to_broker_.broker, Framing::length, protocol::k_longest_message, std::chrono::seconds(10));
  }
  void greet() {
    EXPECT_NE(guest_reads().find("\"hello\""), std::string::npos);
    guest_writes(hello());
    EXPECT_NE(broker_reads().find("test agent"), std::string::npos);
  }
  std::string read(channel::MessageReader& reader) {
    auto text = run(context_, reader.next());
    return text ? text.value() : "error: " + text.error().message;
  }
  std::string guest_reads() { return read(*guest_); }
  std::string broker_reads() { return read(*broker_); }
  void write(channel::Channel& channel, const std::string& bytes) { ASSERT_TRUE(run(context_, channel.write(asio::buffer(bytes)))); }
  void guest_writes(const std::string& message) { write(*to_guest_.guest, channel::frame(Framing::length, message, 1 << 20).value()); }
  void broker_writes(const std::string& message) { write(*to_broker_.broker, channel::frame(Framing::length, message, 1 << 20).value()); }
  void broker_asks(std::uint64_t id) {
    broker_writes(protocol::encode_request({.id = id, .method = protocol::GuestHealth{}}));
    EXPECT_NE(guest_reads().find("guest.health"), std::string::npos);
  }
  void expect_exit(LinkExit expected) {
    ASSERT_TRUE(tests::run_until(context_, [&] { return exit_.has_value(); }));
    EXPECT_EQ(*exit_, expected) << gateway::describe(*exit_);
  }

  asio::io_context context_;
  tests::ChannelPair to_guest_;
  tests::ChannelPair to_broker_;
  std::optional<Relay> relay_;
  std::optional<channel::MessageReader> guest_;
  std::optional<channel::MessageReader> broker_;
  std::optional<LinkExit> exit_;
};

const std::string k_clone_list = R"({"jsonrpc":"2.0","id":5,"method":"clone.list"})";

// ---- hello -----------------------------------------------------------------------------------------------------------------

TEST_F(RelayTest, SaysHelloFirstAndPassesTheGuestsOn) {
  start();
  const std::string ours = guest_reads();
  EXPECT_NE(ours.find("\"method\":\"hello\""), std::string::npos) << ours;
  EXPECT_NE(ours.find("approvals"), std::string::npos) << ours;
  guest_writes(hello());
  EXPECT_NE(broker_reads().find("test agent"), std::string::npos);
}

TEST_F(RelayTest, NoHelloInTime) {
  start({.hello = std::chrono::milliseconds(30)});
  expect_exit(LinkExit::no_hello);
}

TEST_F(RelayTest, HalfAHelloIsNone) {
  start({.hello = std::chrono::milliseconds(30)});
  write(*to_guest_.guest, channel::frame(Framing::length, hello(), 1000).value().substr(0, 20));
  expect_exit(LinkExit::no_hello);
}

TEST_F(RelayTest, SomethingElseBeforeHelloIsAnsweredAndEnds) {
  for (const std::string& first : {k_clone_list, std::string("garbage"), std::string(R"({"jsonrpc":"2.0","id":1,"result":{}})")}) {
    exit_.reset();
    start();
    guest_reads();
    guest_writes(first);
    EXPECT_NE(guest_reads().find("\"error\""), std::string::npos);
    expect_exit(LinkExit::no_hello);
    EXPECT_NE(broker_reads().find("error:"), std::string::npos) << "nothing was passed on";
  }
}

TEST_F(RelayTest, NoCommonVersionIsAnsweredAndEnds) {
  for (const auto& [oldest, newest] : {std::pair(2u, 9u), std::pair(0u, 0u), std::pair(9u, 2u)}) {
    exit_.reset();
    start();
    guest_reads();
    guest_writes(hello(oldest, newest));
    const std::string answer = guest_reads();
    EXPECT_NE(answer.find("unsupported-version"), std::string::npos) << answer;
    expect_exit(LinkExit::no_common_version);
  }
}

TEST_F(RelayTest, GuestThatGoesBeforeHello) {
  start();
  to_guest_.guest->close();
  expect_exit(LinkExit::guest_gone);
}

// ---- passing on --------------------------------------------------------------------------------------------------------------

TEST_F(RelayTest, RequestsAreEncodedAgain) {
  start();
  greet();
  guest_writes("{ \"method\" : \"clone.list\",\t\"id\":5, \"jsonrpc\":\"2.0\" }");
  const std::string passed = broker_reads();
  EXPECT_EQ(passed, protocol::encode_request({.id = 5, .method = protocol::CloneList{}}));
}

TEST_F(RelayTest, ResponsesHoldNothingButIdAndResult) {
  start();
  greet();
  broker_asks(9);
  guest_writes(R"({"jsonrpc":"2.0","id":9,"result":{"hooks":2},"extra":"x"})");
  const std::string passed = broker_reads();
  EXPECT_EQ(passed.find("extra"), std::string::npos) << passed;
  EXPECT_NE(passed.find("\"hooks\":2"), std::string::npos) << passed;
}

TEST_F(RelayTest, WhatNobodyAskedForGoesNoFurtherAndIsCounted) {
  for (const char* useless : {R"({"jsonrpc":"2.0","id":10,"result":{"hooks":3}})", R"({"jsonrpc":"2.0","method":"later.version"})"}) {
    exit_.reset();
    start({.most_useless = 3});
    greet();
    for (int i = 0; i < 3; ++i) guest_writes(useless);
    guest_writes(k_clone_list);
    EXPECT_EQ(broker_reads(), protocol::encode_request({.id = 5, .method = protocol::CloneList{}})) << "nothing came before it";
    guest_writes(useless);
    expect_exit(LinkExit::too_many_malformed);
  }
}

TEST_F(RelayTest, AnAnswerPassesOnce) {
  start({.most_useless = 1});
  greet();
  broker_asks(9);
  for (int i = 0; i < 3; ++i) guest_writes(R"({"jsonrpc":"2.0","id":9,"result":{"hooks":2}})");
  EXPECT_NE(broker_reads().find("\"hooks\":2"), std::string::npos);
  expect_exit(LinkExit::too_many_malformed);
}

TEST_F(RelayTest, BrokersMessagesPassAsTheyAre) {
  start();
  greet();
  const std::string message = "{ \"anything\" : [1, 2,  3] }";
  broker_writes(message);
  EXPECT_EQ(guest_reads(), message);
}

TEST_F(RelayTest, LongMessagesPassBothWays) {
  start();
  greet();
  const std::string from_broker(protocol::k_longest_message, 'b');
  broker_writes(from_broker);
  EXPECT_EQ(guest_reads(), from_broker);
  const std::string note(1000, 'n');
  guest_writes(R"({"jsonrpc":"2.0","id":1,"method":"clone.create","params":{"name":"a","request_id":"r","note":")" + note + "\"}}");
  EXPECT_NE(broker_reads().find(note), std::string::npos);
}

// ---- what a guest may not do ------------------------------------------------------------------------------------------------------

TEST_F(RelayTest, MalformedIsAnsweredByTheLinkAndNotPassedOn) {
  start();
  greet();
  guest_writes("garbage");
  EXPECT_NE(guest_reads().find("malformed"), std::string::npos);
  write(*to_guest_.guest, std::string(4, '\0'));  // an empty message
  EXPECT_NE(guest_reads().find("malformed"), std::string::npos);
  guest_writes(k_clone_list);
  EXPECT_NE(broker_reads().find("clone.list"), std::string::npos);
}

TEST_F(RelayTest, MethodsOfOtherDirectionsAreUnknown) {
  start();
  greet();
  for (const char* method : {"approval.list", "approval.allow", "audit.list", "host.health", "guest.quiesce", "operation.changed", "no.such"}) {
    guest_writes(std::string(R"({"jsonrpc":"2.0","id":3,"method":")") + method + R"(","params":{}})");
    const std::string answer = guest_reads();
    EXPECT_NE(answer.find("unknown-method"), std::string::npos) << answer;
    EXPECT_NE(answer.find("\"id\":3"), std::string::npos) << answer;
  }
}

TEST_F(RelayTest, GuestCannotNameAVm) {
  start();
  greet();
  guest_writes(R"({"jsonrpc":"2.0","id":3,"method":"clone.list","params":{"vm":"other"}})");
  EXPECT_NE(guest_reads().find("invalid-argument"), std::string::npos);
}

TEST_F(RelayTest, SecondHelloIsRefused) {
  start();
  greet();
  guest_writes(hello());
  EXPECT_NE(guest_reads().find("hello was said already"), std::string::npos);
}

TEST_F(RelayTest, TooManyMalformedEnd) {
  start({.most_malformed = 3});
  greet();
  for (int i = 0; i < 4; ++i) guest_writes("garbage");
  expect_exit(LinkExit::too_many_malformed);
}

TEST_F(RelayTest, UnknownMethodsAreNotCountedAsMalformed) {
  start({.most_malformed = 3});
  greet();
  for (int i = 0; i < 20; ++i) {
    guest_writes(R"({"jsonrpc":"2.0","id":3,"method":"no.such"})");
    EXPECT_NE(guest_reads().find("unknown-method"), std::string::npos);
  }
}

TEST_F(RelayTest, LengthBeyondTheLimitIsAnsweredAndEnds) {
  start();
  greet();
  write(*to_guest_.guest, std::string("\x01\x00\x01\x00", 4));
  EXPECT_NE(guest_reads().find("too-large"), std::string::npos);
  expect_exit(LinkExit::broken_framing);
}

TEST_F(RelayTest, MailboxsShorterLimitHolds) {
  start({.longest_from_guest = 1024});
  greet();
  guest_writes(std::string(1025, ' '));
  expect_exit(LinkExit::broken_framing);
}

TEST_F(RelayTest, HalfAMessageAndThenSilenceEnds) {
  start({.whole_message = std::chrono::milliseconds(30)});
  greet();
  write(*to_guest_.guest, channel::frame(Framing::length, k_clone_list, 1000).value().substr(0, 12));
  expect_exit(LinkExit::broken_framing);
}

TEST_F(RelayTest, GuestThatReadsNothingEnds) {
  start({}, std::chrono::milliseconds(50));
  greet();
  struct Flood {
    static asio::awaitable<void> send(channel::Channel& broker) {
      const std::string message = channel::frame(Framing::length, std::string(60'000, 'x'), 1 << 20).value();
      for (;;) {
        auto written = co_await broker.write(asio::buffer(message));
        if (!written) co_return;
      }
    }
  };
  asio::co_spawn(context_, Flood::send(*to_broker_.broker), asio::detached);
  expect_exit(LinkExit::guest_stalled);
}

TEST_F(RelayTest, BrokerThatDoesNotReadHoldsTheGuestBack) {
  start();
  greet();
  struct Flood {
    static asio::awaitable<void> send(channel::Channel& guest, std::size_t& written) {
      const std::string message = channel::frame(Framing::length, k_clone_list, 1000).value();
      for (;;) {
        auto result = co_await guest.write(asio::buffer(message));
        if (!result) co_return;
        written += message.size();
      }
    }
  };
  std::size_t written = 0;
  asio::co_spawn(context_, Flood::send(*to_guest_.guest, written), asio::detached);
  tests::settle(context_);
  EXPECT_LT(written, 4u << 20) << "two sockets' buffers at most";
  EXPECT_FALSE(exit_) << "waiting for the broker is no fault of the guest's";
  std::size_t passed = 0;
  for (int i = 0; i < 1000; ++i) passed += broker_reads().find("clone.list") != std::string::npos ? 1 : 0;
  EXPECT_EQ(passed, 1000u);
}

TEST_F(RelayTest, BrokerThatClosesIsTheUsualEnd) {
  start();
  greet();
  to_broker_.broker->close();
  expect_exit(LinkExit::broker_gone);
}

}  // namespace
}  // namespace zynclone::broker::link
