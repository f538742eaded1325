#include "host-broker/core/broker.hpp"

#include "host-broker/core/answers.hpp"
#include "host-broker/core/operations/live_steps.hpp"
#include "host-broker/core/operations/operations.hpp"
#include "host-broker/core/operations/snapshot_steps.hpp"
#include "host-broker/core/records.hpp"
#include "protocol/codec.hpp"
#include "system/log.hpp"

namespace zynclone::broker {

using protocol::CloneState;
using protocol::OperationState;

Error refused() { return Error{Errc::refused, "refused"}; }

Broker::Broker(asio::any_io_executor executor, Ports ports, CoreSettings settings)
    : executor_(executor),
      ports_(ports),
      settings_(std::move(settings)),
      registry_(ports.families),
      engine_(
          executor, ports, settings_, [this](OperationRecord record, Making making) { return make(std::move(record), making); },
          [this](const OperationRecord& record) { changed(record); }),
      message_limit_(settings_.guest_messages) {}

asio::awaitable<Result<void>> Broker::start() {
  CO_TRY(registry_.load());
  co_await reconcile();
  OperationFilter unfinished;
  unfinished.unfinished_only = true;
  unfinished.most = 100'000;  // every one
  unfinished.whole = true;
  CO_TRY(auto records, co_await ports_.journal.list(unfinished));
  // The journal gives the newest first. What ran goes before what waited, whatever the clock said when each was asked for; of what waited,
  // administrators' goes first, as it did before.
  std::reverse(records.begin(), records.end());
  std::stable_partition(records.begin(), records.end(), goes_before_guests);
  std::stable_partition(records.begin(), records.end(), [](const OperationRecord& record) { return record.state == OperationState::running; });
  co_await remove_stray_images(records);
  for (OperationRecord& record : records) {
    if (record.state == OperationState::awaiting_approval) await_approval(std::move(record));
    else engine_.enqueue(std::move(record));
  }
  for (const auto& [vm, family] : registry_.all()) watch_times(family);
  has_started_ = true;
  spawn(executor_, "peripherals", keep_peripherals());
  co_return outcome::success();
}

asio::awaitable<void> Broker::reconcile() {
  auto domains = co_await ports_.toolstack.list_domains();
  if (!domains) {
    log_warning("cannot compare clones with domains: " + domains.error().message);
    co_return;
  }
  auto guests = ports_.configuration.guests();
  if (!guests) log_warning("cannot read which VMs are configured: " + guests.error().message);
  else {
    const std::vector<VmName> names = guests.value();
    for (const VmName& vm : names) {
      if (registry_.find(vm) != nullptr) continue;
      auto config = ports_.configuration.guest(vm);
      if (!config) continue;  // `vmclone config check` says what is wrong; each request of this guest does too
      auto original = co_await ports_.toolstack.read_config(vm, config.value().xl_config);
      if (!original) continue;
      if (!original.value().uuid) {
        log_warning("VM '" + vm.text() + "' has no family: " + config.value().xl_config + " has no uuid");
        continue;
      }
      Family family{.vm = vm, .uuid = *original.value().uuid};
      for (const VmVif& vif : original.value().vifs) {
        family.vifs.push_back(CloneVif{.index = vif.index, .mac = vif.mac, .bridge = vif.bridge, .backend = vif.backend, .interface = vif.interface});
      }
      registry_.introduce(std::move(family));
    }
  }
  struct Change {
    VmName vm;
    CloneName clone;
    CloneState state;
  };
  std::vector<Change> changes;
  for (const auto& [vm, family] : registry_.all()) {
    if (engine_.unfinished(family.uuid) > 0) continue;  // an operation knows better
    for (const Clone& clone : family.clones) {
      const bool runs = std::any_of(domains.value().begin(), domains.value().end(), [&](const Domain& domain) {
        return domain.uuid == clone.uuid && domain.state != DomainState::dying;
      });
      if (clone.state == CloneState::running && !runs) changes.push_back({vm, clone.name, CloneState::active});
      // Restored with the host, rebooted by its guest, or started by hand.
      const bool at_rest = clone.state == CloneState::active || clone.state == CloneState::inactive;
      if (at_rest && runs) changes.push_back({vm, clone.name, CloneState::running});
    }
  }
  for (const Change& change : changes) {
    const std::string clone = change.vm.text() + "/" + change.clone.text();
    const bool runs = change.state == CloneState::running;
    auto saved = registry_.change(change.vm, [&change](Family& family) { find_clone(family, change.clone)->state = change.state; });
    if (!saved) log_error("cannot note that clone " + clone + (runs ? " runs: " : " has ended: ") + saved.error().message);
    else (void)co_await ports_.audit.append("broker", runs ? "appeared" : "ended", "", clone + (runs ? " is running" : " is not running any more"));
  }
  co_await attach_volumes();
  give_identities();
  part_volumes();
  if (has_started_) spawn(executor_, "peripherals", keep_peripherals());  // a device that fails takes its time
}

std::optional<Caller::Member> Broker::identify(const Domain& domain) {
  for (const auto& [vm, family] : registry_.all()) {
    if (family.uuid == domain.uuid) return Caller::Member{domain.uuid, family.uuid, vm, vm.text(), domain.id};
    for (const Clone& clone : family.clones) {
      if (clone.uuid == domain.uuid) return Caller::Member{domain.uuid, family.uuid, vm, clone.name.text(), domain.id};
    }
  }
  return std::nullopt;
}

std::string Broker::channel_of(const Caller::Member& member) {
  const auto config = ports_.configuration.guest(member.vm);
  return config ? config.value().channel : "none";
}

asio::awaitable<std::string> Broker::handle(Caller caller, protocol::Request request) {
  if (!request.id) co_return std::string();
  const std::uint64_t id = *request.id;
  if (auto allowed = check_messages(caller); !allowed) co_return protocol::encode_error(id, allowed.error());
  if (protocol::effect_of(request.method) == protocol::Effect::changes) {
    auto accepted = co_await accept(caller, std::move(request));
    co_return accepted ? protocol::encode_response(id, accepted.value()) : protocol::encode_error(id, accepted.error());
  }
  co_return co_await answer(*this, std::move(caller), std::move(request));
}

// Administrators have none: a host whose guests talk without end must stay in their hands.
Result<void> Broker::check_messages(const Caller& caller) {
  const auto* member = std::get_if<Caller::Member>(&caller.identity);
  if (member == nullptr) return outcome::success();
  const auto wait = message_limit_.take(member->uuid, ports_.clock.steady());
  if (!wait) return outcome::success();
  return fail(Errc::rate_limited, "cannot answer more requests: at most " + std::to_string(settings_.guest_messages) + " a second are allowed, " +
                                      std::to_string(settings_.guest_messages * k_message_burst) + " at once; the next one at " +
                                      to_rfc3339(ports_.clock.now() + std::chrono::ceil<std::chrono::milliseconds>(*wait)));
}

Result<const Family*> Broker::family_for(const Caller& caller, const protocol::Request& request) {
  if (const auto* member = std::get_if<Caller::Member>(&caller.identity)) {
    const Family* family = registry_.find(member->family);
    if (family == nullptr) return outcome::failure(refused());
    return family;
  }
  if (!request.vm) return fail(Errc::invalid_argument, "cannot tell which VM is meant: name it", "/params/vm");
  const Family* family = registry_.find(*request.vm);
  if (family == nullptr) {
    return fail(Errc::not_found, "cannot find VM '" + request.vm->text() + "': it is not configured for clones (guest/" + request.vm->text() +
                                     ".conf), or its configuration cannot be read", "/params/vm");
  }
  return family;
}

asio::awaitable<Result<OperationRecord>> Broker::find_operation(Caller caller, OperationId id) {
  std::optional<OperationRecord> found;
  if (const OperationRecord* running = engine_.find(id)) found = *running;
  else if (const auto waiting = waiting_.find(id); waiting != waiting_.end()) found = waiting->second;
  else {
    CO_TRY(found, co_await ports_.journal.find(id));
  }
  const auto* member = std::get_if<Caller::Member>(&caller.identity);
  if (member != nullptr && (!found || found->family != member->family)) co_return outcome::failure(refused());
  if (!found) co_return fail(Errc::not_found, "cannot find operation '" + id.text() + "': no such operation", "/params/id");
  co_return std::move(*found);
}

void Broker::watch(const OperationRecord& record, const Caller& caller) {
  if (!caller.notify || protocol::is_final(record.state)) return;
  auto& watchers = watchers_[record.id];
  std::erase_if(watchers, [](const Watcher& watcher) { return watcher.notify.expired(); });
  for (const Watcher& watcher : watchers) {
    if (watcher.notify.lock() == caller.notify) return;
  }
  watchers.push_back(Watcher{caller.notify, audience_of(caller)});
}

void Broker::changed(const OperationRecord& record) {
  if (record.state == OperationState::succeeded) {
    if (const Family* family = registry_.find(record.vm)) watch_times(*family);
  }
  const auto found = watchers_.find(record.id);
  if (found == watchers_.end()) return;
  const Family* family = registry_.find(record.vm);
  for (const Watcher& watcher : found->second) {
    if (const auto notify = watcher.notify.lock()) (*notify)(view_of(record, family, watcher.audience));
  }
  if (protocol::is_final(record.state)) watchers_.erase(found);
}

Context Broker::context_for(OperationRecord record, Making making) {
  return Context{.ports = ports_, .settings = settings_, .registry = registry_, .record = std::move(record), .making = making};
}

asio::awaitable<Result<Operation>> Broker::make(OperationRecord record, Making making) {
  // An original that a live clone's copying holds goes on before anything else is looked at.
  if (making == Making::taken_up) co_await end_copy(context_for(record, making));
  auto made = co_await make_operation(context_for(record, making));
  // Whatever else is wrong: what held the original still ends.
  if (!made && making == Making::taken_up) co_await end_hold(context_for(std::move(record), making));
  co_return made;
}

}  // namespace zynclone::broker
