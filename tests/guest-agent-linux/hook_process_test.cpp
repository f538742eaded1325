#include "guest-agent-linux/hook_process.hpp"

#include <cerrno>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guest-agent-linux/file_wait.hpp"
#include "guest-agent-linux/process_tree.hpp"
#include "system/descriptor.hpp"
#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

using namespace std::chrono_literals;

class HookProcessTest : public ::testing::Test {
 protected:
  HookResult run_script(const std::string& text, Deadline limit = 10s) {
    const std::string program = folder.write_program("hook", "#!/bin/sh\n" + text);
    return run(context, run_hook(program, HookEvent::quiesce, "hook", environment, limit));
  }
  // For one that is to be killed once it has come so far that `file` holds something: on a busy machine a limit may be over before that, and it is given
  // twice as much.
  template <class Run>
  auto run_as_far_as(const std::string& file, Run run_within) {
    for (Deadline limit = 500ms;; limit *= 2) {
      auto ran = run_within(limit);
      if (!folder.read(file).empty() || limit > 30s) return ran;
    }
  }
  HookResult run_script_as_far_as(const std::string& file, const std::string& text) {
    return run_as_far_as(file, [&](Deadline limit) { return run_script(text, limit); });
  }
  pid_t pid_in(const std::string& file) { return static_cast<pid_t>(std::atoi(folder.read(file).c_str())); }
  // A process that was killed is gone when init has reaped it.
  bool is_gone(pid_t pid) {
    const Descriptor process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    if (!process) return errno == ESRCH;
    pollfd ended{process.get(), POLLIN, 0};
    return ::poll(&ended, 1, 10'000) == 1;
  }

  asio::io_context context;
  TemporaryFolder folder;
  HookEnvironment environment{{"FOLDER", folder.path().string()}};
};

TEST_F(HookProcessTest, BothStreamsAreKept) {
  const HookResult result = run_script("echo out; echo err >&2\n");
  EXPECT_FALSE(result.error);
  EXPECT_NE(result.output.find("out\n"), std::string::npos);
  EXPECT_NE(result.output.find("err\n"), std::string::npos);
}

TEST_F(HookProcessTest, ACommandHasItsArgumentsAsTheyAre) {
  const auto ran = run(context, run_command({"sh", "-c", "pwd; echo \"$1\"; echo \"$FOLDER\" >&2; exit 4", "sh", "a b;$HOME"}, environment, 10s));
  ASSERT_OK(ran);
  EXPECT_TRUE(ran.value().in_time);
  EXPECT_EQ(ran.value().status, 4u);
  EXPECT_NE(ran.value().output.find("/\na b;$HOME\n"), std::string::npos) << ran.value().output;
  EXPECT_NE(ran.value().output.find(folder.path().string()), std::string::npos);
  EXPECT_FAILS(run(context, run_command({"no-such-program"}, environment, 10s)), Errc::system);
}

TEST_F(HookProcessTest, ACommandThatTakesTooLongIsKilledWithAllThatItStarted) {
  const std::vector<std::string> command{"sh", "-c", "setsid sleep 1000 & echo begun; echo $! >\"$FOLDER/pid\"; wait"};
  const auto ran = run_as_far_as("pid", [&](Deadline limit) { return run(context, run_command(command, environment, limit)); });
  ASSERT_OK(ran);
  EXPECT_FALSE(ran.value().in_time);
  EXPECT_EQ(ran.value().output, "begun\n");
  EXPECT_TRUE(is_gone(pid_in("pid")));
}

TEST_F(HookProcessTest, AStatusIsAnError) {
  const HookResult result = run_script("echo 'the database is busy'; exit 3\n");
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->message, "cannot run the quiesce hook 'hook': exit status 3");
  EXPECT_EQ(result.output, "the database is busy\n");
}

TEST_F(HookProcessTest, ASignalIsAnError) {
  const HookResult result = run_script("kill -SEGV $$\n");
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->message, "cannot run the quiesce hook 'hook': exit status 139");
}

TEST_F(HookProcessTest, WhatCannotBeStartedIsAnError) {
  const std::string program = folder.write_program("hook", "no interpreter is named\n");
  const HookResult result = run(context, run_hook(program, HookEvent::thaw, "hook", environment, 10s));
  ASSERT_TRUE(result.error);
  EXPECT_NE(result.error->message.find("cannot run the thaw hook 'hook'"), std::string::npos) << result.error->message;
}

TEST_F(HookProcessTest, TheEnvironmentIsWhatIsGivenAndNoMore) {
  ::setenv("ZYNCLONE_SECRET_OF_THE_AGENT", "1", 1);
  const HookResult result = run_script("env\n");
  ::unsetenv("ZYNCLONE_SECRET_OF_THE_AGENT");
  EXPECT_NE(result.output.find("FOLDER="), std::string::npos);
  EXPECT_NE(result.output.find("LANG=C.UTF-8"), std::string::npos);
  EXPECT_EQ(result.output.find("SECRET"), std::string::npos);
}

