// cutover.start, commit, undo. A start can be taken back to its end, by failure, cancel and afterwards by cutover.undo: no point of no return.
// An undo is the same move the other way round. A commit is one edit, and that is its point of no return.
#include "host-broker/core/operations/lifecycle_steps.hpp"
#include "host-broker/core/operations/live_steps.hpp"
#include "host-broker/core/operations/operations.hpp"
#include "host-broker/core/operations/production_steps.hpp"

namespace zynclone::broker {
namespace {

using protocol::AfterProbation;
using protocol::CloneState;

Error cannot_start(const Context& context, const std::string& cause, std::string place = "/params/name") {
  return Error{Errc::conflict, "cannot move production of '" + context.record.vm.text() + "' to '" + context.record.target + "': " + cause, std::move(place)};
}

// An isolated clone is moved to the bridges that the original's configuration names; which one the toolstack would choose, nobody else knows.
Result<void> check_way_out(const Context& context, const Clone& clone) {
  if (clone.network != protocol::CloneNetwork::isolated) return outcome::success();
  for (const CloneVif& vif : clone.vifs) {
    if (!vif.bridge.empty()) continue;
    return cannot_start(context, "it is on the isolated network, and the original's interface " + std::to_string(vif.index) +
                                     " has no 'bridge=' in its xl configuration to which it could be moved; name one there and make a new clone");
  }
  return outcome::success();
}

// Must hold before anything is done.
Result<void> check_start(const Context& context, const Family& family, const Uuid& to) {
  if (family.probation) {
    return cannot_start(context, "'" + member_name(family, family.probation->to) + "' is on probation until " + to_rfc3339(family.probation->ends) +
                                     "; commit or undo that cutover first");
  }
  const auto from = production_member(family);
  if (!from) return cannot_start(context, "nobody has production; 'vmclone repair " + family.vm.text() + "' leads out of this");
  if (*from == to) return cannot_start(context, "it has production already");
  for (const Clone& clone : family.clones) {
    if (clone.uuid != to) continue;
    if (clone.state != CloneState::running) return cannot_start(context, "it is " + std::string(protocol::to_string(clone.state)) + "; start it first");
    TRY(check_way_out(context, clone));
    TRY(const std::string why_not, why_not_for_production(context, to));
    if (!why_not.empty()) return cannot_start(context, why_not);
  }
  return outcome::success();
}

Result<std::chrono::milliseconds> probation_of(const protocol::CutoverStart& call, const GuestConfig& config) {
  if (!call.probation_s) return config.probation;
  const auto shortest = static_cast<std::uint64_t>(k_shortest_probation.count());
  const auto longest = static_cast<std::uint64_t>(k_longest_probation.count());
  if (*call.probation_s < shortest || *call.probation_s > longest) {
    return fail(Errc::invalid_argument, "cannot use a probation of " + std::to_string(*call.probation_s) + " s: " + std::to_string(shortest) + " s to 30 days are allowed",
                "/params/probation_s");
  }
  return std::chrono::milliseconds(*call.probation_s * 1000);
}

// The probation begins when everything else is done.
std::unique_ptr<Step> begin_probation_step(const Context& context, const Move& move, std::chrono::milliseconds length, AfterProbation after) {
  const auto begin = [=, &clock = context.ports.clock, id = context.record.id](Family& family) {
    const Timestamp now = clock.now();
    family.probation = Probation{.from = move.from, .to = move.to, .began = now, .ends = now + length, .after = after, .operation = id};
  };
  return edit_step(context, "probation", begin, [](Family& family) { family.probation.reset(); });
}

std::unique_ptr<Step> end_probation_step(const Context& context, const Probation& probation) {
  return edit_step(
      context, "end probation", [](Family& family) { family.probation.reset(); },
      [probation](Family& family) { family.probation = probation; });
}

// What a cutover.undo or commit is about; taken up after a restart, it may be gone from the family already.
Result<Probation> probation_to_end(const Context& context, const Family& family, std::string_view verb) {
  if (family.probation) return *family.probation;
  if (context.making == Making::taken_up) return Probation{};
  return fail(Errc::conflict, "cannot " + std::string(verb) + " a cutover of '" + family.vm.text() + "': there is none on probation");
}

std::string after_text(const Context& context, AfterProbation after) {
  const Family* family = context.registry.find(context.record.vm);
  if (family == nullptr || !family->probation) return {};
  const std::string then = after == AfterProbation::undo ? "undone" : "committed";
  return "; unless committed or undone before, it is " + then + " at " + to_rfc3339(family->probation->ends);
}

}  // namespace

asio::awaitable<Result<Operation>> make_cutover_start(Context context, protocol::CutoverStart call) {
  CO_TRY(const Family* family, family_of(context));
  const auto to = member_named(*family, call.name.text());
  if (!to) co_return Error{to.error().code, to.error().message, "/params/name"};
  auto from = production_member(*family);
  if (context.making == Making::fresh) {
    CO_TRY(check_start(context, *family, to.value()));
  } else if (const auto begun = moved_from(context)) {
    from = begun;
  }
  const Uuid giver = from.value_or(family->uuid);
  CO_TRY(const Move move, co_await plan_move(context, giver, to.value()));
  CO_TRY(const auto probation, probation_of(call, move.config));
  const AfterProbation after = call.after_probation.value_or(move.config.after_probation);
  Operation operation;
  operation.steps = move_steps(context, move);
  operation.steps.push_back(health_step(context, move));
  operation.steps.push_back(begin_probation_step(context, move, probation, after));
  operation.summary = [context, name = call.name.text(), after] { return name + " has production" + after_text(context, after); };
  co_return operation;
}

asio::awaitable<Result<Operation>> make_cutover_undo(Context context, protocol::CutoverUndo) {
  CO_TRY(const Family* family, family_of(context));
  const VmName vm = family->vm;
  CO_TRY(const Probation probation, probation_to_end(context, *family, "undo"));
  Operation operation;
  if (probation.from == Uuid()) {
    // Its last step was done before the restart.
    for (const StepRecord& step : context.record.steps) operation.steps.push_back(edit_step(context, step.name, [](Family&) {}, [](Family&) {}));
    operation.summary = [vm] { return "the cutover of " + vm.text() + " is undone"; };
    co_return operation;
  }
  const std::string back_to = member_name(*family, probation.from);
  if (back_to.empty()) co_return fail(Errc::conflict, "cannot undo the cutover of '" + vm.text() + "': the member that had production before is gone; commit it");
  if (context.making == Making::taken_up || production_member(*family) != probation.from) {
    CO_TRY(Move move, co_await plan_move(context, probation.to, probation.from));
    move.if_refused = IfRefused::force;
    operation.steps = move_steps(context, move);
  }
  operation.steps.push_back(end_probation_step(context, probation));
  operation.summary = [back_to] { return back_to + " has production again"; };
  co_return operation;
}

asio::awaitable<Result<Operation>> make_cutover_commit(Context context, protocol::CutoverCommit) {
  CO_TRY(const Family* family, family_of(context));
  CO_TRY(const Probation probation, probation_to_end(context, *family, "commit"));
  const auto holder = production_member(*family);
  const std::string name = holder ? member_name(*family, *holder) : std::string();
  if (!holder && context.making == Making::fresh) {
    co_return fail(Errc::conflict, "cannot commit the cutover of '" + family->vm.text() + "': nobody has production; 'vmclone repair " + family->vm.text() + "' leads out of this");
  }
  Operation operation;
  operation.point_of_no_return = 0;
  operation.steps.push_back(end_probation_step(context, probation));
  operation.summary = [name] { return name + " has production for good"; };
  co_return operation;
}

}  // namespace zynclone::broker
