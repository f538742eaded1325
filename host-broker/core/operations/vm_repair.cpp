// vm.repair: leads a family out of what a cutover could not end by itself: nobody has production, or its member stands still; a volume is
// nobody's, or a stranger's. Its plan is the diagnosis. It goes only forward: point of no return is the first step.
#include <algorithm>

#include "host-broker/core/operations/lifecycle_steps.hpp"
#include "host-broker/core/operations/operations.hpp"
#include "host-broker/core/operations/production_steps.hpp"
#include "host-broker/core/operations/volume_steps.hpp"

namespace zynclone::broker {
namespace {

// Takes a volume from every domain that has it without its lease.
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
    StepOutcome outcome;
    if (!from.empty()) outcome.text = "took volume " + volume_.name.text() + " by force from domain " + from + ": what it had not written is lost";
    co_return outcome;
  }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

 private:
  static constexpr std::chrono::seconds k_limit{15};
  SharedVolume volume_;
};

// Lets the production member go on that somebody, or an interrupted cutover, holds still.
class GoOnStep : public MemberStep {
 public:
  using MemberStep::MemberStep;
  std::string name() const override { return "go on"; }
  std::string plan() const override { return "let " + member() + " go on, which is paused"; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }
  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(co_await let_go_on(context_, member_));
    StepOutcome outcome;
    outcome.text = member() + " goes on";
    co_return outcome;
  }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }
};

// Who is to have production: who is asked for, else who has it, else the original.
Result<Uuid> producer_of(const Family& family, const protocol::VmRepair& call) {
  const auto now = production_member(family);
  if (!call.to) return now.value_or(family.uuid);
  auto wanted = member_named(family, call.to->text());
  if (!wanted) return Error{wanted.error().code, wanted.error().message, "/params/to"};
  if (now && *now != wanted.value()) {
    return fail(Errc::conflict, "cannot repair towards '" + call.to->text() + "': '" + member_name(family, *now) + "' has production; move it with cutover", "/params/to");
  }
  return wanted;
}

// Nobody has it by the lease, or the family's file does not follow the lease.
asio::awaitable<Result<bool>> production_is_broken(Context context, Family family) {
  CO_TRY(const Holding now, co_await holding_of(context, production_of(family.uuid)));
  co_return !now.member || production_member(family) != now.member || family.production.generation != now.lease.token;
}

asio::awaitable<Result<void>> add_volume_steps(Context context, Move move, SharedVolume volume, std::vector<std::unique_ptr<Step>>& steps) {
  CO_TRY(const Holding now, co_await holding_of(context, volume_of(context.record.family, volume.name)));
  const Uuid holder = now.member.value_or(move.to);
  CO_TRY(const auto domain, co_await domain_of(context, holder));
  CO_TRY(const auto attachments, co_await context.ports.devices.attachments_of(volume.volume));
  const auto is_holder = [&](const Attachment& one) { return domain && one.domain == domain->id && one.device == volume.device; };
  const bool has_strangers = !std::all_of(attachments.begin(), attachments.end(), is_holder);
  const bool is_missing = domain && std::none_of(attachments.begin(), attachments.end(), is_holder);
  const bool taken_up = context.making == Making::taken_up;
  if (has_strangers || taken_up) steps.push_back(std::make_unique<ExpelStep>(context, holder, volume));
  if (is_missing || !now.member || taken_up) {
    Move to_holder = move;
    to_holder.to = holder;
    steps.push_back(acquire_volume_step(context, to_holder, volume));
  }
  co_return outcome::success();
}

}  // namespace

asio::awaitable<Result<Operation>> make_vm_repair(Context context, protocol::VmRepair call) {
  CO_TRY(const Family* found, family_of(context));
  const Family family = *found;
  CO_TRY(const Uuid producer, producer_of(family, call));
  CO_TRY(const Move move, co_await plan_move(context, producer, producer));
  CO_TRY(const auto domain, co_await domain_of(context, producer));
  CO_TRY(const bool is_broken, co_await production_is_broken(context, family));
  const bool taken_up = context.making == Making::taken_up;
  Operation operation;
  operation.point_of_no_return = 0;
  if (is_broken || taken_up) operation.steps.push_back(hand_over_step(context, move));
  if ((domain && domain->state == DomainState::paused) || taken_up) operation.steps.push_back(std::make_unique<GoOnStep>(context, producer));
  for (const SharedVolume& volume : move.config.shared_volumes) {
    CO_TRY(co_await add_volume_steps(context, move, volume, operation.steps));
  }
  const std::string name = member_name(family, producer);
  const bool is_well = operation.steps.empty();
  operation.summary = [name, is_well] { return is_well ? "nothing to repair: " + name + " has production and its volumes" : name + " has production and its volumes"; };
  co_return operation;
}

}  // namespace zynclone::broker
