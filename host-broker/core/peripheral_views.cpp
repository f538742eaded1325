#include "host-broker/core/peripheral_views.hpp"

#include <algorithm>

#include "host-broker/core/context.hpp"

namespace zynclone::broker {
namespace {

// Guests are told nothing of other domains, nor of the host's buses.
std::string for_audience(Audience audience, std::string whole, std::string_view for_guests) {
  return audience == Audience::administrator ? std::move(whole) : std::string(for_guests);
}

}  // namespace

asio::awaitable<Result<std::vector<protocol::PeripheralView>>> peripheral_views(Ports ports, Family family, Audience audience, std::map<std::string, std::string> troubles) {
  CO_TRY(const auto config, ports.configuration.guest(family.vm));
  std::vector<protocol::PeripheralView> views;
  if (config.peripherals.empty()) co_return views;
  CO_TRY(const auto domains, co_await ports.toolstack.list_domains());
  const auto producer = production_member(family);
  for (const Peripheral& peripheral : config.peripherals) {
    protocol::PeripheralView view{.name = peripheral.name, .vm = family.vm, .kind = peripheral.kind, .device = peripheral.device};
    const auto found = co_await ports.peripherals.find(peripheral);
    if (!found) {
      view.problem = for_audience(audience, found.error().message, "the host cannot tell where it is");
    } else if (!found.value()) {
      view.problem = "unplugged";
    } else {
      const PeripheralPlace& place = *found.value();
      view.present = true;
      if (audience == Audience::administrator) view.location = place.location;
      const auto holder = place.holder ? member_of(family, domains, *place.holder) : std::nullopt;
      const auto trouble = troubles.find(peripheral.name.text());
      if (holder) view.holder = member_name(family, *holder);
      if (place.holder && !holder) view.problem = for_audience(audience, "domain " + std::to_string(place.holder->value) + " has it", "another domain has it");
      else if (holder && holder != producer) view.problem = view.holder + " has it without production";
      else if (!holder && trouble != troubles.end()) view.problem = for_audience(audience, trouble->second, "it could not be given");
    }
    views.push_back(std::move(view));
  }
  std::sort(views.begin(), views.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  co_return views;
}

}  // namespace zynclone::broker
