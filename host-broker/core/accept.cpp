// A request that changes something: seen before? → policy → preconditions → limits → journal → answer. What follows is the engine's.
#include "host-broker/core/broker.hpp"
#include "host-broker/core/records.hpp"
#include "host-broker/core/views_for_guest.hpp"
#include "protocol/codec.hpp"
#include "system/log.hpp"

namespace zynclone::broker {
namespace {

using protocol::OperationState;

OperationRecord record_of(const Caller& caller, const Family& family, const protocol::Request& request, Timestamp now) {
  OperationRecord record = new_record(family, request.method, now);
  if (const auto* member = std::get_if<Caller::Member>(&caller.identity)) {
    record.requester = member->uuid.text();
    record.requester_name = member->name;
  } else {
    record.requester = record.requester_name = "admin:" + std::get<Caller::Administrator>(caller.identity).user;
  }
  record.request_id = request.request_id;
  return record;
}

// "clone.create pos1 upgrade-1", "cutover.undo pos1": as the audit log names what was asked.
std::string asked_text(const OperationRecord& record) {
  return record.kind + ' ' + record.vm.text() + (record.target.empty() ? std::string() : ' ' + record.target);
}

std::string cannot_take(const OperationRecord& record) { return "cannot take " + record.kind + " for '" + record.vm.text() + "': "; }

// "6 in 60 minutes", "2 in 30 seconds".
std::string rate_text(const Rate& rate) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(rate.window).count();
  const bool whole_minutes = seconds % 60 == 0;
  return std::to_string(rate.count) + " in " + std::to_string(whole_minutes ? seconds / 60 : seconds) + (whole_minutes ? " minutes" : " seconds");
}

}  // namespace

// A guest is told of the host's faults in plain words only; the host's log has them whole.
asio::awaitable<Result<protocol::Accepted>> Broker::accept(Caller caller, protocol::Request request) {
  const std::string kind(protocol::method_name(request.method));
  auto accepted = co_await take_in(caller, std::move(request));
  const auto* member = std::get_if<Caller::Member>(&caller.identity);
  if (accepted || member == nullptr) co_return accepted;
  const Error& error = accepted.error();
  if (is_of_host(error.code)) {
    log_warning("cannot take " + kind + " of " + member->vm.text() + '/' + member->name + ": " + error.message +
                (error.place.empty() ? "" : " (" + error.place + ')'));
  }
  co_return outcome::failure(for_guest(error));
}

asio::awaitable<Result<protocol::Accepted>> Broker::take_in(Caller caller, protocol::Request request) {
  const Audience audience = audience_of(caller);
  CO_TRY(const Family* family, family_for(caller, request));
  OperationRecord record = record_of(caller, *family, request, ports_.clock.now());

  if (!request.plan) {
    CO_TRY(const auto before, co_await seen_before(record));
    if (before) {
      watch(*before, caller);
      protocol::Accepted accepted;
      accepted.operation = view_of(*before, registry_.find(before->vm), audience);
      co_return accepted;
    }
  }
  CO_TRY(const Verdict verdict, co_await decide(caller, record));
  if (request.plan) {
    protocol::Accepted accepted;
    CO_TRY(accepted.plan, co_await plan(record, verdict, audience));
    co_return accepted;
  }
  // Preconditions once now, for an answer at once; and again when its turn comes, because the world goes on.
  CO_TRY(co_await make(record, Making::fresh));
  const FamilyTurns::Turn turn = co_await turns_.take(record.family);
  CO_TRY(co_await check_limits(record, verdict));

  record.decision_place = verdict.place;
  record.decision = verdict.decision == Decision::ask ? "ask" : "allow";
  if (verdict.decision == Decision::ask) {
    record.state = OperationState::awaiting_approval;
    record.approvers_needed = verdict.approvers;
    record.approval_expires = record.created + verdict.timeout;
    CO_TRY(co_await apply_grants(record));
  }
  std::vector<AuditNote> notes(1);
  const std::string detail = detail_of(record);  // last: it holds the requester's own words
  notes[0] = AuditNote{actor_of(record), "requested", record.id.text(),
                       asked_text(record) + ": " + record.decision + " by " + record.decision_place + (detail.empty() ? "" : "; " + detail)};
  auto inserted = co_await ports_.journal.insert(record, notes);
  const bool inserted_before = !inserted;
  if (inserted_before) {
    if (inserted.error().code != Errc::already_exists) co_return outcome::failure(std::move(inserted).error());
    // The same request came twice at once, and the other was first.
    CO_TRY(const auto before, co_await seen_before(record));
    if (!before) co_return outcome::failure(std::move(inserted).error());
    record = *before;
  }
  watch(record, caller);
  if (!inserted_before) {
    if (record.state == OperationState::awaiting_approval) await_approval(record);
    else engine_.enqueue(record);
  }
  protocol::Accepted accepted;
  accepted.operation = view_of(record, registry_.find(record.vm), audience);
  co_return accepted;
}

