#include "host-broker/core/operations/production_steps.hpp"

#include <algorithm>

#include "host-broker/core/operations/member_step.hpp"
#include "host-broker/core/operations/peripheral_steps.hpp"
#include "host-broker/core/operations/volume_steps.hpp"

namespace zynclone::broker {
namespace {

using protocol::CutoverSide;

constexpr std::chrono::seconds k_reconnect_limit{30};  // for the channels, after the broker's restart
constexpr std::chrono::seconds k_blink_limit{10};      // for a link that is started again

const std::string k_is_silent = "silent";             // result of prepare leaving
const std::string k_fence = "fence";

asio::awaitable<Result<void>> pause_domain(Context context, Domain domain) {
  if (domain.state != DomainState::running) co_return outcome::success();
  co_return co_await context.ports.toolstack.pause(domain.id);
}

asio::awaitable<void> pause(Context context) {
  const Timestamp until = context.ports.clock.now() + k_member_look_again;
  co_await context.ports.clock.sleep_until(until);
}

class MoveStep : public MemberStep {
 public:
  MoveStep(Context context, Move move, Uuid member) : MemberStep(std::move(context), std::move(member)), move_(std::move(move)) {}
  // Told once is told; what it brought about is not to be seen from here.
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::present; }
  asio::awaitable<Result<void>> undo() override { co_return outcome::success(); }

 protected:
  Move move_;
};

// The member that gives production up; its hooks may refuse. One that does not answer or does not run is moved away from all the same.
class PrepareLeavingStep : public MoveStep {
 public:
  PrepareLeavingStep(Context context, const Move& move) : MoveStep(std::move(context), move, move.from) {}
  std::string name() const override { return "prepare leaving"; }
  std::string plan() const override { return "prepare " + member() + " to give production up"; }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    outcome.text = member() + " is ready to give production up";
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    if (!domain) {
      outcome.text = member() + " is not running";
      co_return outcome;
    }
    co_await wait_for_agent(context_, member_);
    protocol::GuestPrepareCutover call;
    call.token = context_.record.id;
    call.side = CutoverSide::leaving;
    auto prepared = co_await context_.ports.guests.prepare_cutover(member_, std::move(call), k_prepare_limit);
    if (prepared) co_return outcome;
    const bool refuses = prepared.error().code != Errc::unavailable;
    if (refuses && move_.if_refused == IfRefused::fail) co_return said_by_agent(std::move(prepared).error(), "cannot prepare '" + member() + "'");
    *move_.is_silent = true;
    outcome.text = member() + (refuses ? " refuses: " : " does not answer: ") + prepared.error().message;
    outcome.result = k_is_silent;
    co_return outcome;
  }
  void resume(const StepRecord& step) override { *move_.is_silent = step.result == k_is_silent; }
};

// The member that gets production; its hooks may refuse. An original that does not run is started, silent.
class PrepareTakingStep : public MoveStep {
 public:
  PrepareTakingStep(Context context, const Move& move) : MoveStep(std::move(context), move, move.to) {}
  std::string name() const override { return "prepare taking"; }
  std::string plan() const override { return "prepare " + member() + " to take production over"; }
  std::string intent() const override { return from_text(move_.from); }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    outcome.text = member() + " is ready to take production over";
    CO_TRY(const auto domain, co_await domain_of(context_, member_));
    const bool starts = !domain || domain->state == DomainState::paused || context_.making == Making::taken_up;
    if (!domain) {
      CO_TRY(co_await start_original());
      outcome.text = "started " + member() + ", silent; it is ready to take production over";
    }
    CO_TRY(co_await let_go_on(context_, member_));  // held still by a cutover away from it
    const auto until = context_.ports.clock.steady() + (starts ? k_boot_limit : k_connect_limit);
    for (;; co_await pause(context_)) {
      protocol::GuestPrepareCutover call;
      call.token = context_.record.id;
      call.side = CutoverSide::taking;
      auto prepared = co_await context_.ports.guests.prepare_cutover(member_, std::move(call), k_prepare_limit);
      if (prepared) co_return outcome;
      const bool may_come = prepared.error().code == Errc::unavailable && context_.ports.clock.steady() < until;
      if (!may_come) co_return said_by_agent(std::move(prepared).error(), "cannot prepare '" + member() + "'");
    }
  }

 private:
  // It is nobody's yet, and its interfaces are held until production is its own.
  asio::awaitable<Result<void>> start_original() {
    if (member_ != context_.record.family) {
      co_return fail(Errc::conflict, "cannot move production to '" + member() + "': it is not running; start it first");
    }
    CO_TRY(co_await context_.ports.toolstack.start_original_paused(context_.record.vm, move_.config.xl_config));
    co_return outcome::success();
  }
};

