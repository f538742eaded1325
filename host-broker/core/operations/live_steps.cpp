#include "host-broker/core/operations/live_steps.hpp"

#include "host-broker/core/operations/member_step.hpp"
#include "system/duration.hpp"
#include "system/log.hpp"
#include "system/size.hpp"

namespace zynclone::broker {
namespace {

using protocol::Consistency;
using protocol::StepState;

constexpr std::chrono::seconds k_identity_limit{130};  // all its hooks, as the agent limits them (keys are made), and the way there
constexpr unsigned k_most_unpauses = 5;               // a till that stands still is worth trying again
constexpr std::chrono::milliseconds k_unpause_again{200};
const std::string k_copy = "copy memory and disks";
const std::string k_identity = "identity";

std::string disks_text(std::size_t count) { return std::to_string(count) + (count == 1 ? " disk" : " disks"); }

const StepRecord* copy_record(const OperationRecord& record) {
  for (const StepRecord& step : record.steps) {
    if (step.name == k_copy) return &step;
  }
  return nullptr;
}

asio::awaitable<Result<void>> let_go(Context context, DomainId domain) {
  Result<void> gone = outcome::success();
  for (unsigned tries = 0; tries < k_most_unpauses; ++tries) {
    if (tries > 0) co_await sleep_for(k_unpause_again);
    gone = co_await context.ports.memories.let_go(domain);
    if (gone) break;
    log_error("cannot let " + context.record.vm.text() + " go on: " + gone.error().message);
  }
  co_return gone;
}

class CopyStep : public Step {
 public:
  CopyStep(Context context, ClonePlan plan) : context_(std::move(context)), plan_(std::move(plan)) {
    const StepRecord* before = context_.making == Making::taken_up ? copy_record(context_.record) : nullptr;
    may_hold_ = before != nullptr && before->state != StepState::pending && before->state != StepState::done && before->state != StepState::undone;
    for (const CloneDisk& disk : plan_.clone.disks) {
      if (!disk.snapshot_name.empty()) disks_.push_back(disk);
    }
  }

  std::string name() const override { return k_copy; }
  std::string plan() const override {
    return "copy the memory and " + disks_text(disks_.size()) + " of " + context_.record.vm.text() + ", which is paused for the last of it";
  }

  asio::awaitable<Result<Presence>> probe() override {
    for (const CloneDisk& disk : disks_) {
      CO_TRY(const auto found, co_await context_.ports.storage.find_snapshot(request_of(disk)));
      if (!found) co_return Presence::absent;
    }
    co_return Presence::present;
  }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(co_await undo());
    const std::string& vm = context_.record.vm.text();
    CO_TRY(const auto running, co_await domain_of(context_, context_.record.family));
    if (!running || running->state != DomainState::running) {
      co_return fail(Errc::conflict, "cannot copy the memory of '" + vm + "': it " + (running ? "is not running any more" : "is gone"));
    }
    for (const CloneDisk& disk : disks_) {
      CO_TRY(const SourceUse use, co_await use_while_paused(context_, disk.source));
      CO_TRY(co_await context_.ports.storage.check_room(disk.source, use));
    }
    const DomainId domain = running->id;
    may_hold_ = true;
    CO_TRY(const Deadline before, co_await context_.ports.memories.begin_save(domain, image(), progress_));
    const auto since = std::chrono::steady_clock::now();
    std::vector<Snapshot> made;
    auto copied = co_await copy_disks(domain, made);
    Result<SavedMemory> saved = SavedMemory();
    if (copied) saved = co_await context_.ports.memories.finish_save(domain);
    auto gone = co_await let_go(context_, domain);
    const Deadline paused = before + (std::chrono::steady_clock::now() - since);
    if (gone) may_hold_ = false;
    CO_TRY(copied);
    if (!saved) co_return outcome::failure(std::move(saved).error());
    CO_TRY(gone);
    CO_TRY(context_.registry.change(context_.record.vm, [&](Family& family) { remember(family, made); }));
    StepOutcome outcome;
    outcome.text = "copied the memory (" + size_text(saved.value().size) + (saved.value().kind.empty() ? "" : ", " + saved.value().kind) + ") and " +
                   disks_text(disks_.size()) + " of " + vm + "; it was paused " + seconds_text(std::chrono::ceil<std::chrono::milliseconds>(paused));
    co_return outcome;
  }

