#pragma once
// Runs one coroutine on an io_context of its own until it has ended, and gives its value. For tests.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <exception>
#include <optional>

#include "system/async.hpp"

namespace zynclone::tests {

// For work that uses a thread pool: `context` must outlive the pool. Runs what else was started on `context` meanwhile. An
// exception that leaves the coroutine leaves this function.
template <class T>
T run_on(asio::io_context& context, asio::awaitable<T> work) {
  std::optional<T> value;
  std::exception_ptr exception;
  bool finished = false;
  asio::co_spawn(
      context,
      [](asio::awaitable<T> inner, std::optional<T>& into) -> asio::awaitable<void> {
        into.emplace(co_await std::move(inner));
      }(std::move(work), value),
      [&](std::exception_ptr thrown) {
        exception = thrown;
        finished = true;
      });
  context.restart();
  while (!finished && context.run_one() != 0) {
  }
  if (exception) std::rethrow_exception(exception);
  return std::move(value.value());
}

template <class T>
T run(asio::awaitable<T> work) {
  asio::io_context context(1);
  return run_on(context, std::move(work));
}

}  // namespace zynclone::tests
