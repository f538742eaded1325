#pragma once
// The first of two coroutines to end. Asio's own `a || b` does it, at ten kilobytes of code for each pair of types; all that the agent waits
// for goes through one pair.

#include <optional>

#include "system/async.hpp"

namespace zynclone::agent {

// Runs both until one has ended, then cancels the other and waits for its end.
asio::awaitable<void> either(asio::awaitable<void> one, asio::awaitable<void> other);

namespace detail {
template <class T>
asio::awaitable<void> keep(asio::awaitable<T> work, std::optional<T>& result) {
  T value = co_await std::move(work);
  result.emplace(std::move(value));
}
}  // namespace detail

// What `work` gives, or nullopt if `end` came first, which cancels the work.
template <class T>
asio::awaitable<std::optional<T>> unless(asio::awaitable<void> end, asio::awaitable<T> work) {
  std::optional<T> result;
  co_await either(detail::keep(std::move(work), result), std::move(end));
  co_return result;
}

}  // namespace zynclone::agent