  void report_to(Progress progress) override { progress_ = std::move(progress); }
  void resume(const StepRecord&) override { may_hold_ = false; }

  // The original first: it must not wait for what is being cleared away.
  asio::awaitable<Result<void>> undo() override {
    Result<void> undone = outcome::success();
    if (may_hold_) {
      CO_TRY(const auto running, co_await domain_of(context_, context_.record.family));
      if (running) undone = co_await let_go(context_, running->id);
      if (undone) may_hold_ = false;
    }
    auto removed = co_await context_.ports.memories.remove(image());
    if (undone) undone = std::move(removed);
    for (const CloneDisk& disk : disks_) {
      auto gone = co_await context_.ports.storage.remove(request_of(disk));
      if (undone) undone = std::move(gone);
    }
    co_return undone;
  }

 private:
  std::string image() const { return context_.record.id.text(); }
  SnapshotRequest request_of(const CloneDisk& disk) const {
    return SnapshotRequest{.source = disk.source, .name = disk.snapshot_name, .use = SourceUse::in_use};
  }

  asio::awaitable<Result<void>> copy_disks(DomainId domain, std::vector<Snapshot>& made) {
    for (const CloneDisk& disk : disks_) {
      SnapshotRequest request = request_of(disk);
      CO_TRY(request.use, co_await use_while_paused(context_, disk.source));
      CO_TRY(Snapshot snapshot, co_await context_.ports.storage.snapshot(std::move(request)));
      if (snapshot.source_needs_switch) {
        VmDisk switched{.device = disk.device, .volume = disk.source};
        CO_TRY(co_await context_.ports.toolstack.switch_layer(domain, switched));
      }
      made.push_back(std::move(snapshot));
    }
    co_return outcome::success();
  }

  void remember(Family& family, const std::vector<Snapshot>& made) const {
    Clone* clone = find_clone(family, plan_.clone.name);
    if (clone == nullptr) return;
    clone->consistency = Consistency::live;
    for (std::size_t i = 0; i < disks_.size(); ++i) {
      for (CloneDisk& disk : clone->disks) {
        if (disk.device != disks_[i].device) continue;
        disk.volume = made[i].volume;
        disk.size = made[i].size;
      }
    }
  }

  Context context_;
  ClonePlan plan_;
  std::vector<CloneDisk> disks_;
  Progress progress_;
  bool may_hold_ = false;  // the original
};

class RemoveImageStep : public Step {
 public:
  explicit RemoveImageStep(Context context) : context_(std::move(context)) {}
  std::string name() const override { return "remove memory image"; }
  std::string plan() const override { return {}; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }
  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(co_await context_.ports.memories.remove(context_.record.id.text()));
    co_return StepOutcome{};
  }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

 private:
  Context context_;
};

class IdentityStep : public Step {
 public:
  IdentityStep(Context context, CloneName clone) : context_(std::move(context)), clone_(std::move(clone)) {}

  std::string name() const override { return k_identity; }
  std::string plan() const override { return "have its agent take its identity; it stays silent until it has"; }

