#include "host-broker/core/operations/peripheral_steps.hpp"

#include <algorithm>

#include "system/log.hpp"

namespace zynclone::broker {
namespace {

enum class Strangers { leave, expel };

class PeripheralStep : public MemberStep {
 public:
  PeripheralStep(Context context, Move move, Peripheral peripheral, Uuid member)
      : MemberStep(std::move(context), std::move(member)), move_(std::move(move)), peripheral_(std::move(peripheral)) {}
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }  // to do it once more does no harm

 protected:
  std::string text() const { return "peripheral " + peripheral_.name.text(); }

  asio::awaitable<Result<void>> take() {
    CO_TRY(const auto place, co_await context_.ports.peripherals.find(peripheral_));
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    if (!domain) co_return outcome::success();
    // Where it was unplugged, what the domain had of it goes too.
    if (place && place->holder != domain->id) co_return outcome::success();
    CO_TRY(co_await context_.ports.peripherals.detach(domain->id, peripheral_, k_peripheral_limit));
    if (!place) co_return fail(Errc::not_found, "it is unplugged");
    co_return outcome::success();
  }

  asio::awaitable<Result<void>> give(Strangers strangers) {
    CO_TRY(const auto place, co_await context_.ports.peripherals.find(peripheral_));
    if (!place) co_return fail(Errc::not_found, "it is unplugged");
    CO_TRY(const auto domains, co_await context_.ports.toolstack.list_domains());
    const auto own = std::find_if(domains.begin(), domains.end(), [this](const Domain& domain) { return domain.uuid == member_ && domain.state != DomainState::dying; });
    if (own == domains.end()) co_return fail(Errc::conflict, member() + " is not running");
    if (place->holder && *place->holder != own->id) {
      const bool is_stranger = family() == nullptr || !member_of(*family(), domains, *place->holder);
      if (is_stranger && strangers == Strangers::leave) co_return fail(Errc::conflict, "domain " + std::to_string(place->holder->value) + " has it");
      CO_TRY(co_await context_.ports.peripherals.detach(*place->holder, peripheral_, k_peripheral_limit));
    }
    co_return co_await context_.ports.peripherals.attach(own->id, peripheral_, k_peripheral_limit);
  }

  static StepOutcome said(const Result<void>& done, const std::string& well, const std::string& badly) {
    StepOutcome outcome;
    outcome.text = done ? well : badly + ": " + done.error().message;
    outcome.warning = !done;
    return outcome;
  }

  // What cannot be taken back is put right by the broker when the operation is over.
  Result<void> only_logged(const Result<void>& undone, const std::string& verb) const {
    if (!undone) log_warning("cannot " + verb + ' ' + text() + " of " + context_.record.vm.text() + " back: " + undone.error().message);
    return outcome::success();
  }

  Move move_;
  Peripheral peripheral_;
};

class TakePeripheralStep : public PeripheralStep {
 public:
  TakePeripheralStep(Context context, Move move, Peripheral peripheral) : PeripheralStep(std::move(context), move, std::move(peripheral), move.from) {}
  std::string name() const override { return "take " + peripheral_.name.text(); }
  std::string plan() const override { return "take " + text() + " from " + member(); }

  asio::awaitable<Result<StepOutcome>> act() override {
    const auto taken = co_await take();
    co_return said(taken, "took " + text() + " from " + member(), text() + " could not be taken from " + member());
  }
  asio::awaitable<Result<void>> undo() override {
    const auto given = co_await give(Strangers::leave);
    co_return only_logged(given, "give");
  }
};

class GivePeripheralStep : public PeripheralStep {
 public:
  GivePeripheralStep(Context context, Move move, Peripheral peripheral, Strangers strangers)
      : PeripheralStep(std::move(context), move, std::move(peripheral), move.to), strangers_(strangers) {}
  std::string name() const override { return "give " + peripheral_.name.text(); }
  std::string plan() const override {
    return (strangers_ == Strangers::expel ? "take " + text() + " from whoever has it and give it to " : "give " + text() + " to ") + member();
  }

  asio::awaitable<Result<StepOutcome>> act() override {
    const auto given = co_await give(strangers_);
    co_return said(given, member() + " has " + text(), member() + " does not have " + text());
  }
  asio::awaitable<Result<void>> undo() override {
    if (move_.from == member_) co_return outcome::success();
    const auto taken = co_await take();
    co_return only_logged(taken, "take");
  }

 private:
  Strangers strangers_;
};

}  // namespace

asio::awaitable<bool> needs_repair(Context context, Uuid member, Peripheral peripheral) {
  const auto found = co_await context.ports.peripherals.find(peripheral);
  if (!found || !found.value()) co_return false;
  const std::optional<DomainId> holder = found.value()->holder;
  const auto domain = co_await domain_of(context, member);
  if (!domain) co_return false;
  if (!domain.value()) co_return holder.has_value();
  co_return holder != domain.value()->id;
}

std::unique_ptr<Step> take_peripheral_step(Context context, Move move, Peripheral peripheral) {
  return std::make_unique<TakePeripheralStep>(std::move(context), std::move(move), std::move(peripheral));
}

std::unique_ptr<Step> give_peripheral_step(Context context, Move move, Peripheral peripheral) {
  return std::make_unique<GivePeripheralStep>(std::move(context), std::move(move), std::move(peripheral), Strangers::leave);
}

std::unique_ptr<Step> repair_peripheral_step(Context context, Move move, Peripheral peripheral) {
  return std::make_unique<GivePeripheralStep>(std::move(context), std::move(move), std::move(peripheral), Strangers::expel);
}

}  // namespace zynclone::broker
