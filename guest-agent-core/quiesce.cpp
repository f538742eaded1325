#include "guest-agent-core/quiesce.hpp"

#include "guest-agent-core/either.hpp"
#include "system/log.hpp"

namespace zynclone::agent {
namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned k_thaw_attempts_before_hooks = 3;

}  // namespace

// From quiesce to thaw.
struct Quiescer::Cycle {
  OperationId token;
  std::chrono::milliseconds hold{0};
  std::optional<Result<protocol::QuiesceReport>> outcome;  // set when at rest, or when that failed
  std::vector<std::string> mounts;                         // that may be frozen
  bool thaw_asked = false;                                 // by the broker, or by release()
  bool thaw_asked_in_time = false;                         // by the broker, while all was at rest
  bool ended = false;
  protocol::ThawReport report;

  HookEnvironment environment() const {
    return {{"ZYNCLONE_TOKEN", token.text()}, {"ZYNCLONE_HOLD_MS", std::to_string(hold.count())}};
  }
};

Quiescer::Quiescer(asio::any_io_executor executor, Hooks& hooks, Freezer& freezer, QuiesceStore& store, QuiesceLimits limits)
    : executor_(executor), hooks_(hooks), freezer_(freezer), store_(store), limits_(limits) {}

Result<void> Quiescer::check(const protocol::GuestQuiesce& call) const {
  const auto longest = static_cast<std::uint64_t>(limits_.longest_hold.count());
  if (call.hold_ms == 0 || call.hold_ms > longest) {
    return fail(Errc::invalid_argument,
                "cannot quiesce for '" + std::to_string(call.hold_ms) + "' ms: allowed is 1 to " + std::to_string(longest),
                "/params/hold_ms");
  }
  if (cycle_ && cycle_->token != call.token) {
    return fail(Errc::busy, "cannot quiesce for '" + call.token.text() + "': quiesced for '" + cycle_->token.text() + "'");
  }
  return outcome::success();
}

asio::awaitable<Result<protocol::QuiesceReport>> Quiescer::quiesce(protocol::GuestQuiesce call) {
  CO_TRY(check(call));
  if (!cycle_) {
    cycle_ = std::make_shared<Cycle>();
    cycle_->token = call.token;
    cycle_->hold = std::chrono::milliseconds(call.hold_ms);
    spawn(executor_, "quiesce", run(cycle_));
  }
  const std::shared_ptr<Cycle> cycle = cycle_;
  while (!cycle->outcome) co_await changed_.wait();
  // An error is answered when all is as before, so that the broker need not ask for a thaw.
  if (!*cycle->outcome) {
    while (!cycle->ended) co_await changed_.wait();
  }
  co_return *cycle->outcome;
}

asio::awaitable<Result<protocol::ThawReport>> Quiescer::thaw(protocol::GuestThaw call) {
  if (!cycle_) {
    if (last_ && last_->token == call.token) co_return last_->report;
    co_return protocol::ThawReport{};
  }
  const std::shared_ptr<Cycle> cycle = cycle_;
  if (cycle->token != call.token) {
    co_return fail(Errc::conflict,
                   "cannot thaw for '" + call.token.text() + "': quiesced for '" + cycle->token.text() + "'");
  }
  if (!cycle->thaw_asked && cycle->outcome && *cycle->outcome) cycle->thaw_asked_in_time = true;
  cycle->thaw_asked = true;
  changed_.wake();
  while (!cycle->ended) co_await changed_.wait();
  co_return cycle->report;
}

void Quiescer::release(std::string why) {
  if (!cycle_ || cycle_->thaw_asked) return;
  log_warning("thawing before the broker asked for it (" + cycle_->token.text() + "): " + why);
  cycle_->thaw_asked = true;
  changed_.wake();
}

void Quiescer::recover() {
  auto loaded = store_.load();
  if (loaded && !loaded.value()) return;
  cycle_ = std::make_shared<Cycle>();
  if (loaded) {
    cycle_->token = loaded.value()->token;
    cycle_->mounts = loaded.value()->mounts;
    log_warning("an earlier agent ended while it held the guest at rest for " + cycle_->token.text() + ": thawing");
  } else {
    // What it said is lost, so everything that could be frozen is thawed; what is not frozen is left alone by that.
    cycle_->mounts = freezer_.mounts();
    log_error(loaded.error().message + ": thawing everything");
  }
  cycle_->thaw_asked = true;
  cycle_->outcome = fail(Errc::cancelled, "cannot quiesce: the agent was restarted");
  spawn(executor_, "thaw", run(cycle_));
}

