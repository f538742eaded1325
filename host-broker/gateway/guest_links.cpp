#include "host-broker/gateway/guest_links.hpp"

#include "host-broker/gateway/guest_links_state.hpp"

namespace zynclone::broker::gateway {
namespace {

std::string name_of(const Caller::Member& member) { return member.vm.text() + "/" + member.name; }

protocol::HealthCheck check_of(const GuestLinkStatus& guest) {
  // A guest that advertises nothing runs no agent (yet), which is no fault; one that does and cannot be talked to is one.
  protocol::HealthCheck check{.name = "channel of " + name_of(guest.member), .healthy = guest.is_open || guest.links == 0};
  if (guest.is_open) {
    check.detail = "open since " + to_rfc3339(*guest.since) + " over " + guest.channel + ": " + std::to_string(guest.received) +
                   " messages received, " + std::to_string(guest.sent) + " sent, " + std::to_string(guest.refused) + " refused; " + guest.software;
  } else if (guest.links == 0) {
    check.detail = "no agent has advertised itself";
  } else {
    check.detail = "not open after " + std::to_string(guest.links) + " attempts: " + guest.last_end;
  }
  return check;
}

}  // namespace

GuestLinks::GuestLinks(asio::any_io_executor executor, std::unique_ptr<GuestWatch> watch, LinkSettings settings)
    : state_(std::make_shared<State>(std::move(executor), std::move(watch), std::move(settings))) {}

GuestLinks::~GuestLinks() { close(); }

asio::awaitable<void> GuestLinks::run(RequestHandler& handler) { return State::run(state_, handler); }
void GuestLinks::close() { state_->close(); }
void GuestLinks::refresh() { state_->refresh(); }

template <class M>
asio::awaitable<Result<typename M::Result>> GuestLinks::call(Uuid member, M method, Deadline limit) {
  const auto connection = state_->open_connection(member);
  if (!connection) co_return fail(Errc::unavailable, "cannot call the agent of VM " + member.text() + ": it has no channel");
  co_return co_await connection->call(std::move(method), limit);
}

asio::awaitable<Result<protocol::QuiesceReport>> GuestLinks::quiesce(Uuid member, protocol::GuestQuiesce quiesce, Deadline limit) {
  return call(std::move(member), std::move(quiesce), limit);
}

asio::awaitable<Result<protocol::ThawReport>> GuestLinks::thaw(Uuid member, protocol::GuestThaw thaw, Deadline limit) {
  return call(std::move(member), std::move(thaw), limit);
}

asio::awaitable<Result<protocol::GuestHealthReport>> GuestLinks::health(Uuid member, Deadline limit) {
  return call(std::move(member), protocol::GuestHealth{}, limit);
}

std::vector<GuestLinkStatus> GuestLinks::status() const { return state_->status(); }

std::vector<protocol::HealthCheck> GuestLinks::checks() const {
  std::vector<protocol::HealthCheck> checks;
  const auto& error = state_->watch_error();
  checks.push_back({.name = "XenStore", .healthy = !error, .detail = error ? error->message : "domains and channels are watched"});
  for (const GuestLinkStatus& guest : state_->status()) checks.push_back(check_of(guest));
  return checks;
}

}  // namespace zynclone::broker::gateway
