#include "guest-agent-core/either.hpp"

#include <gtest/gtest.h>

#include "tests/protocol/channel/run.hpp"

namespace zynclone::tests {
namespace {

using namespace std::chrono_literals;

// Says when its frame is destroyed, which a cancellation does.
struct Leaves {
  bool& left;
  ~Leaves() { left = true; }
};

asio::awaitable<void> wait_long(bool& left) {
  const Leaves leaves{left};
  co_await sleep_for(1h);
}

asio::awaitable<int> give(Deadline after, int value) {
  co_await sleep_for(after);
  co_return value;
}

TEST(Either, TheFirstEndCancelsTheOther) {
  asio::io_context context;
  bool left = false;
  run(context, agent::either(sleep_for(1ms), wait_long(left)));
  EXPECT_TRUE(left);
  left = false;
  run(context, agent::either(wait_long(left), sleep_for(1ms)));
  EXPECT_TRUE(left);
}

TEST(Unless, GivesWhatCameInTime) {
  asio::io_context context;
  bool left = false;
  EXPECT_EQ(run(context, agent::unless(wait_long(left), give(1ms, 7))), 7);
  EXPECT_TRUE(left);
  EXPECT_EQ(run(context, agent::unless(sleep_for(1ms), give(1h, 7))), std::nullopt);
}

}  // namespace
}  // namespace zynclone::tests
