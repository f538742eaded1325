#include "system/async.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone {
namespace {

using std::chrono::milliseconds;

asio::awaitable<Result<int>> number_after(Deadline time, int number) {
  co_await sleep_for(time);
  co_return number;
}

TEST(WithTimeout, GivesTheValueInTime) {
  auto result = tests::run(with_timeout(number_after(milliseconds(1), 7), std::chrono::seconds(20), "counting"));
  ASSERT_OK(result);
  EXPECT_EQ(result.value(), 7);
}

TEST(WithTimeout, EndsWhatTakesTooLong) {
  auto result = tests::run(with_timeout(number_after(std::chrono::hours(1), 7), milliseconds(20), "counting"));
  ASSERT_FAILS(result, Errc::timed_out);
  EXPECT_EQ(result.error().message, "counting took longer than 20 ms");
}

asio::awaitable<Result<void>> refuse() { co_return fail(Errc::refused, "no"); }

TEST(WithTimeout, PassesTheErrorOn) { EXPECT_FAILS(tests::run(with_timeout(refuse(), milliseconds(1000), "asking")), Errc::refused); }

asio::awaitable<bool> work_is_elsewhere(asio::thread_pool& pool) {
  const auto here = std::this_thread::get_id();
  auto there = co_await run_blocking(pool, [] { return std::this_thread::get_id(); });
  co_return there != here && std::this_thread::get_id() == here;
}

// The context outlives the pool, whose threads post to it.
class RunBlocking : public testing::Test {
 protected:
  asio::io_context context_{1};
  asio::thread_pool pool_{1};
};
using RunBlockingWithin = RunBlocking;

TEST_F(RunBlocking, RunsInThePoolAndComesBack) { EXPECT_TRUE(tests::run_on(context_, work_is_elsewhere(pool_))); }

TEST_F(RunBlocking, TakesAndGivesWhatCanOnlyBeMoved) {
  auto box = std::make_unique<int>(5);
  auto work = [box = std::move(box)]() mutable -> Result<std::unique_ptr<int>> { return std::move(box); };
  auto result = tests::run_on(context_, run_blocking(pool_, std::move(work)));
  ASSERT_OK(result);
  EXPECT_EQ(*result.value(), 5);
}

TEST_F(RunBlocking, ExceptionArrivesWhereItIsAwaited) {
  auto work = []() -> int { throw std::runtime_error("broken"); };
  EXPECT_THROW(tests::run_on(context_, run_blocking(pool_, work)), std::runtime_error);
}

TEST_F(RunBlockingWithin, GivesTheValueInTime) {
  auto work = []() -> Result<int> { return 3; };
  auto result = tests::run_on(context_, run_blocking_within(pool_, work, std::chrono::seconds(20), "reading"));
  ASSERT_OK(result);
  EXPECT_EQ(result.value(), 3);
}

TEST_F(RunBlockingWithin, GoesOnWithoutAFunctionThatHangs) {
  std::promise<void> release;
  auto work = [waiting = release.get_future().share()]() -> Result<int> {
    waiting.wait();
    return 3;
  };
  auto result = tests::run_on(context_, run_blocking_within(pool_, work, milliseconds(20), "reading"));
  release.set_value();
  ASSERT_FAILS(result, Errc::timed_out);
  EXPECT_EQ(result.error().message, "reading took longer than 20 ms");
  pool_.join();
  context_.restart();
  context_.poll();  // what came too late finds nobody
}

TEST_F(RunBlockingWithin, ExceptionArrivesWhereItIsAwaited) {
  auto work = []() -> Result<int> { throw std::runtime_error("broken"); };
  EXPECT_THROW(tests::run_on(context_, run_blocking_within(pool_, work, std::chrono::seconds(20), "reading")), std::runtime_error);
}

asio::awaitable<void> throw_something() {
  throw std::runtime_error("a \x1b[31mreason");
  co_return;
}

TEST(Spawn, ExceptionEndsTheTaskAloneAndIsLogged) {
  asio::io_context context(1);
  bool other_ran = false;
  spawn(context.get_executor(), "the watcher", throw_something());
  asio::post(context, [&] { other_ran = true; });
  testing::internal::CaptureStderr();
  context.run();
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, testing::HasSubstr("the watcher ended: a \\x1b[31mreason"));
  EXPECT_TRUE(other_ran);
}

asio::awaitable<void> wait_for_ever() {
  asio::steady_timer never(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());
  never.cancel();
  throw boost::system::system_error(asio::error::operation_aborted);
}

TEST(Spawn, TheUsualEndIsNotLogged) {
  asio::io_context context(1);
  spawn(context.get_executor(), "the watcher", wait_for_ever());
  testing::internal::CaptureStderr();
  context.run();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

}  // namespace
}  // namespace zynclone
