#include "protocol/channel/mailbox_channel.hpp"

#include <gtest/gtest.h>

#include "protocol/channel/mailbox_text.hpp"
#include "tests/protocol/channel/channel_contract.hpp"
#include "tests/protocol/channel/fake_mailbox_store.hpp"
#include "tests/support/run.hpp"

namespace zynclone::channel {
namespace {

using tests::run;
using tests::settle;

const std::string k_guest = "data/zynclone/mailbox";
const std::string k_broker = "zynclone/mailbox";
constexpr std::chrono::milliseconds k_short{50};

class MailboxTest : public testing::Test {
 protected:
  MailboxServer serve(Deadline write_deadline = protocol::k_write_deadline) {
    return MailboxServer::create(context_.get_executor(), tree_.open(k_guest, k_broker), k_guest, k_broker, write_deadline).value();
  }
  Result<std::unique_ptr<Channel>> connect(Deadline write_deadline = protocol::k_write_deadline) {
    return MailboxChannel::connect(context_.get_executor(), tree_.open(k_broker, k_guest), k_broker, k_guest, write_deadline);
  }
  std::unique_ptr<Channel> accept(MailboxServer& server) { return run(context_, server.accept()).value(); }
  void open(Deadline brokers_write_deadline = protocol::k_write_deadline) {
    server_.emplace(serve());
    broker_ = connect(brokers_write_deadline).value();
    guest_ = accept(*server_);
  }
  std::string connection() { return tree_.read(k_broker + "/session").value(); }
  Result<void> write(Channel& channel, std::string bytes) { return run(context_, channel.write(asio::buffer(bytes))); }
  Result<std::size_t> read(Channel& channel) { return run(context_, with_timeout(channel.read_some(asio::buffer(buffer_)), k_short, "reading")); }

  asio::io_context context_;
  tests::FakeMailboxTree tree_{context_.get_executor()};
  std::string buffer_ = std::string(4096, '\0');
  std::optional<MailboxServer> server_;
  std::unique_ptr<Channel> broker_;
  std::unique_ptr<Channel> guest_;
};

class MailboxContract : public MailboxTest, public testing::WithParamInterface<tests::ContractCase> {};
INSTANTIATE_TEST_SUITE_P(Channel, MailboxContract, testing::ValuesIn(tests::channel_contract()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(MailboxContract, Holds) {
  open();
  auto result = run(context_, tests::run_case(GetParam(), *guest_, *broker_));
  EXPECT_TRUE(result) << result.error().message;
  EXPECT_TRUE(tree_.forbidden.empty()) << "each side writes below its own folder only";
  EXPECT_LE(tree_.largest_value, 2048u);
}

TEST_F(MailboxTest, ConnectingWithoutAMailboxIsUnavailable) {
  auto channel = connect();
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, Errc::unavailable);
  EXPECT_TRUE(tree_.nodes.empty());
}

TEST_F(MailboxTest, SessionThatIsNoIdIsMalformed) {
  for (const char* session : {"", "x", "../../../etc", "0123456789abcdef.0123456789abcdef"}) {
    tree_.write(k_guest + "/session", session);
    auto channel = connect();
    ASSERT_FALSE(channel) << session;
    EXPECT_EQ(channel.error().code, Errc::malformed);
  }
  EXPECT_FALSE(tree_.read(k_broker + "/session"));
}

TEST_F(MailboxTest, RequestsAreAtMostOneKibibyte) {
  open();
  EXPECT_EQ(guest_->longest_request(), 1024u);
}

TEST_F(MailboxTest, GuestThatReadsNothingEndsTheWrite) {
  open(k_short);
  auto written = write(*broker_, "hello");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::timed_out);
}

TEST_F(MailboxTest, RestartedBrokerConnectsAgainWithoutANewSession) {
  open();
  const std::string session = tree_.read(k_guest + "/session").value();
  // As after kill -9: the old connection's nodes are still there.
  auto second = connect();
  ASSERT_TRUE(second);
  auto old = read(*guest_);
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().code, Errc::unavailable);
  guest_->close();
  EXPECT_EQ(tree_.read(k_guest + "/session"), session);
  auto again = accept(*server_);
  struct Talk {
    static asio::awaitable<Result<void>> talk(Channel& from, Channel& to) {
      using namespace asio::experimental::awaitable_operators;
      std::string text = "hello";
      std::string into(16, '\0');
      auto both = co_await (from.write(asio::buffer(text)) && to.read_some(asio::buffer(into)));
      CO_TRY(std::move(std::get<0>(both)));
      CO_TRY(auto count, std::move(std::get<1>(both)));
      if (into.substr(0, count) != text) co_return fail(Errc::internal, "other bytes");
      co_return outcome::success();
    }
  };
  EXPECT_TRUE(run(context_, Talk::talk(*again, *second.value())));
  EXPECT_TRUE(run(context_, Talk::talk(*second.value(), *again)));
}

TEST_F(MailboxTest, RestartedGuestEndsTheBrokersConnection) {
  open();
  guest_.reset();
  server_.reset();
  server_.emplace(serve());
  auto ended = read(*broker_);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, Errc::unavailable);
  EXPECT_TRUE(connect());
}

