// What the broker asks for by itself: the end of a probation, of a clone's time to live, shared volumes for a domain that has just come. Each is an
// operation like any other, with "broker" as its requester.
#include "host-broker/core/broker.hpp"
#include "host-broker/core/operations/live_steps.hpp"
#include "host-broker/core/operations/production_steps.hpp"
#include "host-broker/core/operations/volume_steps.hpp"
#include "host-broker/core/records.hpp"
#include "system/log.hpp"

namespace zynclone::broker {

using protocol::CloneState;

namespace {

constexpr std::chrono::milliseconds k_look_at_unwell{2000};

bool is_on_probation(const Family* family, const OperationId& cutover) {
  return family != nullptr && family->probation && family->probation->operation == cutover;
}

}  // namespace

asio::awaitable<Result<OperationId>> Broker::begin(VmName vm, protocol::Method method) {
  const Family* family = registry_.find(vm);
  if (family == nullptr) co_return fail(Errc::not_found, "cannot find VM '" + vm.text() + "': it has no family here");
  OperationRecord record = new_record(*family, method, ports_.clock.now());
  record.requester = record.requester_name = std::string(k_broker);
  record.decision = "allow";
  record.decision_place = std::string(k_broker);
  CO_TRY(co_await make(record, Making::fresh));
  std::vector<AuditNote> notes(1);
  notes[0] = AuditNote{std::string(k_broker), "requested", record.id.text(), record.kind + ' ' + vm.text() + ' ' + record.target};
  CO_TRY(co_await ports_.journal.insert(record, notes));
  engine_.enqueue(record);
  co_return record.id;
}

void Broker::watch_times(const Family& family) {
  if (family.probation && watched_times_.insert(family.probation->operation.text()).second) {
    spawn(executor_, "probation of " + family.vm.text(), end_probation(family.uuid, family.probation->operation));
    spawn(executor_, "health of " + family.vm.text(), watch_probation(family.uuid, family.probation->operation));
  }
  for (const Clone& clone : family.clones) {
    if (!clone.expires || clone.is_protected || !watched_times_.insert(clone.uuid.text()).second) continue;
    spawn(executor_, "time of clone " + clone.name.text(), expire_clone(family.uuid, clone.uuid));
  }
}

// Until it is committed or undone: what fails is tried again, as a till must not stay with a member that nobody decided for.
asio::awaitable<void> Broker::end_probation(Uuid uuid, OperationId cutover) {
  for (auto pause = own_retry();; pause = std::min(pause * 2, own_retry() * 60)) {
    const Family* family = registry_.find(uuid);
    if (!is_on_probation(family, cutover)) {
      if (!is_production_in_work(uuid)) break;
      co_await ports_.clock.sleep_until(ports_.clock.now() + own_retry());  // its end may be undone yet
      continue;
    }
    const VmName vm = family->vm;
    const Probation probation = *family->probation;
    if (ports_.clock.now() < probation.ends) {
      co_await ports_.clock.sleep_until(probation.ends);
      pause = own_retry() / 2;
      continue;
    }
    if (!is_production_in_work(uuid)) {
      const bool undoes = probation.after == protocol::AfterProbation::undo;
      const protocol::Method method = undoes ? protocol::Method(protocol::CutoverUndo()) : protocol::Method(protocol::CutoverCommit());
      log_info("the probation of " + vm.text() + " is over: its cutover is to be " + (undoes ? "undone" : "committed"));
      auto begun = co_await begin(vm, method);
      if (!begun) log_error("cannot end the probation of " + vm.text() + ": " + begun.error().message);
    }
    co_await ports_.clock.sleep_until(ports_.clock.now() + pause);
  }
  watched_times_.erase(cutover.text());
}

// A member that stays unwell for as long as one may take to become well (health_timeout), or silent, does not keep the till until its probation ends.
// Nobody interferes with what is being decided, or with a member in which a command runs or of which a clone is made: what it says meanwhile does not count.
asio::awaitable<void> Broker::watch_probation(Uuid uuid, OperationId cutover) {
  const auto well_pause = std::chrono::duration_cast<std::chrono::milliseconds>(settings_.health_pause);
  auto undo_pause = own_retry();
  std::optional<std::chrono::steady_clock::time_point> unwell_since;
  for (auto pause = well_pause;;) {
    co_await ports_.clock.sleep_until(ports_.clock.now() + pause);
    const Family* family = registry_.find(uuid);
    if (!is_on_probation(family, cutover) && !is_production_in_work(uuid)) co_return;
    pause = well_pause;
    if (!may_be_undone(family, cutover)) {
      unwell_since.reset();
      continue;
    }
    const VmName vm = family->vm;
    const Uuid member = family->probation->to;
    const std::string name = member_name(*family, member);
    const auto report = co_await ports_.guests.health(member, k_prepare_limit);
    const std::string why = why_unwell(report);
    const auto config = ports_.configuration.guest(vm);
    if (why.empty() || !may_be_undone(registry_.find(uuid), cutover) || !config) {
      unwell_since.reset();
      continue;
    }
    pause = k_look_at_unwell;
    if (!report && report.error().code == Errc::busy) continue;  // it has not said; it answers somebody else
    const auto now = ports_.clock.steady();
    if (!unwell_since) unwell_since = now;
    if (now - *unwell_since < config.value().health_timeout) continue;
    const std::string text = vm.text() + ": " + name + " is not well: " + why + "; its cutover is to be undone";
    log_warning(text);
    (void)co_await ports_.audit.append(std::string(k_broker), "unwell on probation", "", text);
    if (!may_be_undone(registry_.find(uuid), cutover)) continue;
    const protocol::Method undo{protocol::CutoverUndo()};
    auto begun = co_await begin(vm, undo);
    if (!begun) log_error("cannot undo the cutover of " + vm.text() + ": " + begun.error().message);
    pause = undo_pause;
    undo_pause = std::min(undo_pause * 2, own_retry() * 60);
  }
}

// Because its new member is unwell: that member has production, can be asked, and nothing of the family is in work that explains it.
bool Broker::may_be_undone(const Family* family, const OperationId& cutover) const {
  if (!is_on_probation(family, cutover) || production_member(*family) != family->probation->to) return false;
  const auto config = ports_.configuration.guest(family->vm);
  const auto is_in_work = [&](std::string_view kind) { return engine_.is_unfinished(family->uuid, kind); };
  return config && config.value().channel != "none" && !is_production_in_work(family->uuid) && !is_in_work(protocol::AgentRun::method) &&
         !is_in_work(protocol::CloneCreate::method);
}

// A clone that has production, or may get it back, stays until that is decided.
asio::awaitable<void> Broker::expire_clone(Uuid uuid, Uuid clone_uuid) {
  for (bool warned = false;;) {
    const Family* family = registry_.find(uuid);
    const Clone* clone = family == nullptr ? nullptr : find_clone(*family, clone_uuid);
    if (clone == nullptr || !clone->expires || clone->is_protected) break;
    const VmName vm = family->vm;
    const CloneName name = clone->name;
    const bool runs = clone->state == CloneState::running;
    const Timestamp expires = *clone->expires;
    const Timestamp next = warned ? expires : expires - std::chrono::duration_cast<std::chrono::milliseconds>(settings_.expiry_warning);
    if (ports_.clock.now() < next) {
      co_await ports_.clock.sleep_until(next);
      continue;
    }
    if (!warned) {
      warned = true;
      const std::string text = vm.text() + '/' + name.text() + " is removed at " + to_rfc3339(expires);
      log_warning("clone " + text);
      (void)co_await ports_.audit.append(std::string(k_broker), "expires soon", "", text);
      continue;
    }
    if (!engine_.is_unfinished(uuid, runs ? protocol::CloneStop::method : protocol::CloneRemove::method)) {
      const protocol::Method method = runs ? protocol::Method(protocol::CloneStop{.name = name}) : protocol::Method(protocol::CloneRemove{.name = name});
      auto begun = co_await begin(vm, method);
      if (!begun) log_warning("cannot remove clone " + vm.text() + '/' + name.text() + ", whose time is over: " + begun.error().message);
    }
    co_await ports_.clock.sleep_until(ports_.clock.now() + own_retry());
  }
  watched_times_.erase(clone_uuid.text());
}

void Broker::connected(const Caller::Member& member) {
  const Family* family = registry_.find(member.family);
  const Clone* clone = family == nullptr ? nullptr : find_clone(*family, member.uuid);
  identity_due_.erase(member.uuid);
  if (clone != nullptr && clone->awaits_identity) give_identities();
  if (!connected_.insert(member.domain).second) return;
  spawn(executor_, "volumes for " + member.name, attach_volumes());
  spawn(executor_, "peripherals for " + member.name, keep_peripherals());
}

// Live clones whose agents had not taken their identity while they were made: as soon as one connects, and now and then. Each is asked by itself: it is a
// guest, which may take all the time that it has, and neither another one nor the host waits for it.
void Broker::give_identities() {
  struct Waiting {
    VmName vm;
    Uuid clone;
    std::string name;
  };
  std::vector<Waiting> all;
  std::set<Uuid> awaiting;
  for (const auto& [vm, family] : registry_.all()) {
    for (const Clone& clone : family.clones) {
      if (!clone.awaits_identity) continue;
      awaiting.insert(clone.uuid);
      const bool is_in_work = engine_.unfinished(family.uuid) > 0 || identity_asked_.contains(clone.uuid);  // it may just be being made, or removed
      if (clone.state == CloneState::running && !is_in_work) all.push_back({vm, clone.uuid, clone.name.text()});
    }
  }
  std::erase_if(identity_due_, [&](const auto& entry) { return !awaiting.contains(entry.first); });
  for (Waiting& one : all) {
    Timestamp& due = identity_due_[one.clone];
    if (!ports_.guests.is_connected(one.clone) || ports_.clock.now() < due) continue;
    due = ports_.clock.now() + own_retry();
    identity_asked_.insert(one.clone);
    spawn(executor_, "identity of " + one.name, give_identity_to(std::move(one.vm), one.clone, one.name));
  }
}

asio::awaitable<void> Broker::give_identity_to(VmName vm, Uuid clone, std::string name) {
  const auto taken = co_await give_identity(ports_, registry_, vm, clone);
  identity_asked_.erase(clone);
  const std::string text = vm.text() + '/' + name;
  if (!taken) {
    log_warning("clone " + text + " stays silent: " + taken.error().message);
    if (!identity_due_.contains(clone)) give_identities();  // it has connected anew meanwhile
    co_return;
  }
  identity_due_.erase(clone);
  (void)co_await ports_.audit.append(std::string(k_broker), "took identity", "", text + " has taken its identity, and may speak as it is allowed to");
}

// Memory images that no operation owns any more: a host that lost its power in the middle of one, whose journal is gone.
asio::awaitable<void> Broker::remove_stray_images(const std::vector<OperationRecord>& unfinished) {
  const auto images = ports_.memories.images();
  if (!images) {
    log_warning("cannot look for memory images that are left over: " + images.error().message);
    co_return;
  }
  const std::vector<std::string> names = images.value();
  for (const std::string& name : names) {
    const bool is_owned = std::any_of(unfinished.begin(), unfinished.end(), [&](const OperationRecord& record) { return record.id.text() == name; });
    if (is_owned) continue;
    log_warning("memory image '" + printable(name) + "' is left over, and is removed");
    const auto removed = co_await ports_.memories.remove(name);
    if (!removed) log_error(removed.error().message);
  }
}

// Has its agent been told of the volume? Of one that was attached before its guest rebooted it has not: libxl keeps what is attached for the domain's
// next start (libxl_retrieve_domain_configuration), while in the guest nobody but the agent mounts it.
asio::awaitable<bool> Broker::has_been_given(Family family, SharedVolume volume, DomainId domain) {
  const std::string resource = volume_of(family.uuid, volume.name);
  const auto known = known_given_.find(resource);
  if (known != known_given_.end() && known->second == domain) co_return true;
  const auto operations = co_await recent_operations(ports_.journal, family.uuid);
  if (!operations) co_return true;  // it is asked again
  if (last_given_to(operations.value(), volume.name) != domain) co_return false;
  known_given_[resource] = domain;
  co_return true;
}

// A domain that has just started has none of its shared volumes: they are in nobody's configuration file; one whose guest has rebooted has them, but
// its agent must be told. Once for each domain; what fails then is for the administrator, who sees it in the operation.
asio::awaitable<void> Broker::attach_volumes() {
  const auto listed = co_await ports_.toolstack.list_domains();
  if (!listed) co_return;
  const std::vector<Domain> domains = listed.value();
  std::erase_if(connected_, [&](DomainId id) { return std::none_of(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.id == id; }); });
  std::vector<Family> families;
  for (const auto& [vm, family] : registry_.all()) {
    if (engine_.unfinished(family.uuid) == 0) families.push_back(family);
  }
  for (const Family& family : families) {
    const auto config = ports_.configuration.guest(family.vm);
    if (!config) continue;
    const std::vector<SharedVolume> volumes = config.value().shared_volumes;
    for (const SharedVolume& volume : volumes) {
      const std::string resource = volume_of(family.uuid, volume.name);
      const auto lease = co_await ports_.leases.find_lease(resource);
      if (!lease) continue;
      const auto holder = holder_of(lease.value(), family.uuid);
      const auto domain = std::find_if(domains.begin(), domains.end(), [&](const Domain& one) { return one.uuid == holder && one.state == DomainState::running; });
      const bool is_ready = domain != domains.end() && (connected_.contains(domain->id) || config.value().channel == "none");
      if (!is_ready) continue;
      const auto tried = attach_tried_.find(resource);
      if (tried != attach_tried_.end() && tried->second == domain->id) continue;
      const auto attached = co_await ports_.devices.attachments_of(volume.volume);
      if (!attached || attached.value().size() > 1) continue;
      if (!attached.value().empty()) {
        const Attachment has = attached.value().front();
        if (has.domain != domain->id || has.device != volume.device) continue;  // for vm.repair
        const bool is_given = co_await has_been_given(family, volume, domain->id);
        if (is_given) continue;
      }
      const auto tried_now = attach_tried_.find(resource);  // by another look, beside this one
      if (engine_.unfinished(family.uuid) > 0 || (tried_now != attach_tried_.end() && tried_now->second == domain->id)) continue;
      attach_tried_[resource] = domain->id;
      const auto to = CloneName::parse(member_name(family, *holder));
      if (!to) continue;
      const protocol::Method method = protocol::VolumeSwitch{.volume = volume.name, .to = to.value()};
      auto begun = co_await begin(family.vm, method);
      if (!begun) log_error("cannot give volume '" + volume.name.text() + "' to " + family.vm.text() + ": " + begun.error().message);
    }
  }
}

}  // namespace zynclone::broker
