// vm.repair: leads a family out of what a cutover could not end by itself: nobody has production, or its member stands still; a volume is
// nobody's, or a stranger's. Its plan is the diagnosis. It goes only forward: point of no return is the first step.
#include <algorithm>

#include "host-broker/core/operations/lifecycle_steps.hpp"
#include "host-broker/core/operations/live_steps.hpp"
#include "host-broker/core/operations/operations.hpp"
#include "host-broker/core/operations/peripheral_steps.hpp"
#include "host-broker/core/operations/production_steps.hpp"
#include "host-broker/core/operations/volume_steps.hpp"

namespace zynclone::broker {
namespace {

// Takes a volume from every domain that has it without its lease, and the lease from who is not to have it.
class ExpelStep : public MemberStep {
 public:
  ExpelStep(Context context, Uuid holder, SharedVolume volume) : MemberStep(std::move(context), std::move(holder)), volume_(std::move(volume)) {}
  std::string name() const override { return "expel " + volume_.name.text(); }
  std::string plan() const override { return "take volume " + volume_.name.text() + " by force from every domain but that of " + member(); }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(const auto holder, co_await domain_of(context_, member_));
    CO_TRY(const auto attachments, co_await context_.ports.devices.attachments_of(volume_.volume));
    std::string from;
    for (const Attachment& other : attachments) {
      if (holder && other.domain == holder->id && other.device == volume_.device) continue;
      const VmDisk disk{.device = other.device, .volume = volume_.volume};
      CO_TRY(co_await context_.ports.devices.detach(other.domain, disk, Detach::force, k_limit));
      from += (from.empty() ? "" : ", ") + std::to_string(other.domain.value);
    }
    CO_TRY(const Holding now, co_await holding_of(context_, resource()));
    if (now.member && *now.member != member_) {
      CO_TRY(co_await context_.ports.leases.pass_lease(resource(), now.lease.token, std::nullopt));
    }
    StepOutcome outcome;
    if (!from.empty()) outcome.text = "took volume " + volume_.name.text() + " by force from domain " + from + ": what it had not written is lost";
    co_return outcome;
  }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

 private:
  std::string resource() const { return volume_of(context_.record.family, volume_.name); }

  static constexpr std::chrono::seconds k_limit{15};
  SharedVolume volume_;
};

// Lets the production member go on that somebody, or an interrupted cutover, holds still; starts one that does not run.
class GoOnStep : public MemberStep {
 public:
  GoOnStep(Context context, Uuid member, GuestConfig config, bool is_gone)
      : MemberStep(std::move(context), std::move(member)), config_(std::move(config)), starts_(is_gone) {
    // After a restart it may be there, half built; then the journal says that it was started here.
    for (const StepRecord& step : context_.record.steps) {
      if (step.name == name()) starts_ = starts_ || step.result == k_starts;
    }
  }
  std::string name() const override { return "go on"; }
  std::string plan() const override { return starts_ ? "start " + member() + ", which does not run" : "let " + member() + " go on, which is paused"; }
  std::string intent() const override { return starts_ ? k_starts : ""; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    if (domain && domain->state == DomainState::running) co_return outcome;
    if (!domain || starts_) {
      CO_TRY(co_await start_paused());
    }
    CO_TRY(co_await let_go_on(context_, member_));
    // What it is given next its agent has to take; one that never comes is no reason to leave it without.
    if (starts_ && config_.channel != "none") co_await wait_connected(context_, member_, k_boot_limit);
    outcome.text = member() + (starts_ ? " is started" : " goes on");
    co_return outcome;
  }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

 private:
  static constexpr const char* k_starts = "starts";

  asio::awaitable<Result<void>> start_paused() {
    CO_TRY(const Family* family, family_of(context_));
    const Clone* clone = find_clone(*family, member_);
    if (clone == nullptr) {
      CO_TRY(co_await context_.ports.toolstack.start_original_paused(context_.record.vm, config_.xl_config));
      co_return outcome::success();
    }
    const CloneName name = clone->name;
    const auto publish = publish_step(context_, name, protocol::CloneState::running);
    CO_TRY(co_await publish->act());
    const auto start = start_paused_step(context_, name, config_);
    CO_TRY(co_await start->act());
    co_return outcome::success();
  }

  GuestConfig config_;
  bool starts_;
};

// The volume of a holder that does not run waits for it: it gets its own when it is started.
class IfItRuns : public MemberStep {
 public:
  IfItRuns(Context context, Uuid member, std::unique_ptr<Step> step) : MemberStep(std::move(context), std::move(member)), step_(std::move(step)) {}
  std::string name() const override { return step_->name(); }
  std::string plan() const override { return step_->plan(); }
  asio::awaitable<Result<Presence>> probe() override { return step_->probe(); }
  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    if (!domain) co_return StepOutcome{};
    co_return co_await step_->act();
  }
  asio::awaitable<Result<void>> undo() override { return step_->undo(); }

 private:
  std::unique_ptr<Step> step_;
};

// A step whose line stands in the plan only where something is wrong. It is made always: after a restart the steps must be the same.
class QuietStep : public Step {
 public:
  QuietStep(std::unique_ptr<Step> step, bool is_needed) : step_(std::move(step)), is_needed_(is_needed) {}
  std::string name() const override { return step_->name(); }
  std::string plan() const override { return is_needed_ ? step_->plan() : std::string(); }
  std::string intent() const override { return step_->intent(); }
  asio::awaitable<Result<Presence>> probe() override { return step_->probe(); }
  asio::awaitable<Result<StepOutcome>> act() override { return step_->act(); }
  asio::awaitable<Result<void>> undo() override { return step_->undo(); }
  void resume(const StepRecord& record) override { step_->resume(record); }

 private:
  std::unique_ptr<Step> step_;
  bool is_needed_;
};

