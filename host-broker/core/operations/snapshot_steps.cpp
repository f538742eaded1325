#include "host-broker/core/operations/snapshot_steps.hpp"

#include "host-broker/core/operations/member_step.hpp"
#include "system/duration.hpp"
#include "system/size.hpp"

namespace zynclone::broker {
namespace {

using protocol::Consistency;

// How long the agent holds still by itself; snapshots of a sane host take far less, and an application stands still meanwhile.
constexpr std::chrono::milliseconds k_hold{10'000};
constexpr std::chrono::seconds k_thaw_deadline{10};
constexpr std::chrono::milliseconds k_channel_pause{100};  // between looks whether the agent has its channel again

std::string count_text(std::size_t count, const std::string& what) {
  return std::to_string(count) + ' ' + what + (count == 1 ? "" : "s");
}

SnapshotRequest request_of(const ClonePlan& plan, const CloneDisk& disk) {
  return SnapshotRequest{.source = disk.source, .name = disk.snapshot_name, .use = plan.running ? SourceUse::in_use : SourceUse::idle};
}

std::vector<CloneDisk> copied_disks(const ClonePlan& plan) {
  std::vector<CloneDisk> copied;
  for (const CloneDisk& disk : plan.clone.disks) {
    if (!disk.snapshot_name.empty()) copied.push_back(disk);
  }
  return copied;
}

const std::string k_quiesce = "quiesce";
const std::string k_thaw = "thaw";

const StepRecord* find_step(const OperationRecord& record, const std::string& name) {
  for (const StepRecord& step : record.steps) {
    if (step.name == name) return &step;
  }
  return nullptr;
}

// Before this operation held it. After a restart it is the journal that knows.
bool was_paused(const Context& context, const ClonePlan& plan) {
  const StepRecord* quiesce = context.making == Making::taken_up ? find_step(context.record, k_quiesce) : nullptr;
  if (quiesce != nullptr && quiesce->state != protocol::StepState::pending) return quiesce->result == k_was_paused;
  return plan.running && plan.running->state == DomainState::paused;
}

enum class IfPaused { unpause, leave };

// Ends what quiesce began, from wherever it is asked. Gives whether the guest had held still until now. The family has its original's UUID.
asio::awaitable<bool> release(Context context, IfPaused if_paused) {
  const Uuid original = context.record.family;
  auto domain = co_await domain_of(context, original);
  if (if_paused == IfPaused::unpause && domain && domain.value() && domain.value()->state == DomainState::paused) {
    const DomainId id = domain.value()->id;
    (void)co_await context.ports.toolstack.unpause(id);
  }
  protocol::GuestThaw call;
  call.token = context.record.id;
  auto report = co_await context.ports.guests.thaw(original, call, k_thaw_deadline);
  co_return report && report.value().was_quiesced;
}

// For people, who do not know how it is called.
std::string why_not_quiesced(const Error& error) {
  constexpr std::string_view k_hook = "cannot run the quiesce hook '";
  const std::size_t end = error.message.find("': ", k_hook.size());
  if (!error.message.starts_with(k_hook) || end == std::string::npos) return error.message;
  return "hook " + error.message.substr(k_hook.size(), end - k_hook.size()) + " failed" + error.message.substr(end + 1);
}

class QuiesceStep : public Step {
 public:
  QuiesceStep(Context context, ClonePlan plan)
      : context_(std::move(context)), plan_(std::move(plan)), was_paused_(was_paused(context_, plan_)) {}

  std::string name() const override { return k_quiesce; }
  std::string plan() const override { return "quiesce " + context_.record.vm.text(); }
  std::string intent() const override { return was_paused_ ? k_was_paused : std::string(); }

  // Needed no more once every copy is made; before that it has run out by now and must be done again.
  asio::awaitable<Result<Presence>> probe() override {
    const std::vector<CloneDisk> disks = copied_disks(plan_);
    for (const CloneDisk& disk : disks) {
      CO_TRY(const auto found, co_await context_.ports.storage.find_snapshot(request_of(plan_, disk)));
      if (!found) co_return Presence::absent;
    }
    co_return Presence::present;
  }

  asio::awaitable<Result<StepOutcome>> act() override {
    // Copies from before a crash are of another instant than those that follow.
    const std::vector<CloneDisk> disks = copied_disks(plan_);
    for (const CloneDisk& disk : disks) {
      CO_TRY(co_await context_.ports.storage.remove(request_of(plan_, disk)));
    }
    const std::string& vm = context_.record.vm.text();
    protocol::GuestQuiesce call;
    call.token = context_.record.id;
    call.hold_ms = static_cast<std::uint64_t>(k_hold.count());
    auto report = co_await quiesce_guest(std::move(call));
    StepOutcome outcome;
    if (report) {
      const auto& value = report.value();
      outcome.text = "quiesced " + vm + " (" + seconds_text(std::chrono::milliseconds(value.duration_ms)) + ", " + count_text(value.hooks, "hook") +
                     (value.frozen.empty() ? "" : ", " + count_text(value.frozen.size(), "file system")) + ')';
      co_return outcome;
    }
    outcome.warning = true;
    outcome.text = vm + " did not quiesce, disks will be crash-consistent (" + why_not_quiesced(report.error()) + ')';
    if (disks.size() > 1 && plan_.running && !was_paused_) {
      CO_TRY(co_await context_.ports.toolstack.pause(plan_.running->id));
      outcome.text += "; paused it for " + count_text(disks.size(), "disk");
    }
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override {
    co_await release(context_, was_paused_ ? IfPaused::leave : IfPaused::unpause);
    co_return outcome::success();
  }

 private:
  // A broker that has just been started again is there before the channels are, and the clone's consistency hangs on the agent.
  bool may_connect_soon() const { return context_.making == Making::taken_up && plan_.config.channel != "none" && !was_paused_; }

  asio::awaitable<Result<protocol::QuiesceReport>> quiesce_guest(protocol::GuestQuiesce call) {
    const auto until = std::chrono::steady_clock::now() + plan_.config.quiesce_timeout;
    for (;; co_await sleep_for(k_channel_pause)) {
      const Deadline left = until - std::chrono::steady_clock::now();
      const bool is_there = context_.ports.guests.is_connected(*plan_.original.uuid);
      auto report = co_await context_.ports.guests.quiesce(*plan_.original.uuid, call, left);
      if (report || is_there || !may_connect_soon()) co_return report;
      if (std::chrono::steady_clock::now() + k_channel_pause >= until) co_return report;
    }
  }

  Context context_;
  ClonePlan plan_;
  bool was_paused_;
};

class SnapshotStep : public Step {
 public:
  SnapshotStep(Context context, ClonePlan plan, CloneDisk disk)
      : context_(std::move(context)), plan_(std::move(plan)), disk_(std::move(disk)) {}

  std::string name() const override { return "snapshot " + disk_.device; }
  std::string plan() const override { return "snapshot " + base_name(disk_.source.path); }

  asio::awaitable<Result<Presence>> probe() override {
    CO_TRY(const auto found, co_await context_.ports.storage.find_snapshot(request_of(plan_, disk_)));
    co_return found ? Presence::present : Presence::absent;
  }

  asio::awaitable<Result<StepOutcome>> act() override {
    SnapshotRequest request = request_of(plan_, disk_);
    CO_TRY(co_await context_.ports.storage.check_room(request.source, request.use));
    request.progress = progress_;
    CO_TRY(const Snapshot made, co_await context_.ports.storage.snapshot(std::move(request)));
    if (made.source_needs_switch && plan_.running) {
      VmDisk disk{.device = disk_.device, .volume = disk_.source};
      CO_TRY(co_await context_.ports.toolstack.switch_layer(plan_.running->id, disk));
    }
    CO_TRY(context_.registry.change(context_.record.vm, [&](Family& family) { remember(family, made); }));
    StepOutcome outcome;
    outcome.text = "snapshot " + base_name(disk_.source.path) + " → " + base_name(made.volume.path) + " (" + made.kind + ", " +
                   size_text(made.size) + ')';
    outcome.result = made.volume.path;
    co_return outcome;
  }

  void report_to(Progress progress) override { progress_ = std::move(progress); }
  asio::awaitable<Result<void>> undo() override { co_return co_await context_.ports.storage.remove(request_of(plan_, disk_)); }

 private:
  void remember(Family& family, const Snapshot& made) {
    Clone* clone = find_clone(family, plan_.clone.name);
    if (clone == nullptr) return;
    for (CloneDisk& disk : clone->disks) {
      if (disk.device != disk_.device) continue;
      disk.volume = made.volume;
      disk.size = made.size;
    }
  }

  Context context_;
  ClonePlan plan_;
  CloneDisk disk_;
  Progress progress_;
};

class ThawStep : public Step {
 public:
  ThawStep(Context context, ClonePlan plan) : context_(std::move(context)), plan_(std::move(plan)) {}

  std::string name() const override { return k_thaw; }
  std::string plan() const override { return {}; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

  asio::awaitable<Result<StepOutcome>> act() override {
    const bool held = co_await release(context_, was_paused(context_, plan_) ? IfPaused::leave : IfPaused::unpause);
    // Only a guest that held still from before the first copy to after the last gives consistent file systems.
    if (held && plan_.clone.consistency != Consistency::filesystem) {
      CO_TRY(context_.registry.change(context_.record.vm, [&](Family& family) {
        if (Clone* clone = find_clone(family, plan_.clone.name)) clone->consistency = Consistency::filesystem;
      }));
    }
    co_return StepOutcome{};
  }

  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

 private:
  Context context_;
  ClonePlan plan_;
};

}  // namespace

std::unique_ptr<Step> quiesce_step(Context context, ClonePlan plan) {
  return std::make_unique<QuiesceStep>(std::move(context), std::move(plan));
}

std::unique_ptr<Step> snapshot_step(Context context, ClonePlan plan, CloneDisk disk) {
  return std::make_unique<SnapshotStep>(std::move(context), std::move(plan), std::move(disk));
}

asio::awaitable<void> end_hold(Context context) {
  const StepRecord* quiesce = find_step(context.record, k_quiesce);
  const StepRecord* thaw = find_step(context.record, k_thaw);
  if (quiesce == nullptr || quiesce->state == protocol::StepState::pending || quiesce->state == protocol::StepState::undone) co_return;
  if (thaw != nullptr && thaw->state == protocol::StepState::done) co_return;
  const IfPaused if_paused = quiesce->result == k_was_paused ? IfPaused::leave : IfPaused::unpause;
  co_await release(std::move(context), if_paused);
}

std::unique_ptr<Step> thaw_step(Context context, ClonePlan plan) { return std::make_unique<ThawStep>(std::move(context), std::move(plan)); }

}  // namespace zynclone::broker