TEST_F(HookProcessTest, ItGetsNoDescriptorsAndNoInput) {
  const HookResult result = run_script("ls /proc/self/fd | wc -l; cat; echo end\n");
  // 0, 1, 2 and that of ls itself.
  EXPECT_EQ(result.output, "4\nend\n");
}

TEST_F(HookProcessTest, OneThatHangsIsKilledInTimeWithWhatItSaid) {
  const HookResult result = run_script_as_far_as("pid", "echo 'waiting for the database'; echo $$ > $FOLDER/pid; sleep 1000 & wait\n");
  ASSERT_TRUE(result.error);
  EXPECT_EQ(result.error->code, Errc::timed_out);
  EXPECT_EQ(result.error->message.rfind("cannot run the quiesce hook 'hook': it took longer than ", 0), 0u) << result.error->message;
  EXPECT_EQ(result.output, "waiting for the database\n");
  EXPECT_TRUE(is_gone(pid_in("pid")));
}

TEST_F(HookProcessTest, WhatItForkedIsKilledWithIt) {
  const HookResult result =
      run_script_as_far_as("session", "sleep 1000 & echo $! > $FOLDER/child; setsid sh -c 'echo $$ > $FOLDER/session; exec sleep 1000' &\nwait\n");
  EXPECT_EQ(result.error->code, Errc::timed_out);
  ASSERT_GT(pid_in("child"), 0);
  ASSERT_GT(pid_in("session"), 0);
  EXPECT_TRUE(is_gone(pid_in("child")));
  EXPECT_TRUE(is_gone(pid_in("session"))) << "a session of its own does not save it";
}

TEST_F(HookProcessTest, AForkThatSurvivesItsParentIsKilledToo) {
  // The child in between ends, so that the last one belongs to init.
  const HookResult result = run_script_as_far_as("orphan", "(setsid sh -c 'echo $$ > $FOLDER/orphan; exec sleep 1000' & )\nsleep 1000\n");
  EXPECT_EQ(result.error->code, Errc::timed_out);
  ASSERT_GT(pid_in("orphan"), 0);
  EXPECT_TRUE(is_gone(pid_in("orphan")));
}

TEST_F(HookProcessTest, AForkThatHoldsThePipeKeepsNobodyWaiting) {
  const auto begin = std::chrono::steady_clock::now();
  const HookResult result = run_script("echo held; sleep 1000 & echo $! > $FOLDER/child\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.output, "held\n");
  const pid_t child = pid_in("child");
  EXPECT_EQ(::kill(child, 0), 0) << "what a hook leaves in time, a lock say, goes on";
  ::kill(child, SIGKILL);
}

TEST_F(HookProcessTest, OfALotOfOutputTheEndIsKept) {
  const HookResult result = run_script("i=0; while [ $i -lt 16384 ]; do echo 'sixty-three characters of no interest to anybody at all, line'; "
                                       "i=$((i+1)); done; echo the end\n");
  EXPECT_FALSE(result.error);
  EXPECT_LE(result.output.size(), k_longest_hook_output);
  EXPECT_TRUE(result.output.ends_with("\nthe end\n"));
}

TEST_F(HookProcessTest, OneThatNeverStopsWritingIsKilledInTime) {
  const HookResult result = run_script("exec yes\n", 200ms);
  EXPECT_EQ(result.error->code, Errc::timed_out);
  EXPECT_LE(result.output.size(), k_longest_hook_output);
}

TEST_F(HookProcessTest, EscapeSequencesAreMadeHarmless) {
  const HookResult result = run_script("printf '\\033[2J\\033]0;title\\007red\\n\\377\\n'\n");
  EXPECT_EQ(result.output, "\\x1b[2J\\x1b]0;title\\x07red\n\\xff\n");
}

TEST_F(HookProcessTest, ACancelledRunIsKilled) {
  const std::string program = folder.write_program("hook", "#!/bin/sh\necho $$ > $FOLDER/new; mv $FOLDER/new $FOLDER/pid; sleep 1000 & wait\n");
  using asio::experimental::awaitable_operators::operator||;
  bool ended = false;
  asio::co_spawn(context, run_hook(program, HookEvent::quiesce, "hook", environment, 100s) || wait_for_file(folder / "pid", [](const std::string& file) { return std::filesystem::exists(file); }, 100s),
                 [&](std::exception_ptr, auto) { ended = true; });
  ASSERT_TRUE(run_until(context, [&] { return ended; }));
  EXPECT_TRUE(is_gone(pid_in("pid")));
}

TEST(ReadableOutput, IsBoundedAlsoWhenItGrows) {
  const std::string readable = readable_output(std::string(4096, '\x01'));
  EXPECT_LE(readable.size(), k_longest_hook_output);
  EXPECT_TRUE(readable.ends_with("\\x01"));
}

TEST(ProcessTree, FindsByTheEnvironmentOnly) {
  EXPECT_TRUE(processes_with("ZYNCLONE_HOOK_RUN=no-such-run").empty());
}

}  // namespace
}  // namespace zynclone::tests