asio::awaitable<void> Quiescer::wait_idle() {
  while (cycle_) co_await changed_.wait();
}

std::optional<OperationId> Quiescer::held_for() const {
  if (!cycle_) return std::nullopt;
  return cycle_->token;
}

asio::awaitable<void> Quiescer::run(std::shared_ptr<Cycle> cycle) {
  if (!cycle->thaw_asked) co_await bring_to_rest(cycle);
  if (*cycle->outcome) co_await hold(cycle);
  co_await let_go(cycle);
  cycle->ended = true;
  last_ = cycle;
  cycle_.reset();
  changed_.wake();
}

asio::awaitable<void> Quiescer::bring_to_rest(std::shared_ptr<Cycle> cycle) {
  std::optional<Result<protocol::QuiesceReport>> finished = co_await unless(until_asked_to_thaw(cycle), rest(cycle));
  cycle->outcome = std::move(finished);
  if (!cycle->outcome) {
    cycle->outcome = fail(Errc::cancelled, "cannot quiesce for '" + cycle->token.text() + "': a thaw was asked for meanwhile");
  }
  changed_.wake();
}

asio::awaitable<Result<protocol::QuiesceReport>> Quiescer::rest(std::shared_ptr<Cycle> cycle) {
  const Clock::time_point begin = Clock::now();
  QuiesceRecord record{cycle->token, {}};
  CO_TRY(store_.save(record));
  HookReport ran = co_await hooks_.run(HookEvent::quiesce, cycle->environment());
  if (const HookResult* failure = ran.first_failure()) co_return *failure->error;

  // On record before the first of them is frozen: from then on an agent that starts anew thaws them.
  record.mounts = freezer_.mounts();
  CO_TRY(store_.save(record));
  cycle->mounts = record.mounts;
  if (!record.mounts.empty()) {
    auto frozen = co_await freezer_.freeze(limits_.freeze, limits_.freeze + cycle->hold + limits_.beyond_hold);
    if (!frozen) {
      if (frozen.error().code != Errc::timed_out) cycle->mounts.clear();  // one that somebody else froze stays frozen
      co_return frozen.error();
    }
  }
  protocol::QuiesceReport report;
  report.hooks = static_cast<unsigned>(ran.results.size());
  report.frozen = record.mounts;
  report.duration_ms = static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - begin).count());
  co_return report;
}

asio::awaitable<void> Quiescer::hold(std::shared_ptr<Cycle> cycle) {
  co_await either(until_asked_to_thaw(cycle), sleep_for(cycle->hold));
  if (cycle->thaw_asked) co_return;
  cycle->thaw_asked = true;
  log_warning("thawing before the broker asked for it (" + cycle->token.text() + "): the time it gave, " +
              std::to_string(cycle->hold.count()) + " ms, is over");
}

asio::awaitable<void> Quiescer::until_asked_to_thaw(std::shared_ptr<Cycle> cycle) {
  while (!cycle->thaw_asked) co_await changed_.wait();
}

asio::awaitable<void> Quiescer::let_go(std::shared_ptr<Cycle> cycle) {
  ThawEnd mounts = co_await thaw_mounts(cycle, k_thaw_attempts_before_hooks);
  HookReport ran = co_await hooks_.run(HookEvent::thaw, cycle->environment());
  cycle->report.hooks = static_cast<unsigned>(ran.results.size());
  cycle->report.was_quiesced = cycle->thaw_asked_in_time;
  while (mounts != ThawEnd::done) {
    co_await sleep_for(limits_.thaw_retry);
    mounts = co_await thaw_mounts(cycle, 1);
  }
  if (auto cleared = store_.clear(); !cleared) log_error(cleared.error().message);
}

asio::awaitable<Quiescer::ThawEnd> Quiescer::thaw_mounts(std::shared_ptr<Cycle> cycle, unsigned attempts) {
  if (cycle->mounts.empty()) co_return ThawEnd::done;
  for (unsigned attempt = 0; attempt < attempts; ++attempt) {
    if (attempt > 0) co_await sleep_for(limits_.thaw_retry);
    Result<Thaw> thawed = co_await freezer_.thaw(cycle->mounts);
    if (thawed) {
      if (thawed.value() == Thaw::lost) cycle->thaw_asked_in_time = false;
      co_return ThawEnd::done;
    }
    log_error(thawed.error().message + ": trying again");
  }
  co_return ThawEnd::try_again;
}

}  // namespace zynclone::agent
