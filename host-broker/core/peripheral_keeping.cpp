// Peripherals are where production is: what a cutover could not move, what was unplugged and is back, what a new domain of the production member
// has not yet, what another member has, is put right here, at start, when domains come and go, and now and then. Nothing is remembered but when
// to try again: the host is asked. Families at which an operation works are left to it.
#include <algorithm>

#include "host-broker/core/broker.hpp"
#include "host-broker/core/operations/peripheral_steps.hpp"
#include "system/log.hpp"

namespace zynclone::broker {
namespace {

constexpr int k_longest_pause = 60;  // times own_retry

}  // namespace

asio::awaitable<void> Broker::keep_peripherals() {
  keep_again_ = true;
  if (is_keeping_) co_return;  // and who does will look once more
  is_keeping_ = true;
  while (std::exchange(keep_again_, false)) {
    std::vector<VmName> vms;
    for (const auto& [vm, family] : registry_.all()) vms.push_back(vm);
    for (const VmName& vm : vms) {
      const auto config = ports_.configuration.guest(vm);
      if (!config) continue;
      const GuestConfig known = config.value();
      for (const Peripheral& peripheral : known.peripherals) co_await keep(vm, peripheral, known.channel);
    }
  }
  is_keeping_ = false;
}

asio::awaitable<void> Broker::keep(VmName vm, Peripheral peripheral, std::string channel) {
  const Family* found = registry_.find(vm);
  if (found == nullptr || engine_.unfinished(found->uuid) > 0) co_return;
  const Family family = *found;
  KeptPeripheral& kept = kept_peripherals_[{vm, peripheral.name}];  // a map's element stays where it is
  const auto listed = co_await ports_.toolstack.list_domains();
  auto looked = co_await ports_.peripherals.find(peripheral);
  if (!looked) say_trouble(vm, peripheral, kept, looked.error().message);
  if (!listed || !looked || engine_.unfinished(family.uuid) > 0) co_return;
  const std::vector<Domain> domains = listed.value();
  const std::optional<PeripheralPlace> place = looked.value();
  if (place.has_value() != kept.is_present) {
    kept = KeptPeripheral{.is_present = place.has_value()};
    co_await plug_changed(family, peripheral, domains, place);
  }
  const auto producer = production_member(family);
  if (!place || !producer) co_return;
  const auto own = std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.uuid == *producer && domain.state == DomainState::running; });
  const bool has_it = place->holder && own != domains.end() && *place->holder == own->id;
  if (has_it) kept = KeptPeripheral{};
  if (has_it) co_return;
  if (place->holder) {
    const bool taken = co_await take_from_wrong(family, peripheral, kept, domains, *place->holder);
    if (!taken) co_return;
  }
  const bool is_ready = own != domains.end() && (connected_.contains(own->id) || channel == "none");
  if (!is_ready || engine_.unfinished(family.uuid) > 0) co_return;
  const DomainId domain = own->id;
  co_await give_to_producer(family, peripheral, kept, domain);
}

asio::awaitable<void> Broker::plug_changed(Family family, Peripheral peripheral, std::vector<Domain> domains, std::optional<PeripheralPlace> place) {
  std::string event = "unplugged";
  std::string where;
  if (place) event = "plugged in";
  if (place) where = place->location;
  co_await note(family.vm, peripheral, std::move(event), std::move(where));
  if (place) co_return;
  // What domains still have of what is gone would keep the toolstack from giving anything to anybody.
  for (const Domain& domain : domains) {
    if (!member_name(family, domain.uuid).empty()) (void)co_await ports_.peripherals.detach(domain.id, peripheral, k_peripheral_limit);
  }
}

// From a member that has it without production; what a stranger has is an administrator's doing.
asio::awaitable<bool> Broker::take_from_wrong(Family family, Peripheral peripheral, KeptPeripheral& kept, std::vector<Domain> domains, DomainId holder) {
  const auto member = member_of(family, domains, holder);
  if (!member) say_trouble(family.vm, peripheral, kept, "domain " + std::to_string(holder.value) + " has it");
  if (!member) co_return false;
  auto taken = co_await ports_.peripherals.detach(holder, peripheral, k_peripheral_limit);
  if (!taken) say_trouble(family.vm, peripheral, kept, taken.error().message);
  if (!taken) co_return false;
  std::string from = "from " + member_name(family, *member) + ", which has no production";
  co_await note(family.vm, peripheral, "taken", std::move(from));
  co_return true;
}

asio::awaitable<void> Broker::give_to_producer(Family family, Peripheral peripheral, KeptPeripheral& kept, DomainId domain) {
  if (kept.tried_for != domain) kept.tries = 0;
  if (kept.tries > 0 && ports_.clock.now() < kept.next_try) co_return;
  kept.tried_for = domain;
  auto given = co_await ports_.peripherals.attach(domain, peripheral, k_peripheral_limit);
  if (given) {
    kept = KeptPeripheral{};
    std::string to = "to " + member_name(family, *production_member(family));
    co_await note(family.vm, peripheral, "given", std::move(to));
    co_return;
  }
  kept.tries = std::min(kept.tries * 2 + 1, k_longest_pause);
  kept.next_try = ports_.clock.now() + own_retry() * kept.tries;
  say_trouble(family.vm, peripheral, kept, given.error().message);
}

// Once for each cause.
void Broker::say_trouble(const VmName& vm, const Peripheral& peripheral, KeptPeripheral& kept, const std::string& trouble) {
  if (kept.trouble == trouble) return;
  kept.trouble = trouble;
  log_warning("peripheral '" + peripheral.name.text() + "' of " + vm.text() + ": " + trouble);
}

asio::awaitable<void> Broker::note(VmName vm, Peripheral peripheral, std::string event, std::string more) {
  const std::string detail = vm.text() + " peripheral " + peripheral.name.text() + " (" + peripheral_text(peripheral) + ')' + (more.empty() ? "" : ' ' + more);
  log_info(detail + ": " + event);
  (void)co_await ports_.audit.append("broker", event, "", detail);
}

std::map<std::string, std::string> Broker::peripheral_troubles(const VmName& vm) const {
  std::map<std::string, std::string> troubles;
  for (const auto& [key, kept] : kept_peripherals_) {
    if (key.first == vm && !kept.trouble.empty()) troubles[key.second.text()] = kept.trouble;
  }
  return troubles;
}

}  // namespace zynclone::broker
