#include "host-broker/sandbox/notify_socket.hpp"

#include <gtest/gtest.h>

#include <boost/asio/local/datagram_protocol.hpp>

#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::sandbox {
namespace {

class NotifySocketTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = NotifySocket::open(context.get_executor(), (folder.path() / "notify").string());
    ASSERT_OK(opened);
    readiness = std::move(opened.value());
  }

  void say(const std::string& message) {
    asio::local::datagram_protocol::socket socket(context, asio::local::datagram_protocol());
    socket.send_to(asio::buffer(message), asio::local::datagram_protocol::endpoint(readiness->path()));
  }

  Result<void> wait_status(const std::string& beginning, Deadline limit = std::chrono::seconds(10)) {
    return tests::run_on(context, with_timeout(readiness->wait_status(beginning), limit, "the status"));
  }
  Result<void> wait_ready(Deadline limit = std::chrono::seconds(10)) {
    return tests::run_on(context, with_timeout(readiness->wait_ready(), limit, "its start"));
  }

  static constexpr std::chrono::milliseconds k_short{20};
  asio::io_context context{1};
  tests::TemporaryFolder folder;
  std::unique_ptr<NotifySocket> readiness;
};

TEST_F(NotifySocketTest, ReadinessAndStatusAreHeardApart) {
  say("READY=1\nSTATUS=waiting for the broker");
  EXPECT_OK(wait_ready());
  EXPECT_OK(wait_status("waiting"));
  EXPECT_FAILS(wait_status("connected", k_short), Errc::timed_out);
  say("STATUS=connected to the broker as pos1");
  EXPECT_OK(wait_status("connected to the broker"));
  EXPECT_TRUE(readiness->is_ready()) << "a status alone does not change it";
}

TEST_F(NotifySocketTest, OnlyWholeKeysCount) {
  say("NOTREADY=1\nREADY=10\nSUBSTATUS=connected\nSTATUS");
  EXPECT_FAILS(wait_ready(k_short), Errc::timed_out);
  EXPECT_FAILS(wait_status("connected", k_short), Errc::timed_out);
}

TEST_F(NotifySocketTest, AnEndForgetsTheStatus) {
  say("STATUS=connected to the broker");
  ASSERT_OK(wait_status("connected"));
  readiness->reset("it ended with status 1");
  EXPECT_FAILS(wait_status("connected", k_short), Errc::timed_out);
}

TEST_F(NotifySocketTest, WhoWaitsIsToldOfAnEnd) {
  std::optional<Result<void>> waited;
  spawn(context.get_executor(), "waiting", [](asio::awaitable<Result<void>> wait, std::optional<Result<void>>& into) -> asio::awaitable<void> {
    into.emplace(co_await std::move(wait));
  }(readiness->wait_status("connected"), waited));
  context.poll();
  ASSERT_FALSE(waited);
  readiness->reset("it ended with status 1");
  context.restart();
  context.poll();
  ASSERT_TRUE(waited);
  ASSERT_FAILS(*waited, Errc::system);
  EXPECT_EQ(waited->error().message, "it ended with status 1");
}

}  // namespace
}  // namespace zynclone::sandbox
