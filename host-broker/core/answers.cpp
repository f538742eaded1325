#include "host-broker/core/answers.hpp"

#include "protocol/codec.hpp"

namespace zynclone::broker {

using namespace protocol;

struct Answers {
  Broker& broker;
  Caller caller;
  Request request;

  template <class T>
  using Answer = asio::awaitable<zynclone::Result<T>>;

  Answer<FamilyView> operator()(FamilyShow) {
    CO_TRY(const Family* family, broker.family_for(caller, request));
    FamilyView view = view_of(*family, audience_of(caller));
    if (const auto* member = std::get_if<Caller::Member>(&caller.identity)) {
      view.self = member->name;
      view.role = member->uuid == family->uuid ? MemberRole::original : MemberRole::clone;
    }
    co_return view;
  }

  Answer<CloneView> operator()(CloneShow call) {
    CO_TRY(const Family* family, broker.family_for(caller, request));
    const Clone* clone = find_clone(*family, call.name);
    if (clone == nullptr) {
      co_return fail(Errc::not_found, "cannot show clone '" + call.name.text() + "': '" + family->vm.text() + "' has no clone of that name", "/params/name");
    }
    co_return view_of(*family, *clone, audience_of(caller));
  }

  // An administrator who names no VM gets the clones of all.
  Answer<CloneListing> operator()(CloneList) {
    CloneListing listing;
    const bool all = audience_of(caller) == Audience::administrator && !request.vm;
    const Family* wanted = nullptr;
    if (!all) {
      CO_TRY(wanted, broker.family_for(caller, request));
    }
    std::size_t size = 0;
    for (const auto& [vm, family] : broker.registry_.all()) {
      if (!all && &family != wanted) continue;
      for (const Clone& clone : family.clones) {
        CloneView view = view_of(family, clone, audience_of(caller));
        size += encode_view(view).size();
        if (size > k_longest_message * 3 / 4 || listing.clones.size() == k_most_list_entries) co_return listing;
        listing.clones.push_back(std::move(view));
      }
    }
    co_return listing;
  }

  Answer<OperationView> operator()(OperationShow call) {
    CO_TRY(const auto record, co_await broker.find_operation(caller, call.id));
    co_return view_of(record, broker.registry_.find(record.vm), audience_of(caller));
  }

  Answer<OperationView> operator()(OperationWatch call) {
    CO_TRY(const auto found, co_await broker.find_operation(caller, call.id));
    if (!is_final(found.state)) broker.watch(call.id, caller);
    // Read once more: what changed while the first was read was told to nobody yet.
    CO_TRY(const auto record, co_await broker.find_operation(caller, call.id));
    co_return view_of(record, broker.registry_.find(record.vm), audience_of(caller));
  }

  // Newest first, without their steps: a page of them must fit a message.
  Answer<OperationListing> operator()(OperationList call) {
    OperationFilter filter;
    filter.most = std::min<std::size_t>(call.limit, k_most_list_entries);
    if (audience_of(caller) == Audience::guest || request.vm) {
      CO_TRY(const Family* family, broker.family_for(caller, request));
      filter.family = family->uuid;
    }
    CO_TRY(const auto records, co_await broker.ports_.journal.list(filter));
    OperationListing listing;
    std::size_t size = 0;
    for (const OperationRecord& record : records) {
      OperationView view = view_of(record, nullptr, audience_of(caller));
      view.steps.clear();
      size += encode_view(view).size();
      if (size > k_longest_message * 3 / 4) break;
      listing.operations.push_back(std::move(view));
    }
    co_return listing;
  }

  Answer<OperationView> operator()(OperationCancel call) {
    CO_TRY(auto record, co_await broker.find_operation(caller, call.id));
    if (record.state == OperationState::awaiting_approval) {
      const Error error{Errc::cancelled, "cancelled before it was approved"};
      CO_TRY(co_await broker.end_waiting(record, OperationState::cancelled, error, actor()));
    } else {
      CO_TRY(co_await broker.engine_.cancel(call.id));
      (void)co_await broker.ports_.audit.append(actor(), "cancel requested", call.id.text(), "");
    }
    CO_TRY(record, co_await broker.find_operation(caller, call.id));
    co_return view_of(record, broker.registry_.find(record.vm), audience_of(caller));
  }

