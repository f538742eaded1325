#include "protocol/channel/unix_channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include "tests/protocol/channel/channel_contract.hpp"
#include "tests/support/run.hpp"
#include "tests/protocol/channel/unix_pair.hpp"

namespace zynclone::channel {
namespace {

using tests::run;

class UnixChannelContract : public testing::TestWithParam<tests::ContractCase> {};
INSTANTIATE_TEST_SUITE_P(Channel, UnixChannelContract, testing::ValuesIn(tests::channel_contract()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(UnixChannelContract, Holds) {
  asio::io_context context;
  auto pair = tests::unix_pair(context);
  auto result = run(context, tests::run_case(GetParam(), *pair.guest, *pair.broker));
  EXPECT_TRUE(result) << result.error().message;
}

TEST(UnixChannel, PeerThatReadsNothingEndsTheWrite) {
  asio::io_context context;
  auto pair = tests::unix_pair(context, std::chrono::milliseconds(30));
  const std::string much(8 << 20, 'x');
  auto written = run(context, pair.broker->write(asio::buffer(much)));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::timed_out);
}

TEST(UnixChannel, ConnectingToNobodyIsUnavailable) {
  asio::io_context context;
  auto channel = run(context, UnixChannel::connect("/nonexistent/zynclone.sock"));
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, Errc::unavailable);
  EXPECT_NE(channel.error().message.find("/nonexistent/zynclone.sock"), std::string::npos);
}

TEST(UnixChannel, PathThatIsTooLongIsRefused) {
  asio::io_context context;
  auto channel = run(context, UnixChannel::connect("/" + std::string(200, 'p')));
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, Errc::invalid_argument);
}

TEST(UnixChannel, AdoptRefusesWhatIsNoDescriptor) {
  asio::io_context context;
  EXPECT_FALSE(UnixChannel::adopt(context.get_executor(), Descriptor(999)));
}

TEST(UnixChannel, ProgramsThatAreStartedDoNotInheritIt) {
  asio::io_context context;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  Descriptor other(ends[1]);
  auto channel = UnixChannel::adopt(context.get_executor(), Descriptor(ends[0]));
  ASSERT_TRUE(channel);
  EXPECT_EQ(::fcntl(ends[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

}  // namespace
}  // namespace zynclone::channel
