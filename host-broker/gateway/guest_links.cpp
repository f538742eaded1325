#include "host-broker/gateway/guest_links.hpp"

#include "host-broker/gateway/guest_links_state.hpp"
#include "system/duration.hpp"

namespace zynclone::broker::gateway {
namespace {

std::string name_of(const Caller::Member& member) { return member.vm.text() + "/" + member.name; }

constexpr std::size_t k_most_named = 80;    // channels with a check of their own: a report has at most k_most_list_entries, of others too
constexpr std::size_t k_longest_reason = 200;

// What an agent says in its hello that it offers (docs/protocol.md).
constexpr std::string_view k_can_quiesce = "quiesce";
constexpr std::string_view k_can_tell_health = "health";
constexpr std::string_view k_can_cut_over = "cutover";
constexpr std::string_view k_can_move_volumes = "volumes";
constexpr std::string_view k_can_apply_identity = "identity";
constexpr std::string_view k_can_run = "run";

// A guest that advertises nothing runs no agent (yet), which is no fault; one that does and cannot be talked to is one.
bool is_broken(const GuestLinkStatus& guest) { return !guest.is_open && guest.links > 0; }

protocol::HealthCheck check_of(const GuestLinkStatus& guest) {
  return {.name = "channel of " + name_of(guest.member),
          .healthy = false,
          .detail = "not open after " + std::to_string(guest.links) + " attempts: " + std::string(cut_text(guest.last_end, k_longest_reason))};
}

}  // namespace

std::vector<protocol::HealthCheck> checks_of(const std::vector<GuestLinkStatus>& guests) {
  protocol::HealthCheck all{.name = "channels", .healthy = true};
  std::vector<protocol::HealthCheck> broken;
  std::size_t open = 0;
  std::size_t silent = 0;
  for (const GuestLinkStatus& guest : guests) {
    if (guest.is_open) ++open;
    else if (!is_broken(guest)) ++silent;
    else if (broken.size() < k_most_named) broken.push_back(check_of(guest));
  }
  const std::size_t failed = guests.size() - open - silent;
  all.healthy = failed == 0;
  all.detail = std::to_string(open) + " of " + std::to_string(guests.size()) + " open";
  if (silent > 0) all.detail += ", " + std::to_string(silent) + " whose agent has not advertised itself";
  if (failed > 0) all.detail += ", " + std::to_string(failed) + " that cannot be opened";
  std::vector<protocol::HealthCheck> checks{std::move(all)};
  std::move(broken.begin(), broken.end(), std::back_inserter(checks));
  return checks;
}

GuestLinks::GuestLinks(asio::any_io_executor executor, std::unique_ptr<GuestWatch> watch, LinkSettings settings)
    : state_(std::make_shared<State>(std::move(executor), std::move(watch), std::move(settings))) {}

GuestLinks::~GuestLinks() { close(); }

asio::awaitable<void> GuestLinks::run(RequestHandler& handler) { return State::run(state_, handler); }
void GuestLinks::close() { state_->close(); }
void GuestLinks::refresh() { state_->refresh(); }

template <class M>
asio::awaitable<Result<typename M::Result>> GuestLinks::call(Uuid member, M method, std::string_view capability, Deadline limit) {
  const auto connection = state_->open_connection(member);
  if (!connection) co_return fail(Errc::unavailable, "its agent is not connected");
  if (!connection->agent_can(capability)) {
    co_return fail(Errc::unavailable, "its agent does not offer " + std::string(capability));
  }
  const auto until = std::chrono::steady_clock::now() + limit;
  auto answer = co_await connection->call(std::move(method), limit);
  // The agent's own deadlines are its own matter; one that says nothing by ours is as good as not there.
  const bool is_silent = !answer && answer.error().code == Errc::timed_out && std::chrono::steady_clock::now() >= until;
  if (!is_silent) co_return answer;
  co_return fail(Errc::unavailable, "its agent gave no answer within " + format_duration(std::chrono::ceil<std::chrono::milliseconds>(limit)));
}

asio::awaitable<Result<protocol::QuiesceReport>> GuestLinks::quiesce(Uuid member, protocol::GuestQuiesce quiesce, Deadline limit) {
  return call(std::move(member), std::move(quiesce), k_can_quiesce, limit);
}

asio::awaitable<Result<protocol::ThawReport>> GuestLinks::thaw(Uuid member, protocol::GuestThaw thaw, Deadline limit) {
  return call(std::move(member), std::move(thaw), k_can_quiesce, limit);
}

asio::awaitable<Result<protocol::PrepareReport>> GuestLinks::prepare_cutover(Uuid member, protocol::GuestPrepareCutover prepare, Deadline limit) {
  return call(std::move(member), std::move(prepare), k_can_cut_over, limit);
}

asio::awaitable<Result<protocol::IdentityReport>> GuestLinks::apply_identity(Uuid member, protocol::GuestApplyIdentity apply, Deadline limit) {
  return call(std::move(member), std::move(apply), k_can_apply_identity, limit);
}

asio::awaitable<Result<protocol::ReleaseReport>> GuestLinks::release_volume(Uuid member, protocol::GuestReleaseVolume release, Deadline limit) {
  return call(std::move(member), std::move(release), k_can_move_volumes, limit);
}

asio::awaitable<Result<protocol::AcquireReport>> GuestLinks::acquire_volume(Uuid member, protocol::GuestAcquireVolume acquire, Deadline limit) {
  return call(std::move(member), std::move(acquire), k_can_move_volumes, limit);
}

bool GuestLinks::is_connected(const Uuid& member) const { return state_->open_connection(member) != nullptr; }

asio::awaitable<Result<protocol::RunReport>> GuestLinks::run(Uuid member, protocol::GuestRun run, Deadline limit) {
  return call(std::move(member), std::move(run), k_can_run, limit);
}

asio::awaitable<Result<protocol::GuestHealthReport>> GuestLinks::health(Uuid member, Deadline limit) {
  return call(std::move(member), protocol::GuestHealth{}, k_can_tell_health, limit);
}

std::vector<GuestLinkStatus> GuestLinks::status() const { return state_->status(); }

std::vector<protocol::HealthCheck> GuestLinks::checks() const {
  std::vector<protocol::HealthCheck> checks;
  const auto& error = state_->watch_error();
  checks.push_back({.name = "XenStore", .healthy = !error, .detail = error ? error->message : "domains and channels are watched"});
  auto channels = checks_of(state_->status());
  std::move(channels.begin(), channels.end(), std::back_inserter(checks));
  return checks;
}

}  // namespace zynclone::broker::gateway
