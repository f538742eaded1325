#include "host-broker/gateway/guest_links_state.hpp"

#include <algorithm>

#include "system/log.hpp"

namespace zynclone::broker::gateway {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

asio::awaitable<void> GuestLinks::State::run(std::shared_ptr<State> self, RequestHandler& handler) {
  using namespace asio::experimental::awaitable_operators;
  self->handler_ = &handler;
  spawn(self->executor_, "looking for guests", refresh_now_and_then(self));
  while (!self->closed_) {
    auto first = co_await (self->watch_->next_event() || self->closing_.wait());
    if (first.index() == 1) continue;
    auto event = std::get<0>(std::move(first));
    if (!event) {
      self->watch_error_ = event.error();
      log_error("guests that come, go or advertise a channel are not seen any more: " + event.error().message);
      co_return;
    }
    self->take_event(event.value());
  }
}

void GuestLinks::State::take_event(const GuestEvent& event) {
  if (!event.key) {
    refresh();
    return;
  }
  if (const auto found = guests_.find(*event.key); found != guests_.end()) found->second->change();
}

void GuestLinks::State::refresh() {
  refresh_needed_ = true;
  refresh_wanted_.wake();
}

void GuestLinks::State::close() {
  closed_ = true;
  for (auto& [key, guest] : guests_) {
    if (guest->connection) guest->connection->kill("the broker ends");
    guest->gone = true;
    guest->change();
  }
  guests_.clear();
  refresh_wanted_.wake();
  closing_.wake();
}

asio::awaitable<void> GuestLinks::State::refresh_now_and_then(std::shared_ptr<State> self) {
  while (!self->closed_) {
    self->refresh_needed_ = false;
    auto looked = co_await self->look_at_domains();
    if (!looked) log_warning("cannot look for guests: " + looked.error().message);
    const auto next = Clock::now() + self->settings_.refresh;
    bool is_early = true;
    while (is_early && !self->refresh_needed_ && !self->closed_) is_early = co_await self->refresh_wanted_.wait_until(next);
  }
}

asio::awaitable<Result<void>> GuestLinks::State::look_at_domains() {
  CO_TRY(auto domains, co_await watch_->domains());
  if (closed_) co_return outcome::success();
  drop_those_that_went(domains);
  for (const Domain& domain : domains) add(domain);
  co_return outcome::success();
}

void GuestLinks::State::drop_those_that_went(const std::vector<Domain>& domains) {
  for (auto next = guests_.begin(); next != guests_.end();) {
    const auto current = next++;
    Guest& guest = *current->second;
    const auto found = std::find_if(domains.begin(), domains.end(), [&](const Domain& domain) { return domain.id == guest.domain.id; });
    if (found == domains.end()) {
      drop(guest, "the domain is gone");
    } else if (!is_as_before(guest, *found)) {
      drop(guest, "the domain is another VM or another member now");
    }
  }
}

bool GuestLinks::State::is_as_before(const Guest& guest, const Domain& domain) {
  if (guest.domain.uuid != domain.uuid) return false;
  const auto member = handler_->identify(domain);
  const Caller::Member& known = guest.status.member;
  return member && member->uuid == known.uuid && member->family == known.family && member->vm == known.vm && member->name == known.name &&
         handler_->channel_of(*member) == guest.status.channel;
}

void GuestLinks::State::drop(Guest& guest, std::string why) {
  if (guest.connection) guest.connection->close(std::move(why));
  guest.gone = true;
  guest.change();
  guests_.erase(guest.key);
}

void GuestLinks::State::add(const Domain& domain) {
  for (const auto& [key, guest] : guests_)
    if (guest->domain.id == domain.id) return;
  auto member = handler_->identify(domain);
  if (!member) return;
  std::string channel = handler_->channel_of(*member);
  if (channel != "vchan" && channel != "mailbox") return;
  auto guest = std::make_shared<Guest>(next_key_++, domain, *std::move(member), std::move(channel), settings_.pace);
  guests_.emplace(guest->key, guest);
  spawn(executor_, "tending a guest's channel", tend(shared_from_this(), guest));
}

std::shared_ptr<GuestConnection> GuestLinks::State::open_connection(const Uuid& member) const {
  for (const auto& [key, guest] : guests_)
    if (guest->status.member.uuid == member && guest->connection && guest->connection->is_open()) return guest->connection;
  return nullptr;
}

std::vector<GuestLinkStatus> GuestLinks::State::status() const {
  std::vector<GuestLinkStatus> all;
  for (const auto& [key, guest] : guests_) {
    GuestLinkStatus status = guest->status;
    if (const auto& connection = guest->connection) {
      const auto counters = connection->counters();
      status.received += counters.received;
      status.sent += counters.sent;
      status.refused += counters.refused;
      status.process = connection->process();
      status.is_open = connection->is_open();
      if (status.is_open) status.since = connection->opened();
      if (status.is_open) status.software = connection->software();
    }
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace zynclone::broker::gateway
