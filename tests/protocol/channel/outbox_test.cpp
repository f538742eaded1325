#include "protocol/channel/outbox.hpp"

#include <gtest/gtest.h>

#include "tests/support/run.hpp"
#include "tests/protocol/channel/unix_pair.hpp"

namespace zynclone::channel {
namespace {

using tests::run;
using tests::settle;

constexpr auto k_soon = std::chrono::seconds(10);

class OutboxTest : public testing::Test {
 protected:
  void start() {
    tests::start(context_, outbox_.run(*pair_.broker), [this](Error error) { ended_ = std::move(error); });
  }
  std::string read_all() {
    struct Reading {
      static asio::awaitable<std::string> read(Channel& channel) {
        std::string text;
        std::string buffer(65536, '\0');
        for (;;) {
          auto count = co_await channel.read_some(asio::buffer(buffer));
          if (!count) co_return text;
          text.append(buffer, 0, count.value());
        }
      }
    };
    return run(context_, Reading::read(*pair_.guest));
  }

  asio::io_context context_;
  tests::ChannelPair pair_ = tests::unix_pair(context_, std::chrono::milliseconds(30));
  Outbox outbox_{Framing::line, 1000, 2000};
  std::optional<Error> ended_;
};

TEST_F(OutboxTest, WritesInOrder) {
  std::string expected;
  for (int i = 0; i < 50; ++i) {
    expected += std::to_string(i) + "\n";
    ASSERT_TRUE(outbox_.post(std::to_string(i)));
  }
  start();
  EXPECT_TRUE(run(context_, outbox_.flush(std::chrono::steady_clock::now() + k_soon)));
  EXPECT_EQ(outbox_.written(), 50u);
  pair_.broker->close();
  EXPECT_EQ(read_all(), expected);
}

TEST_F(OutboxTest, PostFailsWhenFull) {
  ASSERT_TRUE(outbox_.post(std::string(1000, 'a')));
  ASSERT_TRUE(outbox_.post(std::string(1000, 'b')));
  auto third = outbox_.post("c");
  ASSERT_FALSE(third);
  EXPECT_EQ(third.error().code, Errc::limit_exceeded);
}

TEST_F(OutboxTest, SendWaitsForRoom) {
  ASSERT_TRUE(outbox_.post(std::string(1000, 'a')));
  ASSERT_TRUE(outbox_.post(std::string(1000, 'b')));
  std::optional<bool> sent;
  tests::start(context_, outbox_.send("c"), [&](Result<void> result) { sent = result.has_value(); });
  settle(context_);
  EXPECT_FALSE(sent.has_value());
  start();
  settle(context_);
  EXPECT_EQ(sent, true);
}

TEST_F(OutboxTest, SendGivesUpAtItsTime) {
  ASSERT_TRUE(outbox_.post(std::string(1000, 'a')));
  ASSERT_TRUE(outbox_.post(std::string(1000, 'b')));
  auto sent = run(context_, outbox_.send("c", std::chrono::steady_clock::now()));
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error().code, Errc::timed_out);
}

TEST_F(OutboxTest, TooLongIsRefusedAndTheRestGoesOn) {
  EXPECT_EQ(outbox_.post(std::string(1001, 'a')).error().code, Errc::too_large);
  EXPECT_TRUE(outbox_.post(std::string(1000, 'a')));
}

TEST_F(OutboxTest, CloseEndsEverybody) {
  ASSERT_TRUE(outbox_.post(std::string(1000, 'a')));
  ASSERT_TRUE(outbox_.post(std::string(1000, 'b')));
  std::optional<Errc> sent;
  tests::start(context_, outbox_.send("c"), [&](Result<void> result) { sent = result.error().code; });
  settle(context_);
  outbox_.close();
  settle(context_);
  EXPECT_EQ(sent, Errc::unavailable);
  EXPECT_EQ(outbox_.post("d").error().code, Errc::unavailable);
  start();
  settle(context_);
  ASSERT_TRUE(ended_);
  EXPECT_EQ(ended_->code, Errc::unavailable);
}

TEST_F(OutboxTest, PeerThatReadsNothingClosesIt) {
  start();
  struct Flood {
    static asio::awaitable<Errc> send(Outbox& outbox) {
      for (;;) {
        auto sent = co_await outbox.send(std::string(1000, 'x'));
        if (!sent) co_return sent.error().code;
      }
    }
  };
  EXPECT_EQ(run(context_, Flood::send(outbox_)), Errc::unavailable);
  settle(context_);
  ASSERT_TRUE(ended_);
  EXPECT_EQ(ended_->code, Errc::timed_out);
}

}  // namespace
}  // namespace zynclone::channel
