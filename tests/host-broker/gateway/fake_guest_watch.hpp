#pragma once
// Domains and what they advertise, in memory. A change is seen when the test says so, as XenStore's watches are.

#include <deque>
#include <map>

#include "host-broker/gateway/guest_watch.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::tests {

class FakeGuestWatch final : public broker::gateway::GuestWatch {
 public:
  // Shared with the test, which outlives nothing.
  struct World {
    std::vector<broker::Domain> domains;
    std::map<std::uint32_t, std::string> advertised;   // by domain id
    std::map<std::uint32_t, Uuid> identities;          // where it is not the domain's in `domains`
    std::map<std::uint64_t, DomainId> watches;         // by key
    std::deque<broker::gateway::GuestEvent> events;
    std::optional<Error> lost;
    unsigned looks = 0;                                // at what is advertised
    channel::WakeUp changed;

    void introduce(DomainId id, Uuid uuid, std::string name = "vm");
    void release(DomainId id);
    void advertise(DomainId id, std::string value);
    void lose(Error error);
  };

  explicit FakeGuestWatch(std::shared_ptr<World> world) : world_(std::move(world)) {}
  asio::awaitable<Result<std::vector<broker::Domain>>> domains() override;
  asio::awaitable<Result<std::optional<Uuid>>> identity(DomainId domain) override;
  asio::awaitable<Result<std::optional<std::string>>> advertised(DomainId domain, broker::gateway::Rendezvous kind) override;
  asio::awaitable<Result<void>> watch(std::uint64_t key, DomainId domain, broker::gateway::Rendezvous kind) override;
  asio::awaitable<Result<void>> unwatch(std::uint64_t key, DomainId domain, broker::gateway::Rendezvous kind) override;
  asio::awaitable<Result<broker::gateway::GuestEvent>> next_event() override;

 private:
  std::shared_ptr<World> world_;
};

}  // namespace zynclone::tests
