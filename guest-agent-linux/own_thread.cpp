#include "guest-agent-linux/own_thread.hpp"

#include <mutex>
#include <system_error>
#include <thread>

#include "protocol/channel/wake_up.hpp"

namespace zynclone::agent {
namespace {

struct Shared {
  std::mutex mutex;  // of the next two
  bool is_done = false;
  bool is_abandoned = false;
  // On the executor's thread:
  std::optional<Result<void>> outcome;
  channel::WakeUp arrived;

  // False: it is done, and the outcome on its way.
  bool abandon() {
    const std::lock_guard lock(mutex);
    is_abandoned = !is_done;
    return is_abandoned;
  }
  // False: nobody waits for it.
  bool finish() {
    const std::lock_guard lock(mutex);
    is_done = true;
    return !is_abandoned;
  }
};

Result<void> start_thread(const std::shared_ptr<Shared>& shared, asio::any_io_executor executor, OwnThreadWork call) {
  try {
    std::thread([shared, executor, call = std::move(call), guard = asio::make_work_guard(executor)]() mutable {
      Result<void> result = call.work();
      if (!shared->finish() && result && call.undo_if_late) call.undo_if_late();
      asio::post(executor, [shared = std::move(shared), result = std::move(result), ended = std::move(call.ended), guard = std::move(guard)] {
        if (ended) ended();
        shared->outcome = result;
        shared->arrived.wake();
      });
    }).detach();
  } catch (const std::system_error& error) {
    return fail(Errc::system, std::string("cannot start a thread: ") + error.what());
  }
  return outcome::success();
}

}  // namespace

asio::awaitable<Result<void>> run_on_own_thread(OwnThreadWork call, Deadline limit, std::string what) {
  const auto end = std::chrono::steady_clock::now() + limit;
  const auto shared = std::make_shared<Shared>();
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  const std::function<void()> ended = call.ended;
  if (auto started = start_thread(shared, executor, std::move(call)); !started) {
    if (ended) ended();
    co_return started;
  }
  // Also when this coroutine is cancelled.
  struct Abandon {
    Shared& shared;
    ~Abandon() { (void)shared.abandon(); }
  } const abandon{*shared};
  while (!shared->outcome) {
    const bool woken = co_await shared->arrived.wait_until(end);
    if (!woken && shared->abandon()) co_return took_too_long(what, limit);
  }
  co_return *shared->outcome;
}

}  // namespace zynclone::agent
