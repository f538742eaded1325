#include "host-broker/gateway/link_process.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>

#include "host-broker/gateway/link_exit.hpp"
#include "tests/support/run.hpp"
#include "system/descriptor.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::gateway {
namespace {

using tests::run;

class LinkProcessTest : public testing::Test {
 protected:
  Result<LinkProcess::Started> start(std::string program) {
    return LinkProcess::start(context_.get_executor(), {.program = std::move(program), .domain = DomainId{7}, .transport = "unix", .path = "/x.sock"});
  }
  asio::io_context context_;
  tests::TemporaryFolder folder_;
};

TEST_F(LinkProcessTest, ProgramThatIsNotThereIsNamed) {
  auto started = start("/nonexistent/zynclone-link");
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::system);
  EXPECT_NE(started.error().message.find("/nonexistent/zynclone-link"), std::string::npos);
}

TEST_F(LinkProcessTest, GetsItsArgumentsAndNothingOfTheBrokers) {
  const Descriptor opened(::open("/dev/null", O_RDONLY));
  const Descriptor inherited(::fcntl(opened.get(), F_DUPFD, 77));  // without FD_CLOEXEC, and of a number that no shell uses
  const std::string out = (folder_ / "out").string();
  auto started = start(folder_.write_program("link", "#!/bin/sh\necho \"$@\" >" + out + "\nls /proc/$$/fd >>" + out + "\nenv >>" + out + "\n"));
  ASSERT_TRUE(started);
  EXPECT_EQ(run(context_, started.value().process.ended(std::chrono::seconds(10))), 0);
  const std::string text = folder_.read("out");
  EXPECT_NE(text.find("--fd 3 --domain 7 --transport unix --path /x.sock\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("\n" + std::to_string(inherited.get()) + "\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("HOME="), std::string::npos) << text;
}

TEST_F(LinkProcessTest, EndIsSeenOnTheChannelAndAsAStatus) {
  auto started = start(folder_.write_program("link", "#!/bin/sh\nexit 16\n"));
  ASSERT_TRUE(started);
  std::string buffer(16, '\0');
  EXPECT_FALSE(run(context_, started.value().channel->read_some(asio::buffer(buffer))));
  const int status = run(context_, started.value().process.ended(std::chrono::seconds(10)));
  EXPECT_EQ(status, static_cast<int>(LinkExit::too_many_malformed));
  EXPECT_EQ(describe_end(status), "the guest sent too many malformed messages");
}

TEST_F(LinkProcessTest, OneThatDoesNotEndIsKilled) {
  auto started = start(folder_.write_program("link", "#!/bin/sh\nexec sleep 1000\n"));
  ASSERT_TRUE(started);
  EXPECT_EQ(run(context_, started.value().process.ended(std::chrono::milliseconds(20))), 128 + SIGKILL);
}

TEST_F(LinkProcessTest, DestroyedMeansDead) {
  pid_t id = 0;
  {
    auto started = start(folder_.write_program("link", "#!/bin/sh\nexec sleep 1000\n"));
    ASSERT_TRUE(started);
    id = started.value().process.id();
    EXPECT_EQ(::kill(id, 0), 0);
  }
  EXPECT_EQ(::kill(id, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST_F(LinkProcessTest, RealLinkThatCannotConnectSaysSo) {
  auto started = start(TEST_BINARY_DIR "/bin/zynclone-link");
  ASSERT_TRUE(started);
  EXPECT_EQ(run(context_, started.value().process.ended(std::chrono::seconds(10))), static_cast<int>(LinkExit::cannot_connect));
}

TEST(LinkExitText, EachStatusHasItsOwn) {
  EXPECT_EQ(describe_end(0), "the broker closed it");
  EXPECT_EQ(describe_end(99), "an unknown exit status");
  EXPECT_NE(describe_end(128 + SIGSYS).find("SIGSYS"), std::string::npos);
  EXPECT_NE(describe_end(128 + SIGSYS).find("may not make"), std::string::npos);
  EXPECT_NE(describe_end(128 + SIGKILL).find("SIGKILL"), std::string::npos);
}

}  // namespace
}  // namespace zynclone::broker::gateway
