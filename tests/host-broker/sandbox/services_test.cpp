#include "host-broker/sandbox/services.hpp"

#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone::sandbox {
namespace {

class ServicesTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(layout.prepare()); }
  void TearDown() override {
    run([](Services& all) -> asio::awaitable<bool> {
      co_await all.stop_all();
      co_return true;
    }(services));
  }

  template <class T>
  T run(asio::awaitable<T> task) {
    return tests::run_on(context, std::move(task));
  }

  Result<void> start(const std::string& name, const std::string& what) {
    return run(services.start(name, {k_test_program, what, heard.path()}));
  }

  asio::io_context context{1};
  tests::TemporaryFolder folder;
  Layout layout = Layout::of(folder.path()).value();
  Heard heard{(folder.path() / "fifo").string()};
  Services services{context.get_executor(), layout};
};

TEST_F(ServicesTest, OneIsStartedWhenItIsReady) {
  ASSERT_OK(start("broker", "ready"));
  const auto [word, pid] = heard.next(context);
  const auto listed = services.list();
  ASSERT_EQ(listed.size(), 1u);
  EXPECT_EQ(listed[0].name, "broker");
  EXPECT_EQ(listed[0].pid, pid);
  EXPECT_TRUE(listed[0].ready);
  EXPECT_FAILS(start("broker", "ready"), Errc::conflict);
}

TEST_F(ServicesTest, OneThatEndsBeforeItIsReadyIsAnErrorWithItsLastWords) {
  const auto started = start("broker", "fail");
  ASSERT_FAILS(started, Errc::system);
  EXPECT_EQ(started.error().message, "cannot start 'broker': it ended with status 3: the end is near");
  EXPECT_TRUE(services.list().empty());
}

TEST_F(ServicesTest, OneThatIsKilledIsStartedAgain) {
  ASSERT_OK(start("broker", "ready"));
  const pid_t pid = heard.next(context).second;
  ::kill(pid, SIGKILL);
  const pid_t again = heard.next(context).second;
  EXPECT_NE(again, pid);
  EXPECT_EQ(services.list()[0].restarts, 1u);
}

TEST_F(ServicesTest, StopEndsOneForGood) {
  ASSERT_OK(start("broker", "ready"));
  const pid_t pid = heard.next(context).second;
  ASSERT_OK(run(services.stop("broker")));
  EXPECT_TRUE(is_gone(pid));
  EXPECT_TRUE(services.list().empty());
  EXPECT_FAILS(run(services.stop("broker")), Errc::not_found);
  EXPECT_OK(start("broker", "ready"));
}

TEST_F(ServicesTest, OneThatIsStartedAgainWithoutACommandHasTheOneItHad) {
  ASSERT_OK(run(services.start("broker", {k_test_program, "ready", heard.path()}, {{"COLOUR", "blue"}})));
  heard.next(context);
  ASSERT_OK(run(services.stop("broker")));
  EXPECT_FAILS(start("broker", "fail"), Errc::system) << "a command that did not work is not kept";
  heard.next(context);
  ASSERT_OK(run(services.start("broker", {}, {{"SHAPE", "round"}})));
  const auto [word, pid] = heard.next(context);
  EXPECT_EQ(word, "ready");
  const auto environment = read_file("/proc/" + std::to_string(pid) + "/environ", 65536);
  ASSERT_OK(environment);
  EXPECT_NE(environment.value().find("SHAPE=round"), std::string::npos);
  EXPECT_EQ(environment.value().find("COLOUR=blue"), std::string::npos) << "what is set is for one start";
}

TEST_F(ServicesTest, OneThatNeverRanNeedsACommand) {
  const auto started = run(services.start("clone-net-monitor", {}));
  ASSERT_FAILS(started, Errc::not_found);
  EXPECT_EQ(started.error().message, "cannot start 'clone-net-monitor': no such service has run here, and no command is given after '--'");
}

TEST_F(ServicesTest, ProgramsAndNamesAreChecked) {
  const auto missing = run(services.start("broker", {"zynclone-nothing"}));
  ASSERT_FAILS(missing, Errc::not_found);
  EXPECT_NE(missing.error().message.find("cannot start 'broker': cannot find program 'zynclone-nothing' in "), std::string::npos);
  EXPECT_FAILS(run(services.start("../broker", {k_test_program})), Errc::invalid_argument);
}

TEST_F(ServicesTest, ServicesAreTheControlDomain) {
  // It never says that it is ready; the test does not wait for that.
  auto started = services.start("broker", {k_test_program, "environment", heard.path()});
  spawn(context.get_executor(), "start", [](asio::awaitable<Result<void>> start) -> asio::awaitable<void> {
    const auto ignored = co_await std::move(start);
    static_cast<void>(ignored);
  }(std::move(started)));
  EXPECT_EQ(heard.next(context).first, layout.store_socket({0}).string() + " none");
}

}  // namespace
}  // namespace zynclone::sandbox