TEST_F(MailboxTest, GuestThatClosesAdvertisesAnew) {
  open();
  const std::string session = tree_.read(k_guest + "/session").value();
  guest_->close();
  EXPECT_NE(tree_.read(k_guest + "/session"), session);
  EXPECT_EQ(read(*broker_).error().code, Errc::unavailable);
}

TEST_F(MailboxTest, LastAcknowledgementAloneIsLeftBehind) {
  open();
  auto result = run(context_, tests::run_case(tests::channel_contract().front(), *guest_, *broker_));
  EXPECT_TRUE(result);
  server_.reset();
  ASSERT_EQ(tree_.nodes.size(), 1u);
  EXPECT_EQ(tree_.nodes.begin()->first, k_broker + "/acknowledged");
}

TEST_F(MailboxTest, BrokerWritesNothingForAGuestThatIsGone) {
  open();
  tree_.remove(k_guest);
  tree_.remove(k_broker);
  EXPECT_EQ(write(*broker_, "hello").error().code, Errc::unavailable);
  EXPECT_EQ(read(*broker_).error().code, Errc::unavailable);
  broker_->close();
  EXPECT_TRUE(tree_.nodes.empty());
}

TEST_F(MailboxTest, GarbageInAFragmentEndsTheConnection) {
  open();
  tree_.write(k_guest + "/fragment", "garbage");
  EXPECT_EQ(read(*broker_).error().code, Errc::malformed);
}

TEST_F(MailboxTest, SkippedFragmentEndsTheConnection) {
  open();
  tree_.write(k_guest + "/fragment", to_text({.connection = connection(), .number = 2, .bytes = "x"}));
  EXPECT_EQ(read(*broker_).error().code, Errc::malformed);
}

TEST_F(MailboxTest, FragmentOfAnotherConnectionIsIgnored) {
  open();
  tree_.write(k_guest + "/fragment", to_text({.connection = "0123456789abcdef.0123456789abcdef", .number = 1, .bytes = "x"}));
  EXPECT_EQ(read(*broker_).error().code, Errc::timed_out);
}

TEST_F(MailboxTest, RepeatedFragmentIsReadOnce) {
  open();
  tree_.write(k_guest + "/fragment", to_text({.connection = connection(), .number = 1, .bytes = "x"}));
  EXPECT_EQ(read(*broker_).value(), 1u);
  tree_.write(k_guest + "/fragment", to_text({.connection = connection(), .number = 1, .bytes = "x"}));
  EXPECT_EQ(read(*broker_).error().code, Errc::timed_out);
  EXPECT_EQ(tree_.read(k_broker + "/acknowledged"), connection() + " 1");
}

TEST_F(MailboxTest, AcknowledgementOfWhatWasNeverSentEndsTheConnection) {
  open();
  tree_.write(k_guest + "/acknowledged", connection() + " 9");
  EXPECT_EQ(write(*broker_, "hello").error().code, Errc::malformed);
}

TEST_F(MailboxTest, SessionOfAnotherGuestIsNobodysConnection) {
  server_.emplace(serve());
  tree_.write(k_broker + "/session", "0123456789abcdef.0123456789abcdef");
  auto accepted = run(context_, with_timeout(server_->accept(), k_short, "accepting"));
  ASSERT_FALSE(accepted);
  EXPECT_EQ(accepted.error().code, Errc::timed_out);
}

TEST_F(MailboxTest, StoreThatFailsEndsTheWrite) {
  open();
  tree_.writes_fail = Error{Errc::limit_exceeded, "quota"};
  EXPECT_EQ(write(*guest_, "hello").error().code, Errc::limit_exceeded);
  tree_.writes_fail.reset();
}

TEST_F(MailboxTest, FloodOfChangesDoesNotStopTheConnection) {
  open();
  struct Flood {
    static asio::awaitable<void> run(tests::FakeMailboxTree& tree, const bool& stop) {
      for (int i = 0; !stop; ++i) {
        tree.write(k_guest + "/noise", std::to_string(i));
        co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
      }
    }
  };
  bool stop = false;
  asio::co_spawn(context_, Flood::run(tree_, stop), asio::detached);
  auto result = run(context_, tests::run_case(tests::channel_contract().front(), *guest_, *broker_));
  EXPECT_TRUE(result) << result.error().message;
  stop = true;
  settle(context_);
}

}  // namespace
}  // namespace zynclone::channel
