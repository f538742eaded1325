#include "tests/host-broker/gateway/fake_guest_watch.hpp"

#include <algorithm>

namespace zynclone::tests {

using broker::gateway::GuestEvent;
using broker::gateway::Rendezvous;

void FakeGuestWatch::World::introduce(DomainId id, Uuid uuid, std::string name) {
  domains.push_back({.id = id, .uuid = std::move(uuid), .name = std::move(name)});
  events.emplace_back();
  changed.wake();
}

void FakeGuestWatch::World::release(DomainId id) {
  std::erase_if(domains, [&](const broker::Domain& domain) { return domain.id == id; });
  advertised.erase(id.value);
  events.emplace_back();
  changed.wake();
}

void FakeGuestWatch::World::advertise(DomainId id, std::string value) {
  advertised[id.value] = std::move(value);
  for (const auto& [key, domain] : watches)
    if (domain == id) events.push_back({.key = key});
  changed.wake();
}

void FakeGuestWatch::World::lose(Error error) {
  lost = std::move(error);
  changed.wake();
}

asio::awaitable<Result<std::vector<broker::Domain>>> FakeGuestWatch::domains() {
  if (world_->lost) co_return *world_->lost;
  co_return world_->domains;
}

asio::awaitable<Result<std::optional<Uuid>>> FakeGuestWatch::identity(DomainId id) {
  if (const auto other = world_->identities.find(id.value); other != world_->identities.end()) co_return std::optional(other->second);
  for (const broker::Domain& domain : world_->domains)
    if (domain.id == id) co_return std::optional(domain.uuid);
  co_return std::optional<Uuid>();
}

asio::awaitable<Result<std::optional<std::string>>> FakeGuestWatch::advertised(DomainId id, Rendezvous) {
  ++world_->looks;
  const auto found = world_->advertised.find(id.value);
  if (found == world_->advertised.end()) co_return std::optional<std::string>();
  co_return std::optional(found->second);
}

asio::awaitable<Result<void>> FakeGuestWatch::watch(std::uint64_t key, DomainId domain, Rendezvous) {
  world_->watches[key] = domain;
  world_->events.push_back({.key = key});  // once on registration, as XenStore's
  world_->changed.wake();
  co_return outcome::success();
}

asio::awaitable<Result<void>> FakeGuestWatch::unwatch(std::uint64_t key, DomainId, Rendezvous) {
  world_->watches.erase(key);
  co_return outcome::success();
}

asio::awaitable<Result<GuestEvent>> FakeGuestWatch::next_event() {
  auto world = world_;
  while (world->events.empty() && !world->lost) co_await world->changed.wait();
  if (world->lost) co_return *world->lost;
  const GuestEvent event = world->events.front();
  world->events.pop_front();
  co_return event;
}

}  // namespace zynclone::tests
