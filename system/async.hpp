#pragma once
// Asio in this project: names, deadlines, and the way to a blocking call. One io_context and one thread a process; blocking
// work runs in a named pool and comes back to the awaiting coroutine's executor.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

#include "protocol/result.hpp"

namespace zynclone {

namespace asio = boost::asio;

using Deadline = std::chrono::steady_clock::duration;

// Runs `work`, which must be cancellable (I/O or timers), for at most `limit`; then cancels it and gives Errc::timed_out with
// `what` in the message. Boost 1.81 has no cancel_after.
template <class T>
asio::awaitable<Result<T>> with_timeout(asio::awaitable<Result<T>> work, Deadline limit, std::string what) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  auto finished = co_await (std::move(work) || timer.async_wait(asio::use_awaitable));
  if (finished.index() == 0) co_return std::get<0>(std::move(finished));
  co_return fail(Errc::timed_out, what + " took longer than " +
                                      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()) + " ms");
}

// Runs the blocking `function` in `pool`; its value (or exception) arrives on the awaiting coroutine's own executor.
template <class Function>
asio::awaitable<std::invoke_result_t<Function>> run_blocking(asio::thread_pool& pool, Function function) {
  using Value = std::invoke_result_t<Function>;
  auto back = co_await asio::this_coro::executor;
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(std::exception_ptr, Value)>(
      [&pool, back](auto handler, Function work) {
        asio::post(pool, [handler = std::move(handler), work = std::move(work), back,
                          guard = asio::make_work_guard(back)]() mutable {
          Value value = work();
          asio::post(back, [handler = std::move(handler), value = std::move(value)]() mutable {
            std::move(handler)(std::exception_ptr(), std::move(value));
          });
        });
      },
      asio::use_awaitable, std::move(function));
}

// Waits; an event to wait for is better wherever there is one.
asio::awaitable<void> sleep_for(Deadline time);

// Starts a task that nobody awaits. An exception that reaches its top is logged with `name` and ends the task alone.
void spawn(asio::any_io_executor executor, std::string name, asio::awaitable<void> task);

}  // namespace zynclone
