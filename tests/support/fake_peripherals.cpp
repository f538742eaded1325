#include "tests/support/fake_peripherals.hpp"

namespace zynclone::tests {

using broker::PeripheralPlace;

Result<void> FakePeripherals::begin(const std::string& call) {
  if (!fails) return outcome::success();
  if (auto error = fails(call)) return *error;
  return outcome::success();
}

asio::awaitable<Result<std::optional<PeripheralPlace>>> FakePeripherals::find(broker::Peripheral peripheral) {
  CO_TRY(begin("find " + peripheral.device));
  if (!present.contains(peripheral.device)) co_return std::optional<PeripheralPlace>();
  PeripheralPlace place{.location = "bus 1 address 3 (" + peripheral.device + ')', .holder = std::nullopt};
  if (const auto holder = holders.find(peripheral.device); holder != holders.end()) place.holder = holder->second;
  co_return std::optional<PeripheralPlace>(place);
}

asio::awaitable<Result<void>> FakePeripherals::attach(DomainId domain, broker::Peripheral peripheral, Deadline) {
  const std::string call = "attach " + std::to_string(domain.value) + ' ' + peripheral.device;
  calls.push_back(call);
  CO_TRY(begin(call));
  const std::string cannot = "cannot attach peripheral '" + peripheral.name.text() + "': ";
  if (!present.contains(peripheral.device)) co_return fail(Errc::not_found, cannot + "it is not in the host");
  const auto [holder, is_new] = holders.emplace(peripheral.device, domain);
  if (!is_new && holder->second != domain) co_return fail(Errc::conflict, cannot + "domain " + std::to_string(holder->second.value) + " has it");
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakePeripherals::detach(DomainId domain, broker::Peripheral peripheral, Deadline) {
  const std::string call = "detach " + std::to_string(domain.value) + ' ' + peripheral.device;
  calls.push_back(call);
  CO_TRY(begin(call));
  const auto holder = holders.find(peripheral.device);
  if (holder != holders.end() && holder->second == domain) holders.erase(holder);
  co_return outcome::success();
}

}  // namespace zynclone::tests
