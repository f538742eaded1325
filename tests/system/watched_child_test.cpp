#include "system/watched_child.hpp"

#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/descriptor.hpp"
#include "system/spawn_setup.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone {
namespace {

using namespace std::chrono_literals;

class WatchedChildTest : public testing::Test {
 protected:
  static pid_t spawn_shell(const std::string& script, int output = k_null_descriptor) {
    const SpawnSetup setup({k_null_descriptor, output, k_null_descriptor}, "/");
    pid_t id = 0;
    EXPECT_EQ(setup.spawn(id, "/bin/sh", {"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin"}), 0);
    return id;
  }

  WatchedChild start(const std::string& script, int output = k_null_descriptor) {
    auto child = WatchedChild::adopt(context_.get_executor(), spawn_shell(script, output), "/bin/sh");
    EXPECT_OK(child);
    return std::move(child).value();
  }

  asio::io_context context_;
};

TEST_F(WatchedChildTest, StatusIsTheExitStatusOrTheSignal) {
  WatchedChild well = start("exit 3");
  EXPECT_TRUE(well.ends_within(10s));
  EXPECT_EQ(well.status(), 3);
  WatchedChild killed = start("kill -TERM $$");
  EXPECT_TRUE(killed.ends_within(10s));
  EXPECT_EQ(killed.status(), 128 + SIGTERM);
}

TEST_F(WatchedChildTest, RunsUntilItIsKilled) {
  WatchedChild child = start("exec sleep 1000");
  EXPECT_FALSE(child.ends_within(1ms));
  EXPECT_EQ(child.status(), std::nullopt);
  child.kill();
  EXPECT_TRUE(child.ends_within(10s));
  EXPECT_EQ(child.status(), 128 + SIGKILL);
}

TEST_F(WatchedChildTest, AWaitThatWasInVainDoesNotEndTheNext) {
  WatchedChild child = start("exec sleep 1000");
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(tests::run(context_, child.ended_within(0s)));
  child.kill();
  EXPECT_TRUE(tests::run(context_, child.ended_within(10s)));
  EXPECT_EQ(child.status(), 128 + SIGKILL);
}

TEST_F(WatchedChildTest, TheGroupIsKilledWithIt) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  WatchedChild child = start("sleep 1000 & exec sleep 1000", writing.get());
  writing.reset();
  child.kill_group();
  EXPECT_TRUE(child.ends_within(10s));
  EXPECT_EQ(child.status(), 128 + SIGKILL);
  pollfd nobody_writes{reading.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&nobody_writes, 1, 10'000), 1);
}

TEST_F(WatchedChildTest, WhatSomebodyElseHasReapedIsNoSuccess) {
  const pid_t id = spawn_shell("exit 0");
  auto child = WatchedChild::adopt(context_.get_executor(), id, "/bin/sh");
  ASSERT_OK(child);
  ASSERT_EQ(::waitpid(id, nullptr, 0), id);
  EXPECT_EQ(child.value().status(), 255);
}

TEST_F(WatchedChildTest, AProcessThatIsNotThereCannotBeWatched) {
  const pid_t id = spawn_shell("exit 0");
  ASSERT_EQ(::waitpid(id, nullptr, 0), id);
  const auto child = WatchedChild::adopt(context_.get_executor(), id, "/usr/bin/till");
  EXPECT_FAILS(child, Errc::system);
  EXPECT_THAT(child.error().message, testing::HasSubstr("cannot watch '/usr/bin/till'"));
}

TEST_F(WatchedChildTest, AnEndedOneIsReapedWhenItIsGivenUp) {
  pid_t id = 0;
  {
    WatchedChild child = start("exit 0");
    id = child.id();
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(id), &info, WEXITED | WNOWAIT), 0);
    WatchedChild moved = std::move(child);
  }
  EXPECT_EQ(::waitpid(id, nullptr, WNOHANG), -1);
}

}  // namespace
}  // namespace zynclone