class Diagnosis {
 public:
  explicit Diagnosis(Operation& operation) : operation_(operation) {}
  void add(std::unique_ptr<Step> step, bool is_needed) {
    is_well_ = is_well_ && !is_needed;
    operation_.steps.push_back(std::make_unique<QuietStep>(std::move(step), is_needed));
  }
  bool is_well() const { return is_well_; }

 private:
  Operation& operation_;
  bool is_well_ = true;
};

// Who is to have production: who has its lease, else who is asked for, else the original.
Result<Uuid> producer_of(const Family& family, const Holding& lease, const protocol::VmRepair& call) {
  if (!call.to) return lease.member.value_or(family.uuid);
  auto wanted = member_named(family, call.to->text());
  if (!wanted) return Error{wanted.error().code, wanted.error().message, "/params/to"};
  if (lease.member && *lease.member != wanted.value()) {
    return fail(Errc::conflict, "cannot repair towards '" + call.to->text() + "': '" + member_name(family, *lease.member) + "' has production; move it with cutover",
                "/params/to");
  }
  return wanted;
}

// By a cutover, or its undo, that could not be ended.
asio::awaitable<bool> was_left_over(Context context, VolumeName volume) {
  auto operations = co_await recent_operations(context.ports.journal, context.record.family);
  if (!operations) co_return false;
  std::erase_if(operations.value(), [&](const OperationRecord& operation) { return operation.id == context.record.id; });
  const OperationRecord* last = last_about(operations.value(), volume);
  co_return last != nullptr && last->kind.starts_with("cutover.") && last->state == protocol::OperationState::failed;
}

// Who holds it keeps it, be it a member without production (volume.switch); but what a cutover that could not be undone has left with somebody who is
// without it all the same, is the production member's. Gives who is to have it.
asio::awaitable<Result<Uuid>> diagnose_volume(Context context, Move move, SharedVolume volume, Diagnosis& diagnosis) {
  CO_TRY(const Holding now, co_await holding_of(context, volume_of(context.record.family, volume.name)));
  Uuid holder = now.member.value_or(move.to);
  CO_TRY(auto domain, co_await domain_of(context, holder));
  CO_TRY(const auto attachments, co_await context.ports.devices.attachments_of(volume.volume));
  const auto is_holder = [&](const Attachment& one) { return domain && one.domain == domain->id && one.device == volume.device; };
  const bool is_missing = domain && std::none_of(attachments.begin(), attachments.end(), is_holder);
  if (is_missing && holder != move.to && co_await was_left_over(context, volume.name)) {
    holder = move.to;
    CO_TRY(domain, co_await domain_of(context, holder));
  }
  const bool has_strangers = !std::all_of(attachments.begin(), attachments.end(), is_holder);
  diagnosis.add(std::make_unique<ExpelStep>(context, holder, volume), has_strangers);
  Move to_holder = move;
  to_holder.from = to_holder.to = holder;
  auto acquire = acquire_volume_step(context, to_holder, volume);
  diagnosis.add(std::make_unique<IfItRuns>(context, holder, std::move(acquire)), is_missing || !now.member);
  co_return holder;
}

}  // namespace

asio::awaitable<Result<Operation>> make_vm_repair(Context context, protocol::VmRepair call) {
  CO_TRY(const Family* found, family_of(context));
  const Family family = *found;
  CO_TRY(const Holding lease, co_await holding_of(context, production_of(family.uuid)));
  CO_TRY(const Uuid producer, producer_of(family, lease, call));
  if (context.making == Making::fresh && !lease.member) {
    CO_TRY(const std::string why_not, why_not_for_production(context, producer));
    if (!why_not.empty()) co_return fail(Errc::conflict, "cannot repair towards '" + member_name(family, producer) + "': " + why_not, "/params/to");
  }
  CO_TRY(const Move move, co_await plan_move(context, producer, producer));
  CO_TRY(const auto domain, co_await domain_of(context, producer));
  const bool is_broken = !lease.member || production_member(family) != lease.member || family.production.generation != lease.lease.token;
  const bool stands_still = !domain || domain->state != DomainState::running;
  Operation operation;
  operation.point_of_no_return = 0;
  // What was on probation is decided: production stays where this leaves it. First, as only now it is known: a restart finds production elsewhere.
  const bool is_decided = family.probation && production_member(family) != family.probation->to;
  const auto decide = [is_decided](Family& changed) {
    if (is_decided) changed.probation.reset();
  };
  operation.steps.push_back(edit_step(context, "end probation", decide, [](Family&) {}));
  Diagnosis diagnosis(operation);
  const auto speaker = production_member(family);
  diagnosis.add(silence_other_step(context, move), speaker && *speaker != producer);
  diagnosis.add(hand_over_step(context, move), is_broken);
  diagnosis.add(std::make_unique<GoOnStep>(context, producer, move.config, !domain), stands_still);
  std::string elsewhere;
  for (const SharedVolume& volume : move.config.shared_volumes) {
    CO_TRY(const Uuid holder, co_await diagnose_volume(context, move, volume, diagnosis));
    if (holder != producer) elsewhere += "; volume " + volume.name.text() + " is with " + member_name(family, holder);
  }
  for (const Peripheral& peripheral : move.config.peripherals) {
    const bool is_needed = co_await needs_repair(context, producer, peripheral);
    diagnosis.add(repair_peripheral_step(context, move, peripheral), is_needed);
  }
  const std::string name = member_name(family, producer);
  const bool is_well = diagnosis.is_well();
  const std::string end = name + " has production" + (elsewhere.empty() ? " and its volumes" : elsewhere);
  operation.summary = [end, is_well] { return is_well ? "nothing to repair: " + end : end; };
  co_return operation;
}

}  // namespace zynclone::broker
