#include "system/process.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone {
namespace {

using std::chrono::milliseconds;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// The tests' own programs are shell scripts; the code under test knows no shell.
std::vector<std::string> script(std::string text) { return {"/bin/sh", "-c", std::move(text)}; }

bool is_gone(const std::string& pid) { return ::kill(std::stoi(pid), 0) != 0 && errno == ESRCH; }

TEST(Process, GivesStatusOutputAndErrors) {
  auto result = tests::run(run_process(script("echo out; echo err >&2; exit 3")));
  ASSERT_OK(result);
  EXPECT_EQ(result.value().status, 3);
  EXPECT_EQ(result.value().output, "out\n");
  EXPECT_EQ(result.value().errors, "err\n");
}

TEST(Process, ArgumentsReachTheProgramAsTheyAre) {
  auto result = tests::run(run_process({"printf", "%s|", "a b", "$(id)", "", "'\"\n"}));
  ASSERT_OK(result);
  EXPECT_EQ(result.value().output, "a b|$(id)||'\"\n|");
}

TEST(Process, SignalIsStatus128AndMore) {
  auto result = tests::run(run_process(script("kill -TERM $$")));
  ASSERT_OK(result);
  EXPECT_EQ(result.value().status, 128 + SIGTERM);
}

TEST(Process, UnknownProgramIsAnError) {
  EXPECT_FAILS(tests::run(run_process({"no-such-program-of-zynclone"})), Errc::system);
  EXPECT_FAILS(tests::run(run_process({"/no/such/program"})), Errc::system);
  EXPECT_FAILS(tests::run(run_process({})), Errc::system);
  EXPECT_FAILS(tests::run(run_process({"echo", std::string("a\0b", 3)})), Errc::system);
  EXPECT_FAILS(tests::run(run_process({"/etc/passwd"})), Errc::system);
}

TEST(Process, EnvironmentIsCleanAndDescriptorsAreClosed) {
  ::setenv("ZYNCLONE_SECRET", "x", 1);
  const int inheritable = ::open("/dev/null", O_RDONLY);
  ASSERT_GE(inheritable, 3);
  ProcessOptions options;
  options.environment = {{"HOOK", "thaw"}};
  auto environment = tests::run(run_process({"env"}, options));
  auto descriptors = tests::run(run_process({"ls", "/proc/self/fd"}));
  ::close(inheritable);
  ::unsetenv("ZYNCLONE_SECRET");
  ASSERT_OK(environment);
  EXPECT_THAT(environment.value().output, AllOf(HasSubstr("HOOK=thaw\n"), HasSubstr("LANG=C.UTF-8\n"), HasSubstr("PATH="),
                                                Not(HasSubstr("ZYNCLONE_SECRET"))));
  ASSERT_OK(descriptors);
  EXPECT_EQ(descriptors.value().output, "0\n1\n2\n3\n");  // 3: the folder that ls reads
}

TEST(Process, StandardInputIsEmptyAndFolderAsAsked) {
  ProcessOptions options;
  options.working_directory = "/usr";
  auto result = tests::run(run_process(script("cat; pwd"), options));
  ASSERT_OK(result);
  EXPECT_EQ(result.value().output, "/usr\n");
}

TEST(Process, OutputBeyondTheLimitIsReadAndDropped) {
  ProcessOptions options;
  options.most_output = 1000;
  auto result = tests::run(run_process(script("head -c 3000000 /dev/zero; echo end >&2"), options));
  ASSERT_OK(result);
  EXPECT_EQ(result.value().status, 0);
  EXPECT_EQ(result.value().output.size(), 1000u);
  EXPECT_EQ(result.value().errors, "end\n");
}

TEST(Process, LargeOutputArrivesWhole) {
  auto result = tests::run(run_process(script("head -c 700000 /dev/zero | tr '\\0' x")));
  ASSERT_OK(result);
  EXPECT_EQ(result.value().output, std::string(700000, 'x'));
}

TEST(Process, DeadlineKillsTheWholeGroup) {
  tests::TemporaryFolder folder;
  ProcessOptions options;
  options.limit = milliseconds(300);
  auto result = tests::run(run_process(
      script("sleep 1000 & echo $! > '" + (folder / "child").string() + "'; echo $$ > '" + (folder / "self").string() + "'; wait"),
      options));
  ASSERT_FAILS(result, Errc::timed_out);
  EXPECT_THAT(result.error().message, HasSubstr("'/bin/sh'"));
  EXPECT_TRUE(is_gone(folder.read("self")));
}

// The clone's watcher stays behind xl, for instance, and must hold up nobody.
TEST(Process, ADescendantThatKeepsThePipesDoesNotDelay) {
  ProcessOptions options;
  options.limit = std::chrono::seconds(20);
  auto result = tests::run(run_process(script("setsid sleep 1000 & echo $!"), options));
  ASSERT_OK(result);
  EXPECT_EQ(::kill(std::stoi(result.value().output), SIGKILL), 0);
}

asio::awaitable<void> run_into(std::optional<Result<ProcessOutput>>& into, std::vector<std::string> arguments) {
  into.emplace(co_await run_process(std::move(arguments)));
}

TEST(Process, CancellationKillsIt) {
  tests::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "started").c_str(), 0600), 0);
  const int started = ::open((folder / "started").c_str(), O_RDWR | O_NONBLOCK);
  asio::io_context context(1);
  asio::posix::stream_descriptor pipe(context, started);
  asio::cancellation_signal cancel;
  std::optional<Result<ProcessOutput>> result;
  asio::co_spawn(context, run_into(result, script("echo $$ > '" + (folder / "started").string() + "'; exec sleep 1000")),
                 asio::bind_cancellation_slot(cancel.slot(), asio::detached));
  char pid[32] = {};
  pipe.async_read_some(asio::buffer(pid), [&](boost::system::error_code, std::size_t) { cancel.emit(asio::cancellation_type::terminal); });
  context.run();
  ASSERT_TRUE(result.has_value());
  EXPECT_FAILS(*result, Errc::cancelled);
  EXPECT_TRUE(is_gone(pid));
}