  asio::awaitable<Result<Presence>> probe() override {
    const auto clone = clone_of(context_, clone_);
    co_return clone && !clone.value()->awaits_identity ? Presence::present : Presence::absent;
  }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    CO_TRY(const Clone* clone, clone_of(context_, clone_));
    const Uuid uuid = clone->uuid;
    co_await wait_for_agent(uuid);
    const auto taken = co_await give_identity(context_.ports, context_.registry, context_.record.vm, uuid);
    if (!taken) {
      outcome.text = "the agent of " + clone_.text() + " has not taken its identity (" + taken.error().message + "): it stays silent until it has";
      outcome.warning = true;
      co_return outcome;
    }
    CO_TRY(const Family* family, family_of(context_));
    const Family published = *family;
    CO_TRY(co_await context_.ports.network.wait_applied(published, context_.settings.lockdown_timeout));
    outcome.text = clone_.text() + " has taken its identity (" + std::to_string(taken.value().hooks) + (taken.value().hooks == 1 ? " hook)" : " hooks)");
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }  // the domain is ended by an earlier step

 private:
  // It woke up in another domain and must find that out before it opens a channel there.
  asio::awaitable<void> wait_for_agent(Uuid clone) {
    const auto config = context_.ports.configuration.guest(context_.record.vm);
    if (!config || config.value().channel == "none") co_return;
    co_await wait_connected(context_, clone, k_connect_limit);
  }

  Context context_;
  CloneName clone_;
};

}  // namespace

std::unique_ptr<Step> copy_step(Context context, ClonePlan plan) { return std::make_unique<CopyStep>(std::move(context), std::move(plan)); }

std::unique_ptr<Step> remove_image_step(Context context) { return std::make_unique<RemoveImageStep>(std::move(context)); }

std::unique_ptr<Step> identity_step(Context context, CloneName clone) {
  return std::make_unique<IdentityStep>(std::move(context), std::move(clone));
}

asio::awaitable<Result<protocol::IdentityReport>> give_identity(Ports ports, Registry& registry, VmName vm, Uuid uuid) {
  const Family* family = registry.find(vm);
  const Clone* clone = family == nullptr ? nullptr : find_clone(*family, uuid);
  if (clone == nullptr) co_return fail(Errc::not_found, "cannot give a clone of '" + vm.text() + "' its identity: it is gone");
  protocol::GuestApplyIdentity call;
  call.token = clone->made_by;
  call.generation_id = clone->generation_id;
  call.hostname = vm.text() + '-' + clone->name.text();
  for (const CloneVif& vif : clone->vifs) call.vifs.push_back(protocol::VifIdentity{.index = vif.index, .mac = vif.mac});
  CO_TRY(const protocol::IdentityReport report, co_await ports.guests.apply_identity(uuid, std::move(call), k_identity_limit));
  const auto has_taken = [uuid](Family& changed) {
    for (Clone& one : changed.clones) {
      if (one.uuid == uuid) one.awaits_identity = false;
    }
  };
  CO_TRY(registry.change(vm, has_taken));
  co_return report;
}

Result<std::string> why_not_for_production(const Context& context, const Uuid& member, const std::optional<VolumeName>& volume) {
  TRY(const Family* family, family_of(context));
  const Clone* clone = find_clone(*family, member);
  if (clone == nullptr) return std::string();
  if (clone->awaits_identity && !volume) {
    return std::string("it was cloned live, and its agent has not taken its identity yet: it would speak as its original; a clone with --mode online can take over at once");
  }
  TRY(const auto config, context.ports.configuration.guest(context.record.vm));
  for (const SharedVolume& shared : config.shared_volumes) {
    if (volume && shared.name != *volume) continue;
    for (const CloneDisk& disk : clone->disks) {
      if (disk.device != shared.device) continue;
      return "it was cloned live with a copy of volume '" + shared.name.text() + "' of its own at '" + disk.device +
             "', where the volume itself would have to be; make a clone with --mode online for that";
    }
  }
  return std::string();
}

asio::awaitable<void> end_copy(Context context) {
  const StepRecord* copy = copy_record(context.record);
  if (copy == nullptr || (copy->state != StepState::running && copy->state != StepState::failed)) co_return;
  const auto running = co_await domain_of(context, context.record.family);
  if (running && running.value()) (void)co_await let_go(context, running.value()->id);
}

}  // namespace zynclone::broker
