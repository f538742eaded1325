#include "host-broker/core/answers.hpp"

#include "host-broker/core/answers_health.hpp"
#include "host-broker/core/answers_page.hpp"
#include "host-broker/core/peripheral_views.hpp"
#include "host-broker/core/production_views.hpp"
#include "host-broker/core/views_for_guest.hpp"
#include "protocol/codec.hpp"

namespace zynclone::broker {

using namespace protocol;

namespace {

constexpr std::chrono::seconds k_agent_health_limit{25};  // below what its asker waits (k_answer_deadline)

// Lists are in the order of names: it stays the same between two pages, whatever comes or goes meanwhile.
std::vector<const Clone*> by_name(const Family& family) {
  std::vector<const Clone*> clones;
  for (const Clone& clone : family.clones) clones.push_back(&clone);
  std::sort(clones.begin(), clones.end(), [](const Clone* a, const Clone* b) { return a->name < b->name; });
  return clones;
}

}  // namespace

struct Answers {
  Broker& broker;
  Caller caller;
  Request request;

  template <class T>
  using Answer = asio::awaitable<zynclone::Result<T>>;

  // Questions for which the host itself is looked at (backends of all domains, devices) are cheap to ask and dear to answer, and others' work waits for the
  // same threads: of one family's guests they are answered one by one. Administrators wait for nobody.
  asio::awaitable<FamilyTurns::Turn> turn_to_look() const {
    const auto* member = std::get_if<Caller::Member>(&caller.identity);
    if (member == nullptr) co_return FamilyTurns::Turn(nullptr);
    co_return co_await broker.looks_.take(member->family);
  }

  // An administrator who names no VM asks about all.
  zynclone::Result<std::vector<Family>> families_asked_for() const {
    std::vector<Family> families;
    if (audience_of(caller) == Audience::administrator && !request.vm) {
      for (const auto& [vm, family] : broker.registry_.all()) families.push_back(family);
      return families;
    }
    TRY(const Family* family, broker.family_for(caller, request));
    families.push_back(*family);
    return families;
  }

  // To a list without pages, of all VMs' if need be.
  template <class View>
  static zynclone::Result<void> add_all(Page<View>& page, std::vector<View> views, std::string_view what) {
    for (View& view : views) {
      if (!page.add(std::move(view))) return fail(Errc::limit_exceeded, "cannot list the " + std::string(what) + " of all VMs at once: name a VM", "/params/vm");
    }
    return outcome::success();
  }

  Answer<FamilyView> operator()(FamilyShow call) {
    const auto running = co_await running_domains();
    CO_TRY(const Family* family, broker.family_for(caller, request));
    FamilyView view = view_of(*family);
    if (const auto* member = std::get_if<Caller::Member>(&caller.identity)) {
      view.self = member->name;
      view.role = member->uuid == family->uuid ? MemberRole::original : MemberRole::clone;
    }
    view.probation = probation_view(*family);
    Page page(view.clones);
    for (const Clone* clone : by_name(*family)) {
      if (view.more || (call.after && clone->name <= *call.after)) continue;
      view.more = !page.add(shown(*family, *clone, running));
    }
    co_return view;
  }

  Answer<CloneView> operator()(CloneShow call) {
    const auto running = co_await running_domains();
    CO_TRY(const Family* family, broker.family_for(caller, request));
    CO_TRY(const Clone* clone, clone_in(*family, call.name, "show clone", "/params/name"));
    co_return shown(*family, *clone, running);
  }

