#pragma once
// Runs coroutines of a test: on an io_context of the test, with a limit so that a mistake fails instead of hanging, or (run_on) without one, for
// what takes the time that a real host takes. An exception that leaves a coroutine leaves the function that runs it.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>

#include "system/async.hpp"

namespace zynclone::tests {

inline constexpr std::chrono::seconds k_test_limit{20};

namespace detail {
template <class T, class Function>
asio::awaitable<void> then(asio::awaitable<T> work, Function function) {
  function(co_await std::move(work));
}
inline asio::awaitable<bool> done(asio::awaitable<void> work) {
  co_await std::move(work);
  co_return true;
}
}  // namespace detail

// Starts a coroutine; `function` gets what it gives.
template <class T, class Function>
void start(asio::io_context& context, asio::awaitable<T> work, Function function) {
  asio::co_spawn(context, detail::then(std::move(work), std::move(function)), [](std::exception_ptr exception) {
    if (exception) std::rethrow_exception(exception);
  });
}

// Runs the context until the condition holds; false when it does not in time.
inline bool run_until(asio::io_context& context, const std::function<bool()>& condition) {
  const auto limit = std::chrono::steady_clock::now() + k_test_limit;
  context.restart();
  while (!condition() && context.run_one_until(limit) > 0) {
  }
  return condition();
}

template <class T>
T run(asio::io_context& context, asio::awaitable<T> work) {
  auto value = std::make_shared<std::optional<T>>();
  start(context, std::move(work), [value](T result) { value->emplace(std::move(result)); });
  if (!run_until(context, [&] { return value->has_value(); })) throw std::runtime_error("the coroutine did not end");
  return std::move(**value);
}

inline void run(asio::io_context& context, asio::awaitable<void> work) { run(context, detail::done(std::move(work))); }

// Without a limit. For work that uses a thread pool: `context` must outlive the pool. Runs what else was started on `context` meanwhile.
template <class T>
T run_on(asio::io_context& context, asio::awaitable<T> work) {
  auto value = std::make_shared<std::optional<T>>();
  start(context, std::move(work), [value](T result) { value->emplace(std::move(result)); });
  context.restart();
  while (!value->has_value() && context.run_one() != 0) {
  }
  return std::move(value->value());
}

template <class T>
T run(asio::awaitable<T> work) {
  asio::io_context context(1);
  return run_on(context, std::move(work));
}

// Lets everything run that can run without waiting.
inline void settle(asio::io_context& context) {
  context.restart();
  while (context.poll() > 0) context.restart();
}

}  // namespace zynclone::tests
