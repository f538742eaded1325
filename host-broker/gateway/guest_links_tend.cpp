// One guest's channel, from when its domain is seen until it is gone: wait for an advertisement, start a link, and again.

#include "host-broker/gateway/guest_links_state.hpp"
#include "system/log.hpp"

namespace zynclone::broker::gateway {
namespace {

using Clock = std::chrono::steady_clock;

// Between two looks at what a guest advertises: it can change that as fast as it likes.
constexpr std::chrono::milliseconds k_between_looks{100};

std::string label(const GuestLinkStatus& status) {
  return "channel with " + status.member.vm.text() + "/" + status.member.name + " (domain " + std::to_string(status.member.domain.value) + ")";
}

}  // namespace

asio::awaitable<void> GuestLinks::State::tend(std::shared_ptr<State> self, GuestPointer guest) {
  const DomainId domain = guest->domain.id;
  auto watched = co_await self->watch_->watch(guest->key, domain, guest->rendezvous());
  if (!watched) log_warning("cannot watch for the " + label(guest->status) + ": " + watched.error().message);
  while (!guest->gone) co_await self->connect_when_possible(guest);
  // A domain that is gone has taken the node with it; the watch stays until it is removed.
  (void)co_await self->watch_->unwatch(guest->key, domain, guest->rendezvous());
}

asio::awaitable<void> GuestLinks::State::connect_when_possible(GuestPointer guest) {
  const auto look_at = guest->looked + k_between_looks;
  while (!guest->gone && Clock::now() < look_at) co_await guest->changed.wait_until(look_at);
  const std::uint64_t seen = guest->changes;
  guest->looked = Clock::now();
  auto advertised = co_await watch_->advertised(guest->domain.id, guest->rendezvous());
  if (!advertised || !advertised.value()) {
    // Nothing to connect to. A read that failed is tried again with the next look at all domains.
    const auto until = advertised ? Clock::time_point::max() : Clock::now() + settings_.refresh;
    bool is_early = true;
    while (is_early && guest->changes == seen) is_early = co_await guest->changed.wait_until(until);
    co_return;
  }
  if (*advertised.value() != guest->failed_on) guest->pace.advertised_anew();
  const auto turn = guest->pace.next(Clock::now());
  while (guest->changes == seen && Clock::now() < turn) co_await guest->changed.wait_until(turn);
  if (guest->changes != seen) co_return;  // look again
  co_await connect(guest, *std::move(advertised).value());
}

asio::awaitable<void> GuestLinks::State::connect(GuestPointer guest, std::string advertised) {
  guest->pace.attempted(Clock::now());
  guest->failed_on = advertised;
  // Domain ids are used again: what is connected to must be the VM that was identified.
  const bool is_same = co_await is_still(shared_from_this(), guest->domain.id, guest->domain.uuid);
  if (guest->gone) co_return;
  if (!is_same) {
    guest->pace.failed(Clock::now());
    refresh();
    co_return;
  }
  auto started = LinkProcess::start(executor_, command_for(*guest));
  if (!started) {
    guest->pace.failed(Clock::now());
    guest->status.last_end = started.error().message;
    log_error(label(guest->status) + ": " + started.error().message);
    co_return;
  }
  ++guest->status.links;
  auto check = [weak = weak_from_this(), domain = guest->domain.id, uuid = guest->domain.uuid] { return is_still(weak.lock(), domain, uuid); };
  auto connection = GuestConnection::create(std::move(started).value(), *handler_, guest->status.member, check);
  guest->connection = connection;
  spawn(executor_, "watching a guest", watch_connected(shared_from_this(), guest, connection, std::move(advertised)));
  const GuestConnection::End end = co_await GuestConnection::run(connection, settings_.hello);
  guest->connection.reset();
  record_end(*guest, *connection, end);
}

// While it is connected: does the domain still stand for the same VM, and does it still advertise what was connected to?
asio::awaitable<void> GuestLinks::State::watch_connected(std::shared_ptr<State> self, GuestPointer guest,
                                                         std::shared_ptr<GuestConnection> connection, std::string connected_to) {
  std::uint64_t seen = guest->changes;
  while (guest->connection == connection && !guest->gone) {
    if (guest->changes == seen) {
      co_await guest->changed.wait();
      continue;
    }
    seen = guest->changes;
    const bool is_same = co_await is_still(self, guest->domain.id, guest->domain.uuid);
    auto advertised = co_await self->watch_->advertised(guest->domain.id, guest->rendezvous());
    if (!is_same) {
      self->refresh();
      connection->close("the domain is gone, or another VM");
    } else if (advertised && advertised.value() && *advertised.value() != connected_to) {
      connection->close("the guest advertises a new one");
    }
    co_await sleep_for(k_between_looks);
  }
}

asio::awaitable<bool> GuestLinks::State::is_still(std::shared_ptr<State> self, DomainId domain, Uuid uuid) {
  if (!self) co_return false;
  auto now = co_await self->watch_->identity(domain);
  co_return now && now.value() == uuid;
}

LinkCommand GuestLinks::State::command_for(const Guest& guest) const {
  LinkCommand command{.program = settings_.program, .domain = guest.domain.id, .transport = guest.status.channel};
  if (settings_.unix_channels && command.transport == "vchan") {
    command.transport = "unix";
    command.path = *settings_.unix_channels / (std::to_string(guest.domain.id.value) + ".sock");
  }
  return command;
}

void GuestLinks::State::record_end(Guest& guest, const GuestConnection& connection, const GuestConnection::End& end) {
  GuestLinkStatus& status = guest.status;
  const auto counters = connection.counters();
  status.received += counters.received;
  status.sent += counters.sent;
  status.refused += counters.refused;
  if (end.was_open) status.since = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  // The same failure again and again is one line.
  if (end.was_open || status.last_end != end.reason) log_info(label(status) + " ended: " + end.reason);
  status.last_end = end.reason;
  if (end.was_open) {
    guest.pace.succeeded();
    guest.failed_on.clear();
  } else {
    guest.pace.failed(Clock::now());
  }
  guest.change();
}

}  // namespace zynclone::broker::gateway
