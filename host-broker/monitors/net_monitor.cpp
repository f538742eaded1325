#include "host-broker/monitors/net_monitor.hpp"

#include "host-broker/monitors/backend_vifs.hpp"
#include "host-broker/monitors/store_watcher.hpp"
#include "protocol/codec.hpp"
#include "system/log.hpp"

namespace zynclone::broker::monitors {
namespace {

using network::FilterState;
using network::VifRule;

// In domain 0 as in a driver domain it is at the relative path.
Result<DomainId> own_domain(xenstore::Store& store) {
  TRY(const auto text, store.read("domid"));
  if (!text) return DomainId{0};
  const auto domain = xen::parse_domain_id(*text);
  if (!domain) return fail(Errc::malformed, "cannot use XenStore node 'domid': '" + printable(*text) + "' is no domain");
  return *domain;
}

std::string text_of(const VifRule& rule) {
  std::string text(rule.reach == network::Reach::isolated ? "isolated" : protocol::to_string(rule.mode));
  if (rule.mode != protocol::VifMode::locked) return text;
  text += " to " + rule.mac;
  for (const auto* addresses : {&rule.ipv4, &rule.ipv6}) {
    for (const std::string& address : *addresses) text += " " + address;
  }
  return text;
}

void log_changes(const FilterState& before, const FilterState& after) {
  std::map<std::string, const VifRule*> old;
  for (const VifRule& rule : before.rules) old.emplace(rule.interface, &rule);
  for (const VifRule& rule : after.rules) {
    const auto found = old.find(rule.interface);
    if (found == old.end()) {
      log_info("interface " + rule.interface + ": " + text_of(rule));
      continue;
    }
    if (*found->second != rule) log_info("interface " + rule.interface + ": " + text_of(*found->second) + " -> " + text_of(rule));
    old.erase(found);
  }
  for (const auto& [name, rule] : old) log_info("interface " + name + ": no rule any longer, it was " + text_of(*rule));
  if (before.unknown != after.unknown) {
    log_info(after.unknown == network::UnknownVifs::hold ? "unknown interfaces vif*: held while an original is restricted"
                                                         : "unknown interfaces vif*: pass");
  }
}

// Domain 0 makes its own; that of a driver domain is made by clone-monitor, and what is below belongs to its domain then.
Result<void> write_acknowledgement(xenstore::Store& store, DomainId self, const std::string& path, Generation generation) {
  const std::string text = std::to_string(generation.value);
  if (self.value == 0) return store.write(path, text, xenstore::Permissions{.owner = self, .readers = {}});
  return store.write(path, text);
}

// Others may change their rules often; ours are looked at a few times a second at most.
constexpr std::chrono::milliseconds k_between_changes{200};

asio::awaitable<void> watch_filter(network::VifFilter& filter, Doorbell& doorbell) {
  for (;;) {
    const auto changed = co_await filter.changed();
    if (!changed) {
      log_error(changed.error().message + "; rules are looked at now and then only");
      co_return;
    }
    doorbell.ring("filter");
    co_await sleep_for(k_between_changes);
  }
}

// These change with their family's generation only, of which another event tells: a second look would take as long as the first, while a till stands
// still. What somebody has changed by hand is seen a little later.
Deadline delay_of(std::string_view path) {
  const std::string_view name = path.substr(path.rfind('/') + 1);
  const bool comes_with_generation = name == "mode" || name == "production" || name == "production_generation";
  return comes_with_generation && path.starts_with(xen::k_families_path) ? Deadline(k_until_looked_again) : Deadline::zero();
}

constexpr std::string_view k_announcement_is_due = "announcement";

asio::awaitable<void> ring_later(Doorbell& doorbell, Announcements::Time time) {
  asio::steady_timer timer(co_await asio::this_coro::executor, time);
  co_await timer.async_wait(asio::use_awaitable);
  doorbell.ring(std::string(k_announcement_is_due));
}

template <class One>
std::vector<One> without(std::vector<One> all, const std::map<Uuid, Error>& held_back) {
  std::erase_if(all, [&](const One& one) { return held_back.contains(one.family); });
  return all;
}

}  // namespace

void NetMonitor::start_watching(Doorbell& doorbell) {
  doorbell_ = &doorbell;
  spawn(executor_, "watches on XenStore", watch_store({xen::k_families_path, k_backend_vifs_path}, doorbell, delay_of));
  spawn(executor_, "watch on the filter", watch_filter(*filter_, doorbell));
}

// Announcements are repeated by reconciling again, so that nothing is repeated that does not hold any longer.
void NetMonitor::ring_when_due() {
  const auto due = announcements_.due();
  if (doorbell_ == nullptr || !due || due == rings_at_) return;
  rings_at_ = due;
  spawn(executor_, "announcing again", ring_later(*doorbell_, *due));
}

Result<std::vector<PublishedFamily>> NetMonitor::read_families(xenstore::Store& store, DomainId self, std::map<Uuid, Error>& held_back) {
  std::vector<PublishedFamily> families = published_.families();
  for (const PublishedFamily& family : families) {
    if (guard_.knows(family.uuid)) continue;
    TRY(const auto text, store.read(xen::acknowledgements_of(self) + "/" + family.uuid.text()));
    const auto generation = text ? xen::parse_generation(*text) : std::nullopt;
    if (generation) guard_.acknowledged_before(family.uuid, *generation);
  }
  held_back = guard_.hold_back(families);
  // Whoever waits for the older generation must not take the newer one's acknowledgement for it.
  for (const auto& [family, error] : held_back) {
    TRY(retract_of(store, self, family));
  }
  return families;
}

Result<void> NetMonitor::retract_of(xenstore::Store& store, DomainId self, const Uuid& family) {
  acknowledged_.erase(family.text());
  return store.remove(xen::acknowledgements_of(self) + "/" + family.text());
}

Result<void> NetMonitor::put_in_place(xenstore::Store& store, DomainId self, const std::vector<BridgesHere>& wanted, Reading reading,
                                      std::map<Uuid, Error>& held_back) {
  std::map<std::string, std::set<std::string>> bridges;
  for (const BridgesHere& here : wanted) {
    auto placed = bridges_->make(here.isolated);
    if (placed) {
      auto moved = bridges_->place(here.placements);
      if (!moved) placed = std::move(moved).error();
      else for (const std::string& text : moved.value()) log_info(text);
    }
    bridges.emplace(here.isolated, here.members);
    if (placed) continue;
    TRY(retract_of(store, self, here.family));
    held_back.insert_or_assign(here.family, with_context(std::move(placed).error(), "cannot acknowledge '" + here.vm.text() + "'"));
  }
  if (reading == Reading::some_refused) return outcome::success();  // whose bridges it may be that nobody names
  const auto tidied = bridges_->tidy(bridges);
  if (!tidied) {
    log_warning(tidied.error().message);
    return outcome::success();
  }
  for (const std::string& text : tidied.value()) log_info(text);
  return outcome::success();
}

Result<void> NetMonitor::put_in_force(const FilterState& wanted, const std::optional<FilterState>& before) {
  if (before == wanted) {
    applied_ = wanted;
    return outcome::success();
  }
  if (!before && applied_) log_info("making the rules anew: someone else changed or removed them, or an interface is new");
  TRY(filter_->apply(wanted));
  TRY(const auto after, filter_->in_force());
  if (after != wanted) {
    return fail(Errc::system, "cannot acknowledge anything: rules for " + std::to_string(wanted.rules.size()) +
                                  " interfaces were applied, but what is read back is something else");
  }
  log_changes(before ? *before : applied_.value_or(FilterState()), wanted);
  applied_ = wanted;
  return outcome::success();
}

Result<void> NetMonitor::acknowledge(xenstore::Store& store, DomainId self, const std::vector<Acknowledgement>& wanted) {
  const std::string root = xen::acknowledgements_of(self);
  for (const Acknowledgement& one : wanted) {
    const std::string family = one.family.text();
    if (const auto known = acknowledged_.find(family); known != acknowledged_.end() && known->second == one.generation) continue;
    TRY(const auto before, store.read(root + "/" + family));
    if (before != std::to_string(one.generation.value)) {
      TRY(write_acknowledgement(store, self, root + "/" + family, one.generation));
      log_info("acknowledged " + one.vm.text() + ": generation " + std::to_string(one.generation.value) + " is in force");
    }
    acknowledged_[family] = one.generation;
  }
  TRY(const auto names, store.directory(root));
  for (const std::string& name : names) {
    // Of a family that is there but refused, the older generation is in force still.
    if (published_.has(name)) continue;
    TRY(store.remove(root + "/" + name));
  }
  std::erase_if(acknowledged_, [this](const auto& known) { return !published_.has(known.first); });
  return outcome::success();
}

// What may not be in force must not stay acknowledged. That this fails too is no news: the error before it is reported.
void NetMonitor::retract(xenstore::Store& store, DomainId self) {
  acknowledged_.clear();
  const auto names = store.directory(xen::acknowledgements_of(self));
  if (!names) return;
  for (const std::string& name : names.value()) [[maybe_unused]] const auto removed = store.remove(xen::acknowledgements_of(self) + "/" + name);
}

Result<void> NetMonitor::reconcile(const Hints& hints) {
  if (hints.everything) acknowledged_.clear();
  TRY(auto store, xenstore::Store::open(executor_));
  TRY(const DomainId self, own_domain(store));
  TRY(const bool there, published_.look(store, hints));
  if (!there) {
    // Nothing published is not the same as nothing wanted: rules may be there before clone-monitor is. And until there is something, this
    // monitor is not ready: when the host starts, domains wait for it.
    return fail(Errc::unavailable, "waiting for clone-monitor to publish families");
  }
  TRY(present_.look(store, self, hints));
  std::map<Uuid, Error> held_back;
  TRY(const auto families, read_families(store, self, held_back));
  const auto before = filter_->in_force();
  if (!before) {
    retract(store, self);
    return before.error();
  }
  const Reading reading = published_.refused() || !held_back.empty() ? Reading::some_refused : Reading::complete;
  Wanted wanted = wanted_state(families, reading, present_.all(), self, before.value());
  const auto state = network::checked(std::move(wanted.state));
  auto applied = state ? put_in_force(state.value(), before.value()) : Result<void>(state.error());
  if (!applied) {
    retract(store, self);
    return applied;
  }
  TRY(put_in_place(store, self, wanted.bridges, reading, held_back));
  const auto is_published = [this](const Uuid& family) { return published_.has(family.text()); };
  announcements_.forget_unless(is_published);
  announcements_.follow(without(std::move(wanted.production), held_back), state.value());
  wanted.acknowledge = without(std::move(wanted.acknowledge), held_back);
  TRY(acknowledge(store, self, wanted.acknowledge));
  guard_.forget_unless(is_published);
  for (const Acknowledgement& one : wanted.acknowledge) {
    for (const PublishedFamily& family : families) {
      if (family.uuid == one.family) guard_.acknowledged(family);
    }
  }
  ring_when_due();
  set_status(std::to_string(wanted.acknowledge.size()) + " families, rules for " + std::to_string(state.value().rules.size()) + " interfaces");
  if (published_.refused()) return *published_.refused();
  if (!held_back.empty()) return held_back.begin()->second;
  if (!wanted.conflicts.empty()) return wanted.conflicts.front();
  return outcome::success();
}

}  // namespace zynclone::broker::monitors
