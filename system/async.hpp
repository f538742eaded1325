#pragma once
// Asio in this project: names, deadlines, and the way to a blocking call. One io_context and one thread a process; blocking
// work runs in a named pool and comes back to the awaiting coroutine's executor. A pool must be joined before the io_context that
// its answers go to is destroyed: declare the io_context first.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "protocol/result.hpp"

namespace zynclone {

namespace asio = boost::asio;

// For what ends with an error code as its first result, and does not throw it.
inline constexpr auto k_as_tuple = asio::as_tuple(asio::use_awaitable);

using Deadline = std::chrono::steady_clock::duration;

// "<what> took longer than <n> ms", Errc::timed_out.
Error took_too_long(std::string_view what, Deadline limit);

// Runs `work`, which must be cancellable (I/O or timers), for at most `limit`; then cancels it and gives Errc::timed_out with
// `what` in the message. Boost 1.81 has no cancel_after.
template <class T>
asio::awaitable<Result<T>> with_timeout(asio::awaitable<Result<T>> work, Deadline limit, std::string what) {
  using namespace asio::experimental::awaitable_operators;
  asio::steady_timer timer(co_await asio::this_coro::executor, limit);
  auto finished = co_await (std::move(work) || timer.async_wait(asio::use_awaitable));
  if (finished.index() == 0) co_return std::get<0>(std::move(finished));
  co_return took_too_long(what, limit);
}

namespace detail {

// What comes back from the pool: a value or the exception that left the function.
template <class Value>
struct Outcome {
  std::optional<Value> value;
  std::exception_ptr exception;
};

template <class Function>
Outcome<std::invoke_result_t<Function&>> outcome_of(Function& function) {
  try {
    return {function(), nullptr};
  } catch (...) {
    return {std::nullopt, std::current_exception()};
  }
}

}  // namespace detail

// Runs the blocking `function`, which must give a value, in `pool`; its value (or exception) arrives on the awaiting coroutine's
// own executor. Cannot be cancelled: the coroutine waits for the function's end. See run_blocking_within.
template <class Function>
asio::awaitable<std::invoke_result_t<Function&>> run_blocking(asio::thread_pool& pool, Function function) {
  using Value = std::invoke_result_t<Function&>;
  using Outcome = detail::Outcome<Value>;
  asio::any_io_executor back = co_await asio::this_coro::executor;
  auto start = [&pool, back](auto handler, Function work) {
    // The guard keeps the awaiting coroutine's io_context running until the answer is there, and is let go on its own thread.
    asio::post(pool, [handler = std::move(handler), work = std::move(work), back,
                      guard = asio::make_work_guard(back)]() mutable {
      Outcome outcome = detail::outcome_of(work);
      asio::post(back, [handler = std::move(handler), outcome = std::move(outcome), guard = std::move(guard)]() mutable {
        std::move(handler)(std::move(outcome));
      });
    });
  };
  Outcome outcome = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Outcome)>(
      std::move(start), asio::use_awaitable, std::move(function));
  if (outcome.exception) std::rethrow_exception(outcome.exception);
  co_return std::move(*outcome.value);
}

// The same for a function that may hang, with a deadline: afterwards (or when cancelled) the coroutine goes on with Errc::timed_out
// (Errc::cancelled) while the pool's thread is still held, and what the function gives is dropped. It must own all that it uses.
template <class Function>
asio::awaitable<std::invoke_result_t<Function&>> run_blocking_within(asio::thread_pool& pool, Function function, Deadline limit,
                                                                     std::string what) {
  using Value = std::invoke_result_t<Function&>;
  struct Shared {
    explicit Shared(asio::any_io_executor executor) : arrived(executor) {}
    asio::steady_timer arrived;  // cancelled when the outcome is there
    detail::Outcome<Value> outcome;
  };
  asio::any_io_executor back = co_await asio::this_coro::executor;
  auto shared = std::make_shared<Shared>(back);
  shared->arrived.expires_after(limit);
  asio::post(pool, [weak = std::weak_ptr<Shared>(shared), function = std::move(function), back]() mutable {
    auto outcome = detail::outcome_of(function);
    asio::post(back, [weak = std::move(weak), outcome = std::move(outcome)]() mutable {
      if (auto waiting = weak.lock()) {
        waiting->outcome = std::move(outcome);
        waiting->arrived.cancel();
      }
    });
  });
  boost::system::error_code ignored;
  co_await shared->arrived.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  if (shared->outcome.exception) std::rethrow_exception(shared->outcome.exception);
  if (shared->outcome.value) co_return std::move(*shared->outcome.value);
  if (ignored) co_return fail(Errc::cancelled, what + " was cancelled");
  co_return took_too_long(what, limit);
}

// Waits; an event to wait for is better wherever there is one.
asio::awaitable<void> sleep_for(Deadline time);

// Starts a task that nobody awaits. An exception that reaches its top is logged with `name` and ends the task alone.
void spawn(asio::any_io_executor executor, std::string name, asio::awaitable<void> task);

}  // namespace zynclone