class FenceStep : public MoveStep {
 public:
  FenceStep(Context context, const Move& move) : MoveStep(std::move(context), move, move.from) {}
  std::string name() const override { return k_fence; }
  std::string plan() const override { return {}; }
  std::string intent() const override { return move_.was_paused ? k_was_paused : std::string(); }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    if (!*move_.is_silent) co_return outcome;
    CO_TRY(const std::string done, co_await fence(context_, member_, member(), IfItRunsOn::end));
    if (!done.empty()) outcome.text = done + ", as its agent is silent";
    co_return outcome;
  }
  // Also where a later step held it.
  asio::awaitable<Result<void>> undo() override {
    if (!move_.was_paused) {
      CO_TRY(co_await let_go_on(context_, member_));
    }
    co_return outcome::success();
  }
};

// Moves the lease, then the family's file; and waits until the backends follow.
class ProductionStep : public MoveStep {
 public:
  using MoveStep::MoveStep;

 protected:
  asio::awaitable<Result<void>> publish(std::optional<Uuid> member) {
    CO_TRY(Holding now, co_await holding_of(context_, resource()));
    const Family* before = family();
    if (before == nullptr) co_return fail(Errc::not_found, "cannot move production: the family is gone");
    // The backends take no token for two.
    const bool is_anothers = now.lease.token != 0 && before->production.generation == now.lease.token && before->production.member != member;
    if (now.member != member || is_anothers) {
      CO_TRY(now.lease, co_await context_.ports.leases.pass_lease(resource(), now.lease.token, member));
    }
    const bool was_never_moved = now.lease.token == 0;  // the original has it without a lease
    if (was_never_moved) co_return outcome::success();
    co_return tell(now.lease, member);
  }

  // Nobody is to speak for now, whoever holds the lease: it stays with them.
  asio::awaitable<Result<void>> publish_nobody() {
    CO_TRY(Holding now, co_await holding_of(context_, resource()));
    const Family* before = family();
    if (before == nullptr) co_return fail(Errc::not_found, "cannot move production: the family is gone");
    if (!production_member(*before)) co_return outcome::success();
    CO_TRY(now.lease, co_await context_.ports.leases.pass_lease(resource(), now.lease.token, now.member));
    co_return tell(now.lease, std::nullopt);
  }

  // The backends follow what is published.
  asio::awaitable<Result<std::string>> acknowledged() {
    const Family published = *family();
    CO_TRY(const auto domains, co_await context_.ports.network.wait_applied(published, context_.settings.lockdown_timeout));
    std::string names;
    for (const std::string& domain : domains) names += (names.empty() ? "" : ", ") + domain;
    co_return "generation " + std::to_string(published.generation.value) + " (acknowledged by " + names + ')';
  }

  // That somebody is silent, whom its backend may not lock: what it sends does not count while it stands still, and the backend may need the quiet, too.
  asio::awaitable<Result<std::string>> silence_acknowledged(std::optional<Uuid> speaker) {
    auto silenced = co_await acknowledged();
    if (silenced || silenced.error().code != Errc::timed_out || !speaker) co_return silenced;
    CO_TRY(co_await hold_still(context_, *speaker));
    co_return co_await acknowledged();
  }

