#include "host-broker/sandbox/child_process.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>

#include "host-broker/sandbox/session_processes.hpp"
#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone::sandbox {
namespace {

class ChildProcessTest : public ::testing::Test {
 protected:
  ChildSpec spec(const std::string& what) {
    return {.arguments = {k_test_program, what, heard.path()}, .environment = {}, .log_file = (folder / "log").string()};
  }

  Result<std::unique_ptr<ChildProcess>> start(const ChildSpec& child) {
    return ChildProcess::start(context.get_executor(), child, [this](int status) { ended.push_back(status); });
  }

  bool wait_for_an_end() {
    context.restart();
    while (ended.empty() && context.run_one_for(std::chrono::seconds(10)) != 0) continue;
    return !ended.empty();
  }

  asio::io_context context{1};
  tests::TemporaryFolder folder;
  Heard heard{(folder.path() / "fifo").string()};
  std::vector<int> ended;
};

TEST_F(ChildProcessTest, ItsEndIsToldOnce) {
  const auto child = start(spec("fail"));
  ASSERT_OK(child);
  EXPECT_EQ(heard.next(context).second, child.value()->pid());
  ASSERT_TRUE(wait_for_an_end());
  EXPECT_EQ(ended, (std::vector<int>{3}));
  EXPECT_EQ(folder.read("log"), "the end is near\n");
  EXPECT_EQ(state_of(child.value()->pid()), '0') << "reaped";
}

TEST_F(ChildProcessTest, ASignalIsToldAsAShellDoes) {
  const auto child = start(spec("wait"));
  heard.next(context);
  ::kill(child.value()->pid(), SIGKILL);
  ASSERT_TRUE(wait_for_an_end());
  EXPECT_EQ(ended, (std::vector<int>{128 + SIGKILL}));
}

TEST_F(ChildProcessTest, ItLeadsASession) {
  const auto child = start(spec("family"));
  std::set<pid_t> said{heard.next(context).second, heard.next(context).second};
  const auto members = processes_of({child.value()->pid()});
  EXPECT_EQ(std::set<pid_t>(members.begin(), members.end()), said) << "also a child in another process group";
  signal_sessions({child.value()->pid()}, SIGKILL);
  tests::run_on(context, [](pid_t session) -> asio::awaitable<bool> {
    std::set<pid_t> sessions;
    sessions.insert(session);
    co_await wait_for_end_of(std::move(sessions));
    co_return true;
  }(child.value()->pid()));
  for (const pid_t pid : said) EXPECT_TRUE(is_gone(pid));
}

TEST_F(ChildProcessTest, ItGoesWithItsObject) {
  auto child = start(spec("deaf"));
  const pid_t pid = heard.next(context).second;
  child.value().reset();
  EXPECT_TRUE(is_gone(pid));
  context.restart();
  context.poll();
  EXPECT_TRUE(ended.empty()) << "nobody is told any more";
}

TEST_F(ChildProcessTest, ItGoesWithTheProcessThatStartedIt) {
  const pid_t starter = ::fork();
  ASSERT_GE(starter, 0);
  if (starter == 0) {
    context.notify_fork(asio::io_context::fork_child);
    auto child = start(spec("deaf"));
    ::pause();
    ::_exit(child ? 0 : 1);
  }
  const pid_t pid = heard.next(context).second;
  ASSERT_FALSE(is_gone(pid));
  const Descriptor watched(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  pollfd waiting{watched.get(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 10'000), 1) << "the kernel kills it";
}

TEST_F(ChildProcessTest, WhatCannotBeRunIsAnError) {
  auto child = spec("wait");
  child.arguments.front() = "/nowhere/program";
  const auto started = start(child);
  ASSERT_FAILS(started, Errc::system);
  EXPECT_EQ(started.error().message, "cannot run '/nowhere/program': No such file or directory");
  child.arguments.front() = folder.write("text", "no program");
  EXPECT_FAILS(start(child), Errc::system);
  child.arguments.clear();
  EXPECT_FAILS(start(child), Errc::system);
  child = spec("wait");
  child.log_file = "/nowhere/log";
  EXPECT_FAILS(start(child), Errc::system);
}

}  // namespace
}  // namespace zynclone::sandbox