  Answer<ApprovalListing> operator()(ApprovalList) {
    ApprovalListing listing;
    for (const auto& [id, record] : broker.waiting_) {
      if (listing.approvals.size() == k_most_list_entries) break;
      ApprovalView view;
      view.operation = view_of(record, nullptr, Audience::administrator);
      view.expires = record.approval_expires.value_or(Timestamp());
      view.approvers_needed = record.approvers_needed;
      view.allowed_by = record.allowed_by;
      listing.approvals.push_back(std::move(view));
    }
    co_return listing;
  }

  Answer<OperationView> operator()(ApprovalAllow call) {
    return broker.resolve_approval(caller, call.id, Decision::allow, call.reason);
  }
  Answer<OperationView> operator()(ApprovalDeny call) {
    return broker.resolve_approval(caller, call.id, Decision::deny, call.reason);
  }

  Answer<AuditListing> operator()(AuditList call) {
    AuditListing listing;
    const auto most = std::min<std::size_t>(call.limit, k_most_list_entries);
    CO_TRY(const auto entries, co_await broker.ports_.audit.entries(call.after, most));
    std::size_t size = 0;
    for (const AuditEntry& entry : entries) {
      size += encode_view(entry).size();
      if (size > k_longest_message * 3 / 4) break;
      listing.entries.push_back(entry);
    }
    co_return listing;
  }

  Answer<HostHealthReport> operator()(HostHealth) {
    HostHealthReport report{.version = broker.settings_.software, .healthy = true};
    for (const auto& source : broker.health_sources_) {
      for (HealthCheck& check : source()) report.checks.push_back(std::move(check));
    }
    for (const HealthCheck& check : report.checks) report.healthy = report.healthy && check.healthy;
    co_return report;
  }

  std::string actor() const {
    if (const auto* member = std::get_if<Caller::Member>(&caller.identity)) return member->vm.text() + '/' + member->name;
    return "admin:" + std::get<Caller::Administrator>(caller.identity).user;
  }
};

namespace {

AdminRole role_needed(const Method& method) {
  if (std::holds_alternative<ApprovalAllow>(method) || std::holds_alternative<ApprovalDeny>(method)) return AdminRole::approver;
  return std::holds_alternative<OperationCancel>(method) ? AdminRole::admin : AdminRole::viewer;
}

template <class M>
constexpr bool k_is_question = M::effect == Effect::reads && !std::is_void_v<typename M::Result> && M::direction != Direction::to_guest;

template <class M>
asio::awaitable<std::string> answer_one(Answers answers, M method) {
  const std::uint64_t id = *answers.request.id;
  auto result = co_await answers(std::move(method));
  co_return result ? encode_response(id, result.value()) : encode_error(id, result.error());
}

asio::awaitable<std::string> respond(std::string text) { co_return text; }

}  // namespace

asio::awaitable<std::string> answer(Broker& broker, Caller caller, Request request) {
  if (const auto* admin = std::get_if<Caller::Administrator>(&caller.identity); admin != nullptr && admin->role < role_needed(request.method)) {
    return respond(encode_error(request.id, Error{Errc::refused, "cannot call '" + std::string(method_name(request.method)) +
                                                                     "': '" + admin->user + "' is not in a group that may"}));
  }
  const Method method = request.method;
  Answers answers{broker, std::move(caller), std::move(request)};
  return std::visit(
      [&answers](const auto& m) -> asio::awaitable<std::string> {
        using M = std::decay_t<decltype(m)>;
        if constexpr (k_is_question<M>) return answer_one<M>(std::move(answers), m);
        else return respond(encode_error(answers.request.id, Error{Errc::unknown_method, "cannot call '" + std::string(M::method) + "': no such method"}));
      },
      method);
}

}  // namespace zynclone::broker