  asio::awaitable<Result<std::string>> give(std::optional<Uuid> member) {
    CO_TRY(co_await publish(member));
    co_return co_await acknowledged();
  }

  asio::awaitable<Result<std::string>> take_from(Uuid speaker) {
    CO_TRY(co_await publish(std::nullopt));
    co_return co_await silence_acknowledged(speaker);
  }

  asio::awaitable<Result<Presence>> probe_holder(std::optional<Uuid> member) {
    CO_TRY(const Holding now, co_await holding_of(context_, production_of(context_.record.family)));
    const bool follows = family() != nullptr && production_member(*family()) == now.member;
    co_return now.member == member && follows ? Presence::present : Presence::absent;
  }

 private:
  std::string resource() const { return production_of(context_.record.family); }

  Result<void> tell(const Lease& lease, std::optional<Uuid> member) {
    const Production production{.member = member, .generation = lease.token, .announce = move_.config.announce};
    if (family()->production.generation == production.generation && family()->production.member == member) return outcome::success();
    TRY(context_.registry.change(context_.record.vm, [&](Family& changed) { changed.production = production; }));
    return outcome::success();
  }
};

class SilenceStep : public ProductionStep {
 public:
  SilenceStep(Context context, const Move& move) : ProductionStep(std::move(context), move, move.from) {}
  std::string name() const override { return "silence"; }
  std::string plan() const override { return "lock " + member() + " down"; }

  // Once the other has it, nothing is to be silenced any more.
  asio::awaitable<Result<Presence>> probe() override {
    CO_TRY(const auto given, co_await probe_holder(move_.to));
    if (given == Presence::present) co_return given;
    co_return co_await probe_holder(std::nullopt);
  }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(co_await publish(std::nullopt));
    co_return StepOutcome();
  }

  asio::awaitable<Result<void>> undo() override {
    CO_TRY(co_await give(member_));
    co_return outcome::success();
  }
};

// Only then may another speak.
class SilencedStep : public ProductionStep {
 public:
  SilencedStep(Context context, const Move& move) : ProductionStep(std::move(context), move, move.from) {}
  std::string name() const override { return "silence acknowledged"; }
  std::string plan() const override { return "wait until " + member() + " is locked down"; }

  asio::awaitable<Result<StepOutcome>> act() override {
    CO_TRY(const std::string applied, co_await take_from(member_));
    StepOutcome outcome;
    outcome.text = "locked " + member() + " down, " + applied;
    co_return outcome;
  }
};

enum class Acknowledged { here, later };

class HandOverStep : public ProductionStep {
 public:
  HandOverStep(Context context, const Move& move, Acknowledged acknowledged)
      : ProductionStep(std::move(context), move, move.to), acknowledged_(acknowledged) {}
  std::string name() const override { return "hand over"; }
  std::string plan() const override {
    return "give production to " + member() + (is_apart() ? ", move it from the isolated network to the original's bridge," : "") + " and announce its addresses";
  }
  asio::awaitable<Result<Presence>> probe() override { return probe_holder(member_); }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    if (acknowledged_ == Acknowledged::later) {
      CO_TRY(co_await publish(member_));
      co_return outcome;
    }
    CO_TRY(const std::string applied, co_await give(member_));
    outcome.text = member() + " has production, " + applied;
    co_return outcome;
  }

  asio::awaitable<Result<void>> undo() override {
    CO_TRY(co_await take_from(member_));
    co_return outcome::success();
  }

 private:
  bool is_apart() const {
    const Family* now = family();
    return now != nullptr && std::any_of(now->clones.begin(), now->clones.end(), [this](const Clone& clone) {
             return clone.uuid == member_ && clone.network == protocol::CloneNetwork::isolated;
           });
  }

  Acknowledged acknowledged_;
};

