#pragma once
// The broker: takes requests that its gateway has decoded, decides, and lets the engine work. Each request reads top to bottom:
// handle (here) → answer a question (answers.cpp) or accept a change (accept.cpp: policy, limits, journal) → engine → changed (here).
// One thread.

#include <set>

#include "host-broker/core/accept_limits.hpp"
#include "host-broker/core/context.hpp"
#include "host-broker/core/engine.hpp"
#include "host-broker/core/views.hpp"
#include "host-broker/ports/request_handler.hpp"

namespace zynclone::broker {

class Broker : public RequestHandler {
 public:
  // Gives checks for `host.health`: of the channels, of the storage, of the journal.
  using HealthSource = std::function<asio::awaitable<std::vector<protocol::HealthCheck>>()>;

  Broker(asio::any_io_executor executor, Ports ports, CoreSettings settings);

  // Loads families, takes up what a crash left unfinished. Errors: configuration, storage; the broker must not serve then.
  asio::awaitable<Result<void>> start();

  // Compares clones with the domains that run: one whose domain has gone is `active` from then on, one that has a domain is `running`. Also learns
  // of VMs that have been configured since. Called at start, when domains come or go, and now and then.
  asio::awaitable<void> reconcile();

  void add_health_source(HealthSource source) { health_sources_.push_back(std::move(source)); }

  std::optional<Caller::Member> identify(const Domain& domain) override;
  std::string channel_of(const Caller::Member& member) override;
  void connected(const Caller::Member& member) override;
  asio::awaitable<std::string> handle(Caller caller, protocol::Request request) override;

 private:
  friend struct Answers;  // answers.cpp: one overload a method

  // accept.cpp
  asio::awaitable<Result<protocol::Accepted>> accept(Caller caller, protocol::Request request);
  asio::awaitable<Result<protocol::Accepted>> take_in(Caller caller, protocol::Request request);
  asio::awaitable<Result<protocol::PlanView>> plan(OperationRecord record, Verdict verdict, Audience audience);
  asio::awaitable<Result<std::optional<OperationRecord>>> seen_before(const OperationRecord& record);
  asio::awaitable<Result<Verdict>> decide(const Caller& caller, const OperationRecord& record);
  asio::awaitable<Result<void>> note_refusal(OperationRecord record, std::string place);
  asio::awaitable<void> sum_up_refusals(OperationRecord first);
  asio::awaitable<Result<void>> check_limits(OperationRecord record, Verdict verdict);
  asio::awaitable<Result<void>> check_clones(OperationRecord record, unsigned most);
  asio::awaitable<Result<void>> check_rate(OperationRecord record, Rate rate, std::string place);

  // granted.cpp
  asio::awaitable<Result<protocol::GrantView>> add_grant(Caller caller, VmName vm, protocol::GrantAdd call);
  asio::awaitable<Result<void>> apply_grants(OperationRecord& record);
  asio::awaitable<Result<void>> withdraw(protocol::GrantView revoked, std::string actor);

  // own_operations.cpp: what the broker does by itself
  asio::awaitable<Result<OperationId>> begin(VmName vm, protocol::Method method);
  std::chrono::milliseconds own_retry() const { return std::chrono::duration_cast<std::chrono::milliseconds>(settings_.own_retry); }
  bool may_be_undone(const Family* family, const OperationId& cutover) const;
  // Somebody moves or repairs the family's production at this moment.
  bool is_production_in_work(const Uuid& family) const { return engine_.is_unfinished(family, "cutover.") || engine_.is_unfinished(family, "vm.repair"); }
  void watch_times(const Family& family);
  asio::awaitable<void> end_probation(Uuid family, OperationId cutover);
  asio::awaitable<void> watch_probation(Uuid family, OperationId cutover);
  asio::awaitable<void> expire_clone(Uuid family, Uuid clone);
  asio::awaitable<void> attach_volumes();
  asio::awaitable<bool> has_been_given(Family family, SharedVolume volume, DomainId domain);