  // An administrator who names no VM gets the clones of all.
  Answer<CloneListing> operator()(CloneList call) {
    const auto running = co_await running_domains();
    CloneListing listing;
    const bool all = audience_of(caller) == Audience::administrator && !request.vm;
    const Family* wanted = nullptr;
    if (!all) {
      CO_TRY(wanted, broker.family_for(caller, request));
    }
    Page page(listing.clones);
    for (const auto& [vm, family] : broker.registry_.all()) {
      if (!all && &family != wanted) continue;
      if (listing.more || (all && call.after_vm && vm < *call.after_vm)) continue;
      const bool goes_on_here = !all || !call.after_vm || vm == *call.after_vm;
      for (const Clone* clone : by_name(family)) {
        if (listing.more || (goes_on_here && call.after && clone->name <= *call.after)) continue;
        listing.more = !page.add(shown(family, *clone, running));
      }
    }
    co_return listing;
  }

  Answer<CutoverView> operator()(CutoverShow) {
    const FamilyTurns::Turn turn = co_await turn_to_look();
    CO_TRY(const Family* found, broker.family_for(caller, request));
    const Family family = *found;
    CutoverView view{.generation = family.production.generation, .probation = probation_view(family)};
    if (const auto member = production_member(family)) view.production = member_name(family, *member);
    CO_TRY(view.volumes, co_await volume_views(broker.ports_, family, audience_of(caller)));
    CO_TRY(view.peripherals, co_await peripheral_views(broker.ports_, family, audience_of(caller), broker.peripheral_troubles(family.vm)));
    co_return view;
  }

  Answer<VolumeListing> operator()(VolumeList) {
    const FamilyTurns::Turn turn = co_await turn_to_look();
    CO_TRY(const std::vector<Family> families, families_asked_for());
    VolumeListing listing;
    Page page(listing.volumes);
    for (const Family& family : families) {
      CO_TRY(auto views, co_await volume_views(broker.ports_, family, audience_of(caller)));
      CO_TRY(add_all(page, std::move(views), "volumes"));
    }
    co_return listing;
  }

  Answer<PeripheralListing> operator()(PeripheralList) {
    const FamilyTurns::Turn turn = co_await turn_to_look();
    CO_TRY(const std::vector<Family> families, families_asked_for());
    PeripheralListing listing;
    Page page(listing.peripherals);
    for (const Family& family : families) {
      CO_TRY(auto views, co_await peripheral_views(broker.ports_, family, audience_of(caller), broker.peripheral_troubles(family.vm)));
      CO_TRY(add_all(page, std::move(views), "peripherals"));
    }
    co_return listing;
  }

  Answer<OperationView> operator()(OperationShow call) {
    CO_TRY(const auto record, co_await broker.find_operation(caller, call.id));
    co_return view_of(record, broker.registry_.find(record.vm), audience_of(caller));
  }

  Answer<OperationView> operator()(OperationWatch call) {
    CO_TRY(const auto found, co_await broker.find_operation(caller, call.id));
    broker.watch(found, caller);
    // Read once more: what changed while the first was read was told to nobody yet.
    CO_TRY(const auto record, co_await broker.find_operation(caller, call.id));
    co_return view_of(record, broker.registry_.find(record.vm), audience_of(caller));
  }

  // Newest first, without their steps: a page of them must fit a message.
  Answer<OperationListing> operator()(OperationList call) {
    const auto most = std::min<std::size_t>(call.limit, k_most_list_entries);
    OperationFilter filter;
    filter.older_than = call.after;
    filter.most = most + 1;  // is there one more?
    if (audience_of(caller) == Audience::guest || request.vm) {
      CO_TRY(const Family* family, broker.family_for(caller, request));
      filter.family = family->uuid;
    }
    CO_TRY(const auto records, co_await broker.ports_.journal.list(filter));
    OperationListing listing;
    Page page(listing.operations, most);
    for (const OperationRecord& record : records) {
      if (listing.more) break;
      // How far a running one has come the journal does not know.
      const OperationRecord* running = broker.engine_.find(record.id);
      OperationView view = view_of(running != nullptr ? *running : record, nullptr, audience_of(caller));
      view.steps.clear();
      listing.more = !page.add(std::move(view));
    }
    co_return listing;
  }

