#include "guest-agent-core/either.hpp"

#include <gtest/gtest.h>

#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

// Says when its frame is destroyed, which a cancellation does.
struct Leaves {
  bool& left;
  ~Leaves() { left = true; }
};

// For what never comes.
asio::awaitable<void> wait_for_ever(bool& left) {
  const Leaves leaves{left};
  asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  co_await never.async_wait(asio::use_awaitable);
}

// Ends once the other has begun.
asio::awaitable<void> end_soon() {
  co_await asio::post(co_await asio::this_coro::executor, asio::use_awaitable);
}

asio::awaitable<int> give_soon(int value) {
  co_await end_soon();
  co_return value;
}

asio::awaitable<int> give_never(bool& left) {
  co_await wait_for_ever(left);
  co_return 7;
}

TEST(Either, TheFirstEndCancelsTheOther) {
  asio::io_context context;
  bool left = false;
  run(context, agent::either(end_soon(), wait_for_ever(left)));
  EXPECT_TRUE(left);
  left = false;
  run(context, agent::either(wait_for_ever(left), end_soon()));
  EXPECT_TRUE(left);
}

TEST(Unless, GivesWhatCameInTime) {
  asio::io_context context;
  bool left = false;
  EXPECT_EQ(run(context, agent::unless(wait_for_ever(left), give_soon(7))), 7);
  EXPECT_TRUE(left);
  EXPECT_EQ(run(context, agent::unless(end_soon(), give_never(left))), std::nullopt);
}

}  // namespace
}  // namespace zynclone::tests