  // peripheral_keeping.cpp
  struct KeptPeripheral {
    bool is_present = true;             // when it was last looked for
    std::string trouble;                // why nobody has it, or the wrong one; said once
    int tries = 0;                      // that failed, for `tried_for`
    std::optional<DomainId> tried_for;
    Timestamp next_try{};
  };
  asio::awaitable<void> keep_peripherals();
  asio::awaitable<void> keep(VmName vm, Peripheral peripheral, std::string channel);
  asio::awaitable<void> plug_changed(Family family, Peripheral peripheral, std::vector<Domain> domains, std::optional<PeripheralPlace> place);
  asio::awaitable<bool> take_from_wrong(Family family, Peripheral peripheral, KeptPeripheral& kept, std::vector<Domain> domains, DomainId holder);
  asio::awaitable<void> give_to_producer(Family family, Peripheral peripheral, KeptPeripheral& kept, DomainId domain);
  void say_trouble(const VmName& vm, const Peripheral& peripheral, KeptPeripheral& kept, const std::string& trouble);
  asio::awaitable<void> note(VmName vm, Peripheral peripheral, std::string event, std::string more);
  std::map<std::string, std::string> peripheral_troubles(const VmName& vm) const;
  void give_identities();
  asio::awaitable<void> give_identity_to(VmName vm, Uuid clone, std::string name);
  // volume_keeping.cpp
  void part_volumes();
  asio::awaitable<void> part_volumes_of(VmName vm, std::vector<SharedVolume> volumes);
  asio::awaitable<void> part_volume(VmName vm, SharedVolume volume);
  struct Strangers {
    std::string who;
    bool is_reported = false;
  };
  asio::awaitable<void> report_strangers(VmName vm, SharedVolume volume, Uuid family, std::string strangers);

  asio::awaitable<void> remove_stray_images(const std::vector<OperationRecord>& unfinished);

  // approvals.cpp
  void await_approval(OperationRecord record);
  std::optional<Uuid> named_by(const OperationRecord& record) const;
  asio::awaitable<void> expire(OperationId id, Timestamp when);
  asio::awaitable<Result<protocol::OperationView>> resolve_approval(Caller caller, OperationId id, Decision decision, std::string reason);
  asio::awaitable<Result<void>> end_waiting(OperationRecord record, protocol::OperationState state, Error error, std::string actor);
  // Writes down what is decided about an operation that waits; nobody else decides about it meanwhile. Where it cannot be written, it waits as before.
  asio::awaitable<Result<void>> change_waiting(OperationRecord record, AuditNote note);

  asio::awaitable<Result<OperationRecord>> find_operation(Caller caller, OperationId id);
  Result<void> check_messages(const Caller& caller);
  Result<const Family*> family_for(const Caller& caller, const protocol::Request& request);
  void watch(const OperationRecord& record, const Caller& caller);
  void changed(const OperationRecord& record);
  asio::awaitable<Result<Operation>> make(OperationRecord record, Making making);
  Context context_for(OperationRecord record, Making making);

  struct Watcher {
    std::weak_ptr<Notify> notify;
    Audience audience;
  };

  asio::any_io_executor executor_;
  Ports ports_;
  CoreSettings settings_;
  Registry registry_;
  Engine engine_;
  std::map<OperationId, OperationRecord> waiting_;  // for approval
  std::map<OperationId, std::optional<Uuid>> meant_;  // of those that wait: the clone that each names, as it was when it was asked for
  std::map<OperationId, std::vector<Watcher>> watchers_;
  MessageLimit message_limit_;
  RequestLimit request_limit_;
  RefusalLimit refusal_limit_;
  FamilyTurns turns_;
  FamilyTurns looks_;                                  // at the host, for guests' questions
  std::set<std::string> watched_times_;                // probations and clones whose end is waited for
  std::set<DomainId> connected_;                       // domains whose agent has had a channel
  std::map<std::string, DomainId> attach_tried_;       // shared volumes: for which domain of its holder
  std::map<std::string, DomainId> known_given_;        // shared volumes: the domain whose agent was told of it
  std::map<Uuid, Timestamp> identity_due_;             // clones that await their identity: when their agents are asked again
  std::set<Uuid> identity_asked_;                      // those of them whose agents are being asked
  std::set<VmName> parting_;                           // whose shared volumes are being looked at
  std::map<std::string, Strangers> strangers_;         // shared volumes: who had it without its lease at the last look
  std::map<std::pair<VmName, PeripheralName>, KeptPeripheral> kept_peripherals_;
  bool has_started_ = false;                           // before, nobody knows which families an operation works at
  bool is_keeping_ = false;                            // somebody looks after peripherals
  bool keep_again_ = false;
  std::vector<HealthSource> health_sources_;
};

// A guest is told the same whether it may not or there is no such thing.
Error refused();

}  // namespace zynclone::broker
