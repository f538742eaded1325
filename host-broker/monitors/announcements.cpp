#include "host-broker/monitors/announcements.hpp"

#include "system/log.hpp"

namespace zynclone::broker::monitors {
namespace {

// MAX_NEIGHBOR_ADVERTISEMENT and RETRANS_TIMER of RFC 4861, 10; RFC 5227 wants two, two seconds apart.
constexpr unsigned k_repeats = 2;
constexpr std::chrono::seconds k_between{1};

}  // namespace

void Announcements::follow(const std::vector<ProductionHere>& production, const network::FilterState& in_force) {
  for (const ProductionHere& here : production) {
    const auto [found, is_first] = known_.try_emplace(here.family, Known{.generation = here.production.generation});
    Known& known = found->second;
    if (is_first) continue;
    const bool is_new = known.generation != here.production.generation;
    if (is_new) known = {.generation = here.production.generation, .left = k_repeats + 1, .due = now_()};
    if (known.left == 0 || known.due > now_()) continue;
    announce(here, in_force, !is_new);
    --known.left;
    known.due = now_() + k_between;
  }
}

void Announcements::announce(const ProductionHere& here, const network::FilterState& in_force, bool again) {
  if (!here.production.member || here.production.announce.empty()) return;
  std::string addresses;
  for (const std::string& address : here.production.announce) addresses += (addresses.empty() ? "" : ", ") + address;
  for (const ProductionHere::Interface& interface : here.interfaces) {
    const auto done = announcer_->announce({.interface = interface.name, .mac = interface.mac, .addresses = here.production.announce}, in_force);
    if (again) continue;  // once is enough in the log
    const std::string what = here.vm.text() + ": " + addresses + " at " + interface.mac + " on " + interface.name;
    if (done) log_info("announced " + what + " (" + done.value() + ")");
    else log_warning("cannot announce " + what + ": " + done.error().message);
  }
}

void Announcements::forget_unless(const std::function<bool(const Uuid&)>& published) {
  std::erase_if(known_, [&](const auto& known) { return !published(known.first); });
}

std::optional<Announcements::Time> Announcements::due() const {
  std::optional<Time> first;
  for (const auto& [family, known] : known_) {
    if (known.left > 0 && (!first || known.due < *first)) first = known.due;
  }
  return first;
}

}  // namespace zynclone::broker::monitors