asio::awaitable<Result<std::optional<OperationRecord>>> Broker::seen_before(const OperationRecord& asked) {
  const OperationRecord record = asked;
  if (!record.request_id) co_return std::optional<OperationRecord>();
  CO_TRY(auto found, co_await ports_.journal.find_request(record.requester, *record.request_id));
  if (found && found->request != record.request) {
    co_return fail(Errc::conflict, "cannot use request id '" + record.request_id->text() + "': it was used for another request, operation " +
                                       found->id.text(), "/params/request_id");
  }
  if (found) {
    if (const OperationRecord* now = engine_.find(found->id)) found = *now;
  }
  co_return found;
}

asio::awaitable<Result<Verdict>> Broker::decide(const Caller& asking, const OperationRecord& asked) {
  const Caller caller = asking;
  const OperationRecord record = asked;
  if (const auto* admin = std::get_if<Caller::Administrator>(&caller.identity)) {
    if (admin->role < AdminRole::admin) {
      co_return fail(Errc::refused, "cannot call '" + record.kind + "': '" + admin->user + "' is not in group zynclone-admin");
    }
    Verdict verdict;
    verdict.decision = Decision::allow;
    verdict.place = "administrator";
    co_return verdict;
  }
  const SteadyTime now = ports_.clock.steady();
  if (!request_limit_.take(record.family, now)) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(request_limit_.next(record.family) - now);
    co_return fail(Errc::rate_limited, "cannot take more requests: at most " + std::to_string(k_most_requests) +
                                           " a minute are allowed; the next one at " + to_rfc3339(record.created + left));
  }
  const Verdict verdict = ports_.policy.decide(record.kind, record.vm, record.created);
  if (verdict.decision == Decision::deny) {
    CO_TRY(co_await note_refusal(record, verdict.place));
    co_return outcome::failure(refused());
  }
  co_return verdict;
}

// The first of an hour each by an entry, the others by their number: a guest that asks for ever must not fill the host's disk.
asio::awaitable<Result<void>> Broker::note_refusal(OperationRecord record, std::string place) {
  const auto note = refusal_limit_.note(record.family, ports_.clock.steady());
  if (note == RefusalLimit::Note::first_counted) {
    spawn(executor_, "refusals of " + record.vm.text(), sum_up_refusals(std::move(record)));
    co_return outcome::success();
  }
  if (note == RefusalLimit::Note::counted) co_return outcome::success();
  co_return co_await ports_.audit.append(actor_of(record), "refused", "", asked_text(record) + ": by " + place);
}

asio::awaitable<void> Broker::sum_up_refusals(OperationRecord first) {
  const SteadyTime end = refusal_limit_.ends(first.family);
  for (SteadyTime now = ports_.clock.steady(); now < end; now = ports_.clock.steady()) {
    const Timestamp time = ports_.clock.now() + std::chrono::ceil<std::chrono::milliseconds>(end - now);
    co_await ports_.clock.sleep_until(time);
  }
  const std::uint64_t count = refusal_limit_.take_count(first.family);
  auto noted = co_await ports_.audit.append(first.vm.text(), "refused", "", std::to_string(count) + " more requests since " +
                                                to_rfc3339(first.created) + ", the first of them " + asked_text(first));
  if (!noted) log_error("cannot note " + std::to_string(count) + " refused requests of " + first.vm.text() + ": " + noted.error().message);
}

