#include "host-broker/monitors/monitor_loop.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "system/descriptor.hpp"
#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {
namespace {

// Does as it is told, and ends the loop after so many times.
class CountingReconciler : public Reconciler {
 public:
  Result<void> reconcile(const Hints&) override {
    ++count;
    set_status("looked " + std::to_string(count) + " times");
    if (count == end_after) ::raise(SIGTERM);
    if (count <= failures) return fail(Errc::unavailable, "cannot do it yet");
    return outcome::success();
  }
  void start_watching(Doorbell& doorbell) override {
    ++watched;
    if (rings) doorbell.ring();
  }

  unsigned count = 0;
  unsigned end_after = 0;
  unsigned failures = 0;
  unsigned watched = 0;
  bool rings = false;
};

class MonitorLoop : public ::testing::Test {
 protected:
  int run(LoopOptions options) {
    asio::io_context context(1);
    return run_monitor("test-monitor", context, reconciler, options);
  }

  std::shared_ptr<CountingReconciler> reconciler = std::make_shared<CountingReconciler>();
};

TEST_F(MonitorLoop, OnceGivesTheResultAsExitStatus) {
  EXPECT_EQ(run({.once = true}), EXIT_SUCCESS);
  EXPECT_EQ(reconciler->count, 1u);
  EXPECT_EQ(reconciler->watched, 0u);
  reconciler->failures = 100;
  EXPECT_EQ(run({.once = true}), EXIT_FAILURE);
}

TEST_F(MonitorLoop, ReconcilesAgainAfterThePeriod) {
  reconciler->end_after = 3;
  EXPECT_EQ(run({.period = std::chrono::milliseconds(1)}), EXIT_SUCCESS);
  EXPECT_EQ(reconciler->count, 3u);
  EXPECT_EQ(reconciler->watched, 1u);
}

TEST_F(MonitorLoop, ARingBeforeTheWaitCounts) {
  reconciler->end_after = 2;
  reconciler->rings = true;
  EXPECT_EQ(run({.period = std::chrono::hours(1)}), EXIT_SUCCESS);
}

TEST_F(MonitorLoop, TriesAgainAfterAnErrorSoonerThanThePeriod) {
  reconciler->end_after = 4;
  reconciler->failures = 3;
  EXPECT_EQ(run({.period = std::chrono::hours(1), .first_retry = std::chrono::milliseconds(1)}), EXIT_SUCCESS);
}

TEST(Doorbell, RingsLaterOnceForAllThatIsSaidMeanwhile) {
  asio::io_context context(1);
  Doorbell doorbell(context.get_executor());
  doorbell.ring_after(std::chrono::milliseconds(1), "a");
  doorbell.ring_after(std::chrono::hours(1), "b");
  const Hints later = tests::run_on(context, doorbell.wait(std::chrono::hours(1)));
  EXPECT_FALSE(later.everything);
  EXPECT_EQ(later.names, (std::set<std::string>{"a", "b"}));
  doorbell.ring_after(std::chrono::hours(1), "c");
  doorbell.ring("d");
  EXPECT_EQ(tests::run_on(context, doorbell.wait(std::chrono::hours(1))).names, std::set<std::string>{"d"});
}

TEST_F(MonitorLoop, TellsSystemd) {
  tests::TemporaryFolder folder;
  const std::string path = folder / "notify";
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  ::setenv("WATCHDOG_USEC", "2000", 1);  // so the wait is 1 ms, whatever the period
  reconciler->failures = 1;
  reconciler->end_after = 3;
  EXPECT_EQ(run({.period = std::chrono::hours(1)}), EXIT_SUCCESS);
  ::unsetenv("NOTIFY_SOCKET");
  ::unsetenv("WATCHDOG_USEC");

  std::vector<std::string> told;
  std::array<char, 512> buffer;
  for (;;) {
    const ssize_t size = ::recv(socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0) break;
    told.emplace_back(buffer.data(), static_cast<std::size_t>(size));
  }
  ASSERT_GE(told.size(), 4u);
  EXPECT_EQ(told[0], "STATUS=cannot do it yet");
  EXPECT_EQ(told[1], "WATCHDOG=1") << "an error is no sign of death";
  EXPECT_EQ(told[2], "STATUS=looked 2 times\nREADY=1");
  EXPECT_EQ(told.back(), "STOPPING=1");
}

}  // namespace
}  // namespace zynclone::broker::monitors
