#include "guest-agent-linux/own_thread.hpp"

#include <condition_variable>
#include <mutex>

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using namespace std::chrono_literals;

// A call that the kernel holds up until the test lets it go.
struct Gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool is_open = false;
  unsigned undone = 0;

  void open() {
    const std::lock_guard lock(mutex);
    is_open = true;
    changed.notify_all();
  }
  void pass() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return is_open; });
  }
};

class OwnThreadTest : public ::testing::Test {
 protected:
  OwnThreadWork work(Result<void> result = outcome::success()) {
    OwnThreadWork call;
    call.work = [gate = gate, result] {
      gate->pass();
      return result;
    };
    call.undo_if_late = [gate = gate] { ++gate->undone; };
    call.ended = [this] { ended = true; };
    return call;
  }
  void wait_ended() { EXPECT_TRUE(run_until(context, [&] { return ended; })); }

  asio::io_context context;
  std::shared_ptr<Gate> gate = std::make_shared<Gate>();
  bool ended = false;
};

TEST_F(OwnThreadTest, GivesWhatTheWorkGives) {
  gate->open();
  EXPECT_OK(run(context, run_on_own_thread(work(), 10s, "it")));
  EXPECT_TRUE(ended) << "before the caller goes on";
  ended = false;
  EXPECT_FAILS(run(context, run_on_own_thread(work(Error{Errc::conflict, "busy"}), 10s, "it")), Errc::conflict);
  EXPECT_TRUE(ended);
  EXPECT_EQ(gate->undone, 0u);
}

TEST_F(OwnThreadTest, WhatIsLateIsUndone) {
  EXPECT_FAILS(run(context, run_on_own_thread(work(), 5ms, "it")), Errc::timed_out);
  EXPECT_FALSE(ended);
  gate->open();
  wait_ended();
  EXPECT_EQ(gate->undone, 1u);
}

TEST_F(OwnThreadTest, WhatFailsLateIsNot) {
  EXPECT_FAILS(run(context, run_on_own_thread(work(Error{Errc::system, "no"}), 5ms, "it")), Errc::timed_out);
  gate->open();
  wait_ended();
  EXPECT_EQ(gate->undone, 0u);
}

TEST_F(OwnThreadTest, WhatIsCancelledIsUndone) {
  const auto limited = [](OwnThreadWork call) { return with_timeout(run_on_own_thread(std::move(call), 10s, "it"), 5ms, "all"); };
  EXPECT_FAILS(run(context, limited(work())), Errc::timed_out);
  gate->open();
  wait_ended();
  EXPECT_EQ(gate->undone, 1u);
}

}  // namespace
}  // namespace zynclone::tests
