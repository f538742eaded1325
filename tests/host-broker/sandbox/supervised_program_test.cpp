#include "host-broker/sandbox/supervised_program.hpp"

#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone::sandbox {
namespace {

class Supervised : public ::testing::Test {
 protected:
  std::unique_ptr<SupervisedProgram> make(const std::string& what) {
    return std::make_unique<SupervisedProgram>(
        context.get_executor(), "a test's program",
        ChildSpec{.arguments = {k_test_program, what, heard.path()}, .environment = {}, .log_file = (folder / "log").string()});
  }
  // Runs until nothing is left to be waited for, or `condition` holds.
  template <class Condition>
  bool run_until(Condition condition) {
    context.restart();
    while (!condition() && context.run_one_for(std::chrono::seconds(10)) != 0) continue;
    return condition();
  }

  asio::io_context context{1};
  tests::TemporaryFolder folder;
  Heard heard{(folder.path() / "fifo").string()};
};

TEST_F(Supervised, OneThatCrashesIsStartedAgain) {
  const auto program = make("wait");
  ASSERT_OK(program->start());
  const pid_t first = heard.next(context).second;
  EXPECT_EQ(program->pid(), first);
  ::kill(first, SIGKILL);
  const pid_t second = heard.next(context).second;
  EXPECT_NE(second, first);
  EXPECT_EQ(program->restarts(), 1u);
  EXPECT_EQ(program->sessions(), (std::set<pid_t>{second}));
}

TEST_F(Supervised, OneThatAlwaysCrashesIsGivenUp) {
  const auto program = make("fail");
  int ends = 0;
  program->on_end([&](int) { ++ends; });
  ASSERT_OK(program->start());
  EXPECT_TRUE(run_until([&] { return ends == 6; }));
  context.restart();
  EXPECT_EQ(context.run_for(std::chrono::milliseconds(0)), 0u) << "no restart is due";
  EXPECT_FALSE(program->pid());
  EXPECT_EQ(program->restarts(), 5u);
}

TEST_F(Supervised, OneThatIsRetiredStaysAway) {
  const auto program = make("wait");
  ASSERT_OK(program->start());
  const pid_t pid = heard.next(context).second;
  program->retire();
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(run_until([&] { return !program->pid(); }));
  EXPECT_EQ(program->restarts(), 0u);
  ASSERT_OK(program->start());
  heard.next(context);
  EXPECT_TRUE(program->pid());
}

TEST_F(Supervised, OneThatIsHeldWaitsWithItsRestart) {
  const auto program = make("wait");
  ASSERT_OK(program->start());
  const pid_t pid = heard.next(context).second;
  program->hold();
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(run_until([&] { return !program->pid(); }));
  context.restart();
  EXPECT_EQ(context.poll(), 0u);
  EXPECT_EQ(program->restarts(), 0u);
  program->release();
  heard.next(context);
  EXPECT_EQ(program->restarts(), 1u);
}

}  // namespace
}  // namespace zynclone::sandbox
