#include "tests/support/fake_host.hpp"

#include <boost/asio/as_tuple.hpp>

namespace zynclone::tests {

asio::awaitable<Result<std::vector<std::string>>> FakeNetwork::wait_applied(broker::Family family, Deadline) {
  applied.push_back(std::move(family));
  if (const auto held = hold) co_await held->async_wait(asio::as_tuple(asio::use_awaitable));
  if (fails) co_return outcome::failure(*fails);
  co_return std::vector<std::string>{"zhapcon"};
}

asio::awaitable<Result<std::vector<std::string>>> FakeNetwork::not_applied(std::vector<broker::Family>) {
  if (fails) co_return outcome::failure(*fails);
  if (behind.empty()) co_return std::vector<std::string>();
  std::vector<std::string> now = behind.front();
  behind.erase(behind.begin());
  co_return now;
}

asio::awaitable<Result<protocol::QuiesceReport>> FakeGuestLink::quiesce(Uuid member, protocol::GuestQuiesce, Deadline) {
  calls.push_back("quiesce " + member.text());
  if (disconnected.contains(member)) {
    if (connects_after > 0 && --connects_after == 0) disconnected.erase(member);
    co_return fail(Errc::unavailable, "its agent is not connected");
  }
  if (quiesce_fails) co_return outcome::failure(*quiesce_fails);
  quiesced.insert(member);
  protocol::QuiesceReport done;
  done.hooks = 2;
  done.duration_ms = 1200;
  co_return done;
}

asio::awaitable<Result<protocol::ThawReport>> FakeGuestLink::thaw(Uuid member, protocol::GuestThaw, Deadline) {
  calls.push_back("thaw " + member.text());
  protocol::ThawReport done;
  done.was_quiesced = quiesced.erase(member) > 0 && !thaws_by_itself;
  co_return done;
}

Result<void> FakeGuestLink::begin(std::string call) {
  calls.push_back(call);
  if (!fails) return outcome::success();
  if (auto error = fails(call)) return *error;
  return outcome::success();
}

asio::awaitable<Result<protocol::PrepareReport>> FakeGuestLink::prepare_cutover(Uuid member, protocol::GuestPrepareCutover call, Deadline) {
  CO_TRY(begin("prepare " + std::string(to_string(call.side)) + ' ' + member.text()));
  co_return protocol::PrepareReport{.hooks = 1};
}

asio::awaitable<Result<protocol::IdentityReport>> FakeGuestLink::apply_identity(Uuid member, protocol::GuestApplyIdentity call, Deadline) {
  std::string macs;
  for (const protocol::VifIdentity& vif : call.vifs) macs += ' ' + std::to_string(vif.index) + '=' + vif.mac;
  identities.push_back(call);
  const auto found = hold_identity.find(member);
  const auto held = found == hold_identity.end() ? nullptr : found->second;
  if (held) co_await held->async_wait(asio::as_tuple(asio::use_awaitable));
  CO_TRY(begin("identity " + member.text() + ' ' + call.hostname + macs));
  co_return protocol::IdentityReport{.hooks = 6};
}

asio::awaitable<Result<protocol::ReleaseReport>> FakeGuestLink::release_volume(Uuid member, protocol::GuestReleaseVolume call, Deadline limit) {
  volume_limits.push_back(limit);
  CO_TRY(begin("release " + call.volume.text() + ' ' + member.text()));
  co_return protocol::ReleaseReport{.hooks = 1, .was_mounted = true};
}

asio::awaitable<Result<protocol::AcquireReport>> FakeGuestLink::acquire_volume(Uuid member, protocol::GuestAcquireVolume call, Deadline limit) {
  volume_limits.push_back(limit);
  CO_TRY(begin("acquire " + call.volume.text() + ' ' + member.text()));
  co_return protocol::AcquireReport{.hooks = 1, .mount_point = "/srv/" + call.volume.text()};
}

asio::awaitable<Result<protocol::RunReport>> FakeGuestLink::run(Uuid member, protocol::GuestRun call, Deadline) {
  calls.push_back("run " + member.text() + (call.attach ? " attach" : ""));
  runs.push_back(std::move(call));
  if (const auto held = hold_run) co_await held->async_wait(asio::as_tuple(asio::use_awaitable));
  if (!run_fails.empty()) {
    Error failure = run_fails.front();
    run_fails.erase(run_fails.begin());
    co_return outcome::failure(std::move(failure));
  }
  co_return run_report;
}

asio::awaitable<Result<protocol::GuestHealthReport>> FakeGuestLink::health(Uuid member, Deadline) {
  calls.push_back("health " + member.text());
  if (const auto held = hold_health) co_await held->async_wait(asio::as_tuple(asio::use_awaitable));
  co_return health_report;
}

broker::Verdict FakePolicy::decide(std::string_view operation, const VmName& vm, Timestamp) {
  asked.push_back(std::string(operation) + ' ' + vm.text());
  return verdict;
}

}  // namespace zynclone::tests