class HandedOverStep : public HandOverStep {
 public:
  HandedOverStep(Context context, const Move& move) : HandOverStep(std::move(context), move, Acknowledged::here) {}
  std::string name() const override { return "hand over acknowledged"; }
  std::string plan() const override { return "wait until " + member() + " may speak"; }
  asio::awaitable<Result<Presence>> probe() override { return MoveStep::probe(); }
  asio::awaitable<Result<void>> undo() override { return MoveStep::undo(); }  // that of "hand over" takes it away
};

// Whoever the backends let speak instead of the member that is to get production: no one of them may follow before all of them have.
class SilenceOtherStep : public ProductionStep {
 public:
  SilenceOtherStep(Context context, const Move& move) : ProductionStep(std::move(context), move, move.to) {}
  std::string name() const override { return "silence other"; }
  std::string plan() const override { return "lock " + member_name(*family(), production_member(*family()).value_or(member_)) + " down"; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

  asio::awaitable<Result<StepOutcome>> act() override {
    StepOutcome outcome;
    const Family* now = family();
    // Nobody, where an earlier attempt, or a cutover, has published that: who has not followed is waited for.
    const auto speaker = now == nullptr ? std::nullopt : production_member(*now);
    if (speaker == member_) co_return outcome;
    CO_TRY(co_await publish_nobody());
    CO_TRY(const std::string applied, co_await silence_acknowledged(speaker));
    if (speaker) outcome.text = "locked " + member_name(*family(), *speaker) + " down, " + applied;
    co_return outcome;
  }
};

class HealthStep : public MoveStep {
 public:
  HealthStep(Context context, const Move& move) : MoveStep(std::move(context), move, move.to) {}
  std::string name() const override { return "health"; }
  std::string plan() const override { return "wait until " + member() + " is well"; }
  asio::awaitable<Result<Presence>> probe() override { co_return Presence::absent; }

  asio::awaitable<Result<StepOutcome>> act() override {
    const auto until = context_.ports.clock.steady() + move_.config.health_timeout;
    for (;; co_await pause(context_)) {
      auto report = co_await context_.ports.guests.health(member_, k_prepare_limit);
      const std::string why = why_unwell(report);
      if (why.empty()) {
        StepOutcome outcome;
        outcome.text = member() + " is well (" + std::to_string(report.value().checks.size()) + " checks)";
        co_return outcome;
      }
      if (context_.ports.clock.steady() >= until) co_return fail(Errc::conflict, "cannot leave production to '" + member() + "': " + why);
    }
  }
};

}  // namespace

std::string why_unwell(const Result<protocol::GuestHealthReport>& report) {
  if (!report) return report.error().message;
  if (report.value().healthy) return {};
  for (const protocol::HealthCheck& check : report.value().checks) {
    if (!check.healthy) return "its health check '" + check.name + "' fails: " + check.detail;
  }
  return "it says that it is not well";
}

std::string from_text(const Uuid& from) { return "from " + from.text(); }

std::optional<Uuid> moved_from(const Context& context) {
  constexpr std::string_view k_from = "from ";
  if (context.making == Making::fresh) return std::nullopt;
  for (const StepRecord& step : context.record.steps) {
    if (!step.result.starts_with(k_from)) continue;
    if (const auto from = Uuid::parse(std::string_view(step.result).substr(k_from.size()))) return from.value();
  }
  return std::nullopt;
}

asio::awaitable<Result<Holding>> holding_of(Context context, std::string resource) {
  Holding holding;
  CO_TRY(holding.lease, co_await context.ports.leases.find_lease(std::move(resource)));
  holding.member = holder_of(holding.lease, context.record.family);
  co_return holding;
}

asio::awaitable<void> wait_for_agent(Context context, Uuid member) {
  const Deadline limit = context.making == Making::taken_up ? k_reconnect_limit : k_blink_limit;
  co_await wait_connected(context, member, limit);
}

