#pragma once
// What the commands share: one coroutine run to its end, and how an error is shown.

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdio>
#include <exception>
#include <optional>

#include "cli/exit_code.hpp"
#include "host-broker/sandbox/control_client.hpp"
#include "host-broker/sandbox/layout.hpp"
#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::sandbox {

// Gives the exit status of such an error, which is the same in all command lines of ZynClone.
inline int show(const Error& error) {
  const std::string place = error.place.empty() ? "" : printable(error.place) + ": ";
  std::fprintf(stderr, "zynclone-sandbox: %s%s\n", place.c_str(), printable(error.message).c_str());
  return static_cast<int>(cli::exit_code_of(error.code));
}

template <class T>
Result<T> run_to_end(asio::awaitable<Result<T>> task) {
  asio::io_context context(1);
  std::optional<Result<T>> result;
  asio::co_spawn(
      context,
      [](asio::awaitable<Result<T>> inner, std::optional<Result<T>>& into) -> asio::awaitable<void> {
        into.emplace(co_await std::move(inner));
      }(std::move(task), result),
      [](std::exception_ptr failure) {
        if (failure) std::rethrow_exception(failure);
      });
  while (!result && context.run_one() != 0) continue;
  if (!result) return fail(Errc::internal, "cannot go on: nothing is left to be waited for");
  return std::move(*result);
}

// One request to the sandbox in `folder`.
inline Result<ControlMessage> ask(const std::string& folder, ControlMessage request, Deadline limit = std::chrono::seconds(60)) {
  TRY(const auto layout, Layout::of(folder));
  return run_to_end(ask_control(layout.control_socket(), std::move(request), limit));
}

}  // namespace zynclone::sandbox