asio::awaitable<Result<void>> Broker::check_limits(OperationRecord record, Verdict verdict) {
  if (is_of_administrator(record)) co_return outcome::success();  // whatever guests have waiting
  const std::string cannot = cannot_take(record);
  if (engine_.unfinished(record.family) >= settings_.most_queued) {
    co_return fail(Errc::limit_exceeded, cannot + "at most " + std::to_string(settings_.most_queued) + " operations may wait");
  }
  const auto pending = std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& entry) { return entry.second.family == record.family; });
  if (verdict.decision == Decision::ask && static_cast<std::size_t>(pending) >= settings_.most_pending_approvals) {
    co_return fail(Errc::limit_exceeded, cannot + "at most " + std::to_string(settings_.most_pending_approvals) + " may wait for approval");
  }
  if (verdict.clones && record.kind == protocol::CloneCreate::method) {
    CO_TRY(co_await check_clones(record, *verdict.clones));
  }
  if (verdict.rate) {
    CO_TRY(co_await check_rate(record, *verdict.rate, verdict.place));
  }
  co_return outcome::success();
}

// Those that are there, and those that were asked for and are not there yet.
asio::awaitable<Result<void>> Broker::check_clones(OperationRecord record, unsigned most) {
  OperationFilter filter;
  filter.family = record.family;
  filter.unfinished_only = true;
  CO_TRY(const auto unfinished, co_await ports_.journal.list(filter));
  const Family* family = registry_.find(record.vm);
  if (family == nullptr) co_return outcome::failure(refused());
  const auto comes = [&](const OperationRecord& other) {
    return other.kind == record.kind && find_clone(*family, std::string_view(other.target)) == nullptr;
  };
  const auto count = family->clones.size() + static_cast<std::size_t>(std::count_if(unfinished.begin(), unfinished.end(), comes));
  if (count < most) co_return outcome::success();
  co_return fail(Errc::limit_exceeded, cannot_take(record) + "it has, or will have, " + std::to_string(count) + " clones, and at most " +
                                           std::to_string(most) + " are allowed");
}

// What the journal has of the future was written before the clock was set back; it counts for nothing.
asio::awaitable<Result<void>> Broker::check_rate(OperationRecord record, Rate rate, std::string place) {
  const Timestamp now = ports_.clock.now();
  OperationFilter filter;
  filter.family = record.family;
  filter.decision_place = std::move(place);
  filter.created_after = now - rate.window;
  filter.created_until = now;
  filter.most = rate.count;
  CO_TRY(const auto earlier, co_await ports_.journal.list(filter));
  if (earlier.size() < rate.count) co_return outcome::success();
  const Timestamp next = earlier.empty() ? now : earlier.back().created + rate.window;
  co_return fail(Errc::rate_limited, cannot_take(record) + "at most " + rate_text(rate) + " are allowed; the next one at " + to_rfc3339(next));
}

asio::awaitable<Result<protocol::PlanView>> Broker::plan(OperationRecord record, Verdict verdict, Audience audience) {
  CO_TRY(const Operation operation, co_await make(record, Making::fresh));
  CO_TRY(co_await check_limits(record, verdict));
  protocol::PlanView view{.kind = record.kind, .vm = record.vm, .target = record.target, .decision = verdict.decision == Decision::ask ? "ask" : "allow"};
  if (audience == Audience::administrator) view.place = verdict.place;
  for (const auto& step : operation.steps) {
    const std::string text = audience == Audience::guest ? for_guest(std::string_view(step->plan())) : step->plan();
    if (!text.empty()) view.steps.push_back(protocol::StepView{.name = step->name(), .text = std::string(cut_text(text, protocol::k_longest_text))});
  }
  co_return view;
}

}  // namespace zynclone::broker