asio::awaitable<Result<void>> hold_still(Context context, Uuid member) {
  CO_TRY(const auto domain, co_await domain_of(context, member));
  if (!domain) co_return outcome::success();
  co_return co_await pause_domain(context, *domain);
}

asio::awaitable<Result<std::string>> fence(Context context, Uuid member, std::string name, IfItRunsOn if_it_runs_on) {
  constexpr int k_tries = 2;  // it may just have been started anew; or the host is too busy to answer in time
  Error error;
  for (int tries = 0; tries < k_tries; ++tries) {
    CO_TRY(const auto domain, co_await domain_of(context, member));
    if (!domain) co_return std::string();
    auto held = co_await pause_domain(context, *domain);
    if (held) co_return "held " + name + " still";
    error = std::move(held).error();
  }
  if (if_it_runs_on == IfItRunsOn::fail) co_return with_context(std::move(error), "cannot hold '" + name + "' still");
  const auto ended = co_await context.ports.toolstack.end(member);
  if (!ended) co_return with_context(std::move(error), "cannot hold '" + name + "' still, nor end it (" + ended.error().message + ")");
  co_return "ended " + name + ", which could not be held still (" + error.message + ")";
}

asio::awaitable<Result<void>> let_go_on(Context context, Uuid member) {
  CO_TRY(const auto domain, co_await domain_of(context, member));
  if (!domain || domain->state != DomainState::paused) co_return outcome::success();
  co_return co_await context.ports.toolstack.unpause(domain->id);
}

asio::awaitable<Result<Move>> plan_move(Context context, Uuid from, Uuid to) {
  Move move{.from = from, .to = to};
  CO_TRY(move.config, context.ports.configuration.guest(context.record.vm));
  CO_TRY(const auto domain, co_await domain_of(context, from));
  move.was_paused = domain && domain->state == DomainState::paused;
  if (context.making == Making::taken_up) {
    move.was_paused = false;  // or, where the journal does not say so, by this operation
    for (const StepRecord& step : context.record.steps) {
      if (step.name == k_fence && step.state != protocol::StepState::pending) move.was_paused = step.result == k_was_paused;
    }
  }
  co_return move;
}

std::vector<std::unique_ptr<Step>> move_steps(const Context& context, Move move) {
  std::vector<std::unique_ptr<Step>> steps;
  move.is_of_production = true;
  steps.push_back(std::make_unique<PrepareTakingStep>(context, move));
  steps.push_back(std::make_unique<PrepareLeavingStep>(context, move));
  steps.push_back(std::make_unique<FenceStep>(context, move));
  for (const SharedVolume& volume : move.config.shared_volumes) steps.push_back(release_volume_step(context, move, volume));
  steps.push_back(std::make_unique<SilenceStep>(context, move));
  for (const SharedVolume& volume : move.config.shared_volumes) steps.push_back(detach_volume_step(context, move, volume));
  steps.push_back(std::make_unique<SilencedStep>(context, move));
  for (const Peripheral& peripheral : move.config.peripherals) steps.push_back(take_peripheral_step(context, move, peripheral));
  steps.push_back(std::make_unique<HandOverStep>(context, move, Acknowledged::later));
  for (const SharedVolume& volume : move.config.shared_volumes) steps.push_back(acquire_volume_step(context, move, volume));
  steps.push_back(std::make_unique<HandedOverStep>(context, move));
  for (const Peripheral& peripheral : move.config.peripherals) steps.push_back(give_peripheral_step(context, move, peripheral));
  return steps;
}

std::unique_ptr<Step> silence_other_step(Context context, Move move) { return std::make_unique<SilenceOtherStep>(std::move(context), move); }
std::unique_ptr<Step> hand_over_step(Context context, Move move) { return std::make_unique<HandOverStep>(std::move(context), move, Acknowledged::here); }
std::unique_ptr<Step> health_step(Context context, Move move) { return std::make_unique<HealthStep>(std::move(context), move); }

}  // namespace zynclone::broker