TEST(Process, DestroyedContextLeavesNoProcess) {
  tests::TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder / "started").c_str(), 0600), 0);
  const int started = ::open((folder / "started").c_str(), O_RDWR | O_NONBLOCK);
  char pid[32] = {};
  std::optional<Result<ProcessOutput>> result;
  {
    asio::io_context context(1);
    asio::posix::stream_descriptor pipe(context, started);
    asio::co_spawn(context, run_into(result, script("echo $$ > '" + (folder / "started").string() + "'; exec sleep 1000")), asio::detached);
    pipe.async_read_some(asio::buffer(pid), [&](boost::system::error_code, std::size_t) { context.stop(); });
    context.run();
  }
  EXPECT_FALSE(result.has_value());
  EXPECT_TRUE(is_gone(pid));
}

asio::awaitable<void> echo_number(int number, int& right) {
  std::vector<std::string> arguments{"echo", std::to_string(number)};  // GCC 12 takes no initializer list within a co_await
  auto result = co_await run_process(std::move(arguments));
  if (result && result.value().output == std::to_string(number) + "\n") ++right;
}

TEST(Process, ManyRunSideBySide) {
  asio::io_context context(1);
  int right = 0;
  for (int number = 0; number < 40; ++number) asio::co_spawn(context, echo_number(number, right), asio::detached);
  context.run();
  EXPECT_EQ(right, 40);
}

TEST(RunChecked, GivesOutput) {
  auto result = tests::run(run_checked({"echo", "hello"}, Errc::storage));
  ASSERT_OK(result);
  EXPECT_EQ(result.value(), "hello\n");
}

TEST(RunChecked, FailureNamesProgramStatusAndPrintableCause) {
  auto result = tests::run(run_checked(script("printf 'pool is full\\n\\033[31mno\\n' >&2; exit 5"), Errc::storage));
  ASSERT_FAILS(result, Errc::storage);
  EXPECT_THAT(result.error().message, AllOf(HasSubstr("'/bin/sh': exit status 5: pool is full; \\x1b[31mno"), Not(HasSubstr("\033"))));
}

TEST(RunChecked, KeepsTheLastLinesOfALongComplaint) {
  auto result = tests::run(run_checked(script("for i in $(seq 1 300); do echo \"line $i\" >&2; done; exit 1"), Errc::xen));
  ASSERT_FAILS(result, Errc::xen);
  EXPECT_THAT(result.error().message, AllOf(HasSubstr("line 300"), Not(HasSubstr("line 100;"))));
  EXPECT_LT(result.error().message.size(), 500u);
}

}  // namespace
}  // namespace zynclone
