#include "guest-agent-core/volume_changes.hpp"

#include "guest-agent-core/either.hpp"
#include "system/log.hpp"

namespace zynclone::agent {

// What the broker asked for.
struct VolumeChanges::Order {
  VolumeChange change = VolumeChange::release;
  VolumeName volume;
  std::string device;
  std::string filesystem;  // of acquire
  std::uint64_t token = 0;
  bool operator==(const Order&) const = default;

  std::string cannot() const { return "cannot " + std::string(to_string(change)) + " volume '" + volume.text() + "'"; }
  VolumeRecord record() const { return VolumeRecord{.token = token, .change = change, .device = device}; }
};

// A change that runs, and those who wait for it.
struct VolumeChanges::Work {
  Order order;
  std::optional<Error> dropped;
  std::optional<Outcome> outcome;
};

namespace {

// "<message>, and <what else went wrong>"
void add(Error& error, const std::string& more) { error.message += ", and " + more; }

}  // namespace

VolumeChanges::VolumeChanges(asio::any_io_executor executor, Hooks& hooks, VolumeMounter& mounter, VolumeStore& store,
                             const Quiescer& quiescer, MountPoints mount_points, VolumeLimits limits)
    : executor_(executor),
      hooks_(hooks),
      mounter_(mounter),
      store_(store),
      quiescer_(quiescer),
      mount_points_(std::move(mount_points)),
      limits_(limits) {}

asio::awaitable<Result<protocol::ReleaseReport>> VolumeChanges::release(protocol::GuestReleaseVolume call) {
  Order order{VolumeChange::release, std::move(call.volume), std::move(call.device), {}, call.token};
  CO_TRY(const VolumeRecord done, co_await change(std::move(order)));
  protocol::ReleaseReport report;
  report.hooks = done.hooks;
  report.was_mounted = done.was_mounted;
  co_return report;
}

asio::awaitable<Result<protocol::AcquireReport>> VolumeChanges::acquire(protocol::GuestAcquireVolume call) {
  Order order{VolumeChange::acquire, std::move(call.volume), std::move(call.device), std::move(call.filesystem), call.token};
  const std::string mount_point = place_of(order).mount_point;
  CO_TRY(const VolumeRecord done, co_await change(std::move(order)));
  protocol::AcquireReport report;
  report.hooks = done.hooks;
  report.mount_point = mount_point;
  co_return report;
}

asio::awaitable<VolumeChanges::Outcome> VolumeChanges::change(Order order) {
  if (auto fine = check(order); !fine) co_return with_context(fine.error(), order.cannot());
  std::shared_ptr<Work> work = works_[order.volume];
  if (!work) {
    work = std::make_shared<Work>();
    work->order = std::move(order);
    works_[work->order.volume] = work;
    spawn(executor_, "changing a volume", run(work));
  }
  while (!work->outcome) co_await changed_.wait();
  co_return *work->outcome;
}

Result<void> VolumeChanges::check(const Order& order) const {
  TRY(parse_checked_name(order.device, "device", 63));
  // None: whatever mounts it must find out by itself, or say that it cannot.
  if (order.change == VolumeChange::acquire && mount_points_.contains(order.volume) && !order.filesystem.empty()) {
    TRY(parse_checked_name(order.filesystem, "file system", 63));
  }
  if (const auto token = quiescer_.held_for()) return fail(Errc::busy, "this guest is quiesced for '" + token->text() + "'");
  const auto running = works_.find(order.volume);
  if (running == works_.end() || running->second->order == order) return outcome::success();
  const Order& other = running->second->order;
  return fail(Errc::busy, "the " + std::string(to_string(other.change)) + " for lease " + std::to_string(other.token) + " has not ended");
}

asio::awaitable<void> VolumeChanges::run(std::shared_ptr<Work> work) {
  // Whoever waits is answered, whatever happens.
  struct End {
    VolumeChanges& changes;
    Work& work;
    ~End() {
      if (!work.outcome) work.outcome = fail(Errc::internal, work.order.cannot() + ": an internal error");
      changes.works_.erase(work.order.volume);
      changes.changed_.wake();
    }
  } const end{*this, *work};
  std::optional<Outcome> finished = co_await unless(until_dropped(work), carry_out(work->order));
  if (!finished) {
    work->outcome = fail(work->dropped->code, work->order.cannot() + ": " + work->dropped->message);
  } else if (*finished) {
    work->outcome = std::move(*finished);
  } else {
    const Error error = with_context(finished->error(), work->order.cannot());
    log_warning(error.message);
    work->outcome = error;
  }
}

asio::awaitable<void> VolumeChanges::until_dropped(std::shared_ptr<Work> work) {
  while (!work->dropped) co_await changed_.wait();
}

void VolumeChanges::drop(Error why) {
  for (const auto& [volume, work] : works_) work->dropped = why;
  changed_.wake();
}

void VolumeChanges::forget() {
  if (auto cleared = store_.clear(); !cleared) log_error(cleared.error().message);
}

std::optional<std::string> VolumeChanges::in_work() const {
  if (works_.empty()) return std::nullopt;
  const Order& order = works_.begin()->second->order;
  return "volume '" + order.volume.text() + "' is being " + std::string(to_string(order.change)) + "d";
}

asio::awaitable<VolumeChanges::Outcome> VolumeChanges::carry_out(Order order) {
  const std::optional<VolumeRecord> last = recorded(order.volume);
  if (last && order.token < last->token) {
    co_return fail(Errc::conflict, "lease " + std::to_string(order.token) + " is over: this guest was told of " + std::to_string(last->token));
  }
  const bool is_acquire = order.change == VolumeChange::acquire;
  const VolumePlace place = place_of(order);
  const bool is_repeated = last && last->is_done && last->change == order.change && last->token == order.token && last->device == order.device;
  if (is_repeated && place.mount_point.empty()) co_return *last;
  if (is_repeated) {
    CO_TRY(const bool is_mounted, co_await mounter_.is_mounted(place));
    if (is_mounted == is_acquire) co_return *last;
  }
  if (is_acquire) co_return co_await take(std::move(order));
  co_return co_await give_up(std::move(order));
}

asio::awaitable<VolumeChanges::Outcome> VolumeChanges::give_up(Order order) {
  const VolumePlace place = place_of(order);
  VolumeRecord done = order.record();
  if (!place.mount_point.empty()) {
    CO_TRY(done.was_mounted, co_await mounter_.is_mounted(place));
  }
  // Not for one that lies unmounted: what its hooks start would write to the folder below the mount point.
  const bool is_used = done.was_mounted || place.mount_point.empty();
  const HookReport ran = co_await run_hooks(HookEvent::release_volume, order);
  done.hooks = static_cast<unsigned>(ran.results.size());
  std::optional<Error> failure;
  if (const HookResult* failed = ran.first_failure()) {
    failure = failed->error;
  } else {
    const Result<void> unmounted = co_await mounter_.unmount(place);
    if (!unmounted) failure = unmounted.error();
  }
  if (failure && is_used) {
    Error error = co_await use_again(std::move(order), *failure);
    co_return error;
  }
  if (failure) co_return *failure;
  done.is_done = true;
  // It is done, whatever becomes of the record: without it a repeated call does nothing twice, but answers that it was not mounted.
  if (auto saved = store_.save(order.volume, done); !saved) log_error(saved.error().message);
  co_return done;
}

asio::awaitable<Error> VolumeChanges::use_again(Order order, Error why) {
  const HookReport ran = co_await run_hooks(HookEvent::acquire_volume, std::move(order));
  if (const HookResult* failed = ran.first_failure()) add(why, "what uses it is not brought back: " + failed->error->message);
  co_return why;
}

asio::awaitable<VolumeChanges::Outcome> VolumeChanges::take(Order order) {
  const VolumePlace place = place_of(order);
  VolumeRecord done = order.record();
  // Before anything else, so that an agent that is started anew refuses the older lease as well.
  CO_TRY(store_.save(order.volume, done));
  CO_TRY(co_await mounter_.wait_for_device(order.device, limits_.device));
  if (!place.mount_point.empty()) {
    CO_TRY(const bool is_mounted, co_await mounter_.is_mounted(place));
    if (!is_mounted) {
      CO_TRY(co_await mounter_.mount(place, order.filesystem));
    }
  }
  const HookReport ran = co_await run_hooks(HookEvent::acquire_volume, order);
  done.hooks = static_cast<unsigned>(ran.results.size());
  done.is_done = true;
  std::optional<Error> failure;
  if (const HookResult* failed = ran.first_failure()) {
    failure = failed->error;
  } else if (auto saved = store_.save(order.volume, done); !saved) {
    log_error(saved.error().message);
  }
  if (failure) {
    Error error = co_await put_down(std::move(order), *failure);
    co_return error;
  }
  co_return done;
}

// What the hooks before the one that failed have started may use it.
asio::awaitable<Error> VolumeChanges::put_down(Order order, Error why) {
  const VolumePlace place = place_of(order);
  const HookReport ran = co_await run_hooks(HookEvent::release_volume, std::move(order));
  if (const HookResult* failed = ran.first_failure()) add(why, failed->error->message);
  const Result<void> unmounted = co_await mounter_.unmount(place);
  if (!unmounted) add(why, "it is still in use here: " + unmounted.error().message);
  co_return why;
}

asio::awaitable<HookReport> VolumeChanges::run_hooks(HookEvent event, Order order) {
  HookEnvironment environment{{"ZYNCLONE_VOLUME", order.volume.text()},
                              {"ZYNCLONE_DEVICE", mounter_.path_of(order.device)},
                              {"ZYNCLONE_MOUNT", place_of(order).mount_point},
                              {"ZYNCLONE_TOKEN", std::to_string(order.token)}};
  HookReport ran = co_await hooks_.run(event, std::move(environment));
  co_return ran;
}

std::optional<VolumeRecord> VolumeChanges::recorded(const VolumeName& volume) {
  auto record = store_.load(volume);
  if (record) return record.value();
  // Then what is mounted has to do.
  log_warning(record.error().message);
  return std::nullopt;
}

VolumePlace VolumeChanges::place_of(const Order& order) const {
  const auto mount_point = mount_points_.find(order.volume);
  return VolumePlace{order.volume, order.device, mount_point == mount_points_.end() ? std::string() : mount_point->second};
}

}  // namespace zynclone::agent
