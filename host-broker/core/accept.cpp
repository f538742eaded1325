// A request that changes something: seen before? → policy → preconditions → limits → journal → answer. What follows is the engine's.
#include "host-broker/core/broker.hpp"
#include "protocol/codec.hpp"

namespace zynclone::broker {
namespace {

using protocol::OperationState;

constexpr std::size_t k_most_requests = 60;  // a minute, of one family, whatever policy says: each costs a journal entry
constexpr std::chrono::minutes k_request_window{1};

std::string target_of(const protocol::Method& method) {
  return std::visit(
      [](const auto& m) -> std::string {
        if constexpr (requires { m.name.text(); }) return m.name.text();
        else return {};
      },
      method);
}

OperationRecord record_of(const Caller& caller, const Family& family, const protocol::Request& request, Timestamp now) {
  OperationRecord record;
  record.id = make_operation_id(now);
  record.family = family.uuid;
  record.vm = family.vm;
  if (const auto* member = std::get_if<Caller::Member>(&caller.identity)) {
    record.requester = member->uuid.text();
    record.requester_name = member->name;
  } else {
    record.requester = record.requester_name = "admin:" + std::get<Caller::Administrator>(caller.identity).user;
  }
  record.request_id = request.request_id;
  // As it is journalled and compared: without what belongs to this call of it alone.
  protocol::Request canonical{.id = 0, .method = request.method, .vm = family.vm};
  record.request = protocol::encode_request(canonical);
  record.kind = protocol::method_name(request.method);
  record.target = target_of(request.method);
  record.created = now;
  return record;
}

std::string actor_of(const OperationRecord& record) {
  return record.requester.starts_with("admin:") ? record.requester : record.vm.text() + '/' + record.requester_name;
}

// A guest learns that the host's configuration is wrong, not what is in it.
Error for_audience(Error error, Audience audience) {
  if (audience == Audience::administrator || error.code != Errc::configuration) return error;
  return Error{Errc::configuration, "cannot serve this VM: its configuration on the host has a mistake, which the administrator finds with 'vmclone config check'"};
}

}  // namespace

asio::awaitable<Result<protocol::Accepted>> Broker::accept(Caller caller, protocol::Request request) {
  const Audience audience = audience_of(caller);
  CO_TRY(const Family* family, family_for(caller, request));
  OperationRecord record = record_of(caller, *family, request, ports_.clock.now());

  if (!request.plan) {
    CO_TRY(const auto before, co_await seen_before(record));
    if (before) {
      watch(before->id, caller);
      protocol::Accepted accepted;
      accepted.operation = view_of(*before, registry_.find(before->vm), audience);
      co_return accepted;
    }
  }
  CO_TRY(const Verdict verdict, co_await decide(caller, record));
  if (request.plan) {
    protocol::Accepted accepted;
    auto planned = co_await plan(record, verdict, audience);
    if (!planned) co_return outcome::failure(for_audience(std::move(planned).error(), audience));
    accepted.plan = std::move(planned).value();
    co_return accepted;
  }
  // Preconditions once now, for an answer at once; and again when its turn comes, because the world goes on.
  auto checked = co_await make(record, Making::fresh);
  if (!checked) co_return outcome::failure(for_audience(std::move(checked).error(), audience));
  CO_TRY(co_await check_limits(record, verdict));

  record.decision_place = verdict.place;
  record.decision = verdict.decision == Decision::ask ? "ask" : "allow";
  if (verdict.decision == Decision::ask) {
    record.state = OperationState::awaiting_approval;
    record.approvers_needed = verdict.approvers;
    record.approval_expires = record.created + verdict.timeout;
  }
  std::vector<AuditNote> notes(1);
  notes[0] = AuditNote{actor_of(record), "requested", record.id.text(),
                       record.kind + ' ' + record.vm.text() + ' ' + record.target + ": " + record.decision + " by " + record.decision_place};
  auto inserted = co_await ports_.journal.insert(record, notes);
  const bool inserted_before = !inserted;
  if (inserted_before) {
    if (inserted.error().code != Errc::already_exists) co_return outcome::failure(std::move(inserted).error());
    // The same request came twice at once, and the other was first.
    CO_TRY(const auto before, co_await seen_before(record));
    if (!before) co_return outcome::failure(std::move(inserted).error());
    record = *before;
  }
  watch(record.id, caller);
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
  auto& recent = recent_requests_[record.family];
  while (!recent.empty() && recent.front() + k_request_window <= record.created) recent.pop_front();
  if (recent.size() >= k_most_requests) {
    co_return fail(Errc::rate_limited, "cannot take more requests: at most " + std::to_string(k_most_requests) + " a minute are allowed");
  }
  recent.push_back(record.created);

  const Verdict verdict = ports_.policy.decide(record.kind, record.vm, record.created);
  if (verdict.decision == Decision::deny) {
    CO_TRY(co_await ports_.audit.append(actor_of(record), "refused", "", record.kind + ' ' + record.vm.text() + ' ' + record.target + ": by " + verdict.place));
    co_return outcome::failure(refused());
  }
  co_return verdict;
}

asio::awaitable<Result<void>> Broker::check_limits(const OperationRecord& asked, const Verdict& decided) {
  const OperationRecord record = asked;
  const Verdict verdict = decided;
  const Family* family = registry_.find(record.vm);
  const std::string cannot = "cannot take " + record.kind + " for '" + record.vm.text() + "': ";
  if (record.kind == protocol::CloneCreate::method && verdict.clones && family->clones.size() >= *verdict.clones) {
    co_return fail(Errc::limit_exceeded, cannot + "it has " + std::to_string(family->clones.size()) + " clones, and at most " +
                                             std::to_string(*verdict.clones) + " are allowed");
  }
  if (engine_.unfinished(record.family) >= settings_.most_queued) {
    co_return fail(Errc::limit_exceeded, cannot + "at most " + std::to_string(settings_.most_queued) + " operations may wait");
  }
  const auto pending = std::count_if(waiting_.begin(), waiting_.end(), [&](const auto& entry) { return entry.second.family == record.family; });
  if (verdict.decision == Decision::ask && static_cast<std::size_t>(pending) >= settings_.most_pending_approvals) {
    co_return fail(Errc::limit_exceeded, cannot + "at most " + std::to_string(settings_.most_pending_approvals) + " may wait for approval");
  }
  if (!verdict.rate) co_return outcome::success();
  OperationFilter filter;
  filter.family = record.family;
  filter.decision_place = verdict.place;
  filter.created_after = record.created - verdict.rate->window;
  filter.most = verdict.rate->count;
  CO_TRY(const auto earlier, co_await ports_.journal.list(filter));
  if (earlier.size() >= verdict.rate->count) {
    co_return fail(Errc::rate_limited, cannot + "at most " + std::to_string(verdict.rate->count) + " in " +
                                           std::to_string(std::chrono::duration_cast<std::chrono::minutes>(verdict.rate->window).count()) + " minutes are allowed");
  }
  co_return outcome::success();
}

asio::awaitable<Result<protocol::PlanView>> Broker::plan(OperationRecord record, Verdict verdict, Audience audience) {
  CO_TRY(const Operation operation, co_await make(record, Making::fresh));
  CO_TRY(co_await check_limits(record, verdict));
  protocol::PlanView view{.kind = record.kind, .vm = record.vm, .target = record.target, .decision = verdict.decision == Decision::ask ? "ask" : "allow"};
  if (audience == Audience::administrator) view.place = verdict.place;
  for (const auto& step : operation.steps) {
    if (!step->plan().empty()) view.steps.push_back(protocol::StepView{.name = step->name(), .text = step->plan()});
  }
  co_return view;
}

}  // namespace zynclone::broker