  Answer<OperationView> operator()(OperationCancel call) {
    CO_TRY(auto record, co_await broker.find_operation(caller, call.id));
    const auto* member = std::get_if<Caller::Member>(&caller.identity);
    if (member != nullptr && record.requester != member->uuid.text()) co_return outcome::failure(refused());
    if (record.cancel_requested && !is_final(record.state)) co_return view_of(record, broker.registry_.find(record.vm), audience_of(caller));
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

  Answer<ApprovalListing> operator()(ApprovalList call) {
    ApprovalListing listing;
    Page page(listing.approvals);
    for (const auto& [id, record] : broker.waiting_) {
      if (listing.more || (call.after && id <= *call.after)) continue;
      ApprovalView view;
      view.operation = view_of(record, nullptr, Audience::administrator);
      view.expires = record.approval_expires.value_or(Timestamp());
      view.approvers_needed = record.approvers_needed;
      view.allowed_by = record.allowed_by;
      listing.more = !page.add(std::move(view));
    }
    co_return listing;
  }

  Answer<OperationView> operator()(ApprovalAllow call) {
    return broker.resolve_approval(caller, call.id, Decision::allow, call.reason);
  }
  Answer<OperationView> operator()(ApprovalDeny call) {
    return broker.resolve_approval(caller, call.id, Decision::deny, call.reason);
  }

  Answer<GrantView> operator()(GrantAdd call) {
    CO_TRY(const Family* family, broker.family_for(caller, request));
    const VmName vm = family->vm;
    co_return co_await broker.add_grant(caller, vm, std::move(call));
  }
  Answer<GrantListing> operator()(GrantList) {
    GrantListing listing;
    CO_TRY(auto grants, co_await broker.ports_.grants.usable_grants(request.vm, broker.ports_.clock.now()));
    Page page(listing.grants);
    for (GrantView& grant : grants) {
      if (page.add(std::move(grant))) continue;
      co_return fail(Errc::limit_exceeded, "cannot list all " + std::to_string(grants.size()) + " grants at once: name a VM", "/params/vm");
    }
    co_return listing;
  }
  Answer<GrantView> operator()(GrantRevoke call) {
    CO_TRY(const GrantView revoked, co_await broker.ports_.grants.revoke_grant(call.id));  // to be asked for again, where the rest fails
    CO_TRY(co_await broker.ports_.audit.append(actor(), "grant revoked", "", revoked.operations + ' ' + revoked.vm.text() + ", " + revoked.id.text()));
    CO_TRY(co_await broker.withdraw(revoked, actor()));
    co_return revoked;
  }

  Answer<AuditListing> operator()(AuditList call) {
    AuditListing listing;
    const auto most = std::min<std::size_t>(call.limit, k_most_list_entries);
    CO_TRY(listing.last, co_await broker.ports_.audit.last_entry());
    CO_TRY(auto entries, co_await broker.ports_.audit.entries(call.after, most + 1));
    Page page(listing.entries, most);
    for (AuditEntry& entry : entries) {
      if (listing.more) break;
      // What is longer than a text may be is whole in the journal, where `vmclone audit verify` reads it.
      entry.detail = cut_text(entry.detail, k_longest_text);
      listing.more = !page.add(std::move(entry));
    }
    co_return listing;
  }

  Answer<HostHealthReport> operator()(HostHealth) {
    std::vector<HealthCheck> checks;
    for (const auto& source : broker.health_sources_) {
      std::vector<HealthCheck> some = co_await source();
      std::move(some.begin(), some.end(), std::back_inserter(checks));
    }
    std::vector<Family> families;
    for (const auto& [vm, family] : broker.registry_.all()) families.push_back(family);
    const auto troubles = [this](const VmName& vm) { return broker.peripheral_troubles(vm); };
    std::vector<HealthCheck> of_production = co_await check_production(broker.ports_, families);
    std::move(of_production.begin(), of_production.end(), std::back_inserter(checks));
    std::vector<HealthCheck> of_peripherals = co_await check_peripherals(broker.ports_, std::move(families), troubles);
    std::move(of_peripherals.begin(), of_peripherals.end(), std::back_inserter(checks));
    HostHealthReport report{.version = broker.settings_.software, .healthy = true};
    for (const HealthCheck& check : checks) report.healthy = report.healthy && check.healthy;
    // Where not all fit, what is not well is told first.
    if (checks.size() > k_most_list_entries) std::stable_partition(checks.begin(), checks.end(), [](const HealthCheck& check) { return !check.healthy; });
    Page page(report.checks);
    for (HealthCheck& check : checks) {
      check.detail = cut_text(check.detail, k_longest_text);
      if (!page.add(std::move(check))) break;
    }
    co_return report;
  }

  Answer<GuestHealthReport> operator()(AgentHealth call) {
    CO_TRY(const Family* family, broker.family_for(caller, request));
    Uuid member = family->uuid;
    std::string name = family->vm.text();
    if (call.clone) {
      CO_TRY(const Clone* clone, clone_in(*family, *call.clone, "ask the agent in clone", "/params/clone"));
      member = clone->uuid;
      name += '/' + clone->name.text();
    }
    auto report = co_await broker.ports_.guests.health(member, k_agent_health_limit);
    if (!report) co_return outcome::failure(with_context(std::move(report).error(), "cannot ask the agent in '" + name + "'"));
    co_return report;
  }

  static zynclone::Result<const Clone*> clone_in(const Family& family, const CloneName& name, std::string_view verb, std::string place) {
    const Clone* clone = find_clone(family, name);
    if (clone != nullptr) return clone;
    return fail(Errc::not_found, "cannot " + std::string(verb) + " '" + name.text() + "': '" + family.vm.text() + "' has no clone of that name", std::move(place));
  }

  // For administrators; where Xen does not tell, clones are shown without.
  asio::awaitable<std::map<Uuid, DomainId>> running_domains() {
    std::map<Uuid, DomainId> running;
    if (audience_of(caller) == Audience::guest) co_return running;
    const auto domains = co_await broker.ports_.toolstack.list_domains();
    if (!domains) co_return running;
    for (const Domain& domain : domains.value()) {
      if (domain.state != DomainState::dying) running[domain.uuid] = domain.id;
    }
    co_return running;
  }

  CloneView shown(const Family& family, const Clone& clone, const std::map<Uuid, DomainId>& running) const {
    CloneView view = view_of(family, clone, audience_of(caller));
    if (const auto domain = running.find(clone.uuid); domain != running.end()) view.domain = domain->second.value;
    return view;
  }

  std::string actor() const {
    if (const auto* member = std::get_if<Caller::Member>(&caller.identity)) return member->vm.text() + '/' + member->name;
    return "admin:" + std::get<Caller::Administrator>(caller.identity).user;
  }
};

namespace {

AdminRole role_needed(const Method& method) {
  const bool approves = std::holds_alternative<ApprovalAllow>(method) || std::holds_alternative<ApprovalDeny>(method) ||
                        std::holds_alternative<GrantAdd>(method) || std::holds_alternative<GrantRevoke>(method);
  if (approves) return AdminRole::approver;
  return std::holds_alternative<OperationCancel>(method) ? AdminRole::admin : AdminRole::viewer;
}

template <class M>
constexpr bool k_is_question = M::effect == Effect::reads && !std::is_void_v<typename M::Result> && M::direction != Direction::to_guest;

template <class M>
asio::awaitable<std::string> answer_one(Answers answers, M method) {
  const std::uint64_t id = *answers.request.id;
  const bool is_guest = audience_of(answers.caller) == Audience::guest;
  auto result = co_await answers(std::move(method));
  if (result) co_return encode_response(id, result.value());
  co_return encode_error(id, is_guest ? for_guest(result.error()) : result.error());
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
