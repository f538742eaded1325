#include "system/async.hpp"

#include <boost/asio/co_spawn.hpp>

#include "system/log.hpp"

namespace zynclone {

Error took_too_long(std::string_view what, Deadline limit) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(limit).count();
  return Error{Errc::timed_out, std::string(what) + " took longer than " + std::to_string(milliseconds) + " ms"};
}

asio::awaitable<void> sleep_for(Deadline time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
}

void spawn(asio::any_io_executor executor, std::string name, asio::awaitable<void> task) {
  asio::co_spawn(executor, std::move(task), [name = std::move(name)](std::exception_ptr exception) {
    if (!exception) return;
    try {
      std::rethrow_exception(exception);
    } catch (const boost::system::system_error& error) {
      // The usual end of a task whose owner went away.
      if (error.code() != asio::error::operation_aborted) log_error(name + " ended: " + error.what());
    } catch (const std::exception& error) {
      log_error(name + " ended: " + error.what());
    } catch (...) {
      log_error(name + " ended by an exception of unknown type");
    }
  });
}

}  // namespace zynclone
