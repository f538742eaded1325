#pragma once
// The lesser parts of a host, in memory: lockdown that is acknowledged at once, guests that quiesce, a policy of one verdict. State is open
// to the test, and failures can be ordered.

#include <functional>
#include <map>
#include <set>

#include "host-broker/ports/guest_link.hpp"
#include "host-broker/ports/network.hpp"
#include "host-broker/ports/policy.hpp"

namespace zynclone::tests {

class FakeNetwork : public broker::Network {
 public:
  asio::awaitable<Result<std::vector<std::string>>> wait_applied(broker::Family family, Deadline limit) override;
  asio::awaitable<Result<std::vector<std::string>>> not_applied(std::vector<broker::Family> families) override;

  std::vector<broker::Family> applied;      // what was waited for, in order
  std::optional<Error> fails;
  std::vector<std::vector<std::string>> behind;  // what not_applied tells, one call after the other; then that all have applied
  std::shared_ptr<asio::steady_timer> hold;  // until it is cancelled, nothing is acknowledged
};

class FakeGuestLink : public broker::GuestLink {
 public:
  asio::awaitable<Result<protocol::QuiesceReport>> quiesce(Uuid member, protocol::GuestQuiesce call, Deadline limit) override;
  asio::awaitable<Result<protocol::ThawReport>> thaw(Uuid member, protocol::GuestThaw call, Deadline limit) override;
  asio::awaitable<Result<protocol::PrepareReport>> prepare_cutover(Uuid member, protocol::GuestPrepareCutover call, Deadline limit) override;
  asio::awaitable<Result<protocol::IdentityReport>> apply_identity(Uuid member, protocol::GuestApplyIdentity call, Deadline limit) override;
  asio::awaitable<Result<protocol::ReleaseReport>> release_volume(Uuid member, protocol::GuestReleaseVolume call, Deadline limit) override;
  asio::awaitable<Result<protocol::AcquireReport>> acquire_volume(Uuid member, protocol::GuestAcquireVolume call, Deadline limit) override;
  bool is_connected(const Uuid& member) const override { return !disconnected.contains(member); }
  asio::awaitable<Result<protocol::RunReport>> run(Uuid member, protocol::GuestRun call, Deadline limit) override;
  asio::awaitable<Result<protocol::GuestHealthReport>> health(Uuid member, Deadline limit) override;

  std::set<Uuid> quiesced;
  std::set<Uuid> disconnected;
  std::vector<std::string> calls;           // "quiesce <uuid>", "health <uuid>", "prepare leaving <uuid>", "release sales <uuid>", …
  std::vector<Deadline> volume_limits;      // of those calls that release or acquire one
  std::function<std::optional<Error>(const std::string& call)> fails;  // of those of a cutover: asked before each
  Result<protocol::GuestHealthReport> health_report = protocol::GuestHealthReport{.healthy = true};
  Result<protocol::RunReport> run_report = protocol::RunReport{.status = 0, .output = "done"};
  std::vector<protocol::GuestApplyIdentity> identities;  // as they were told; in `calls`: "identity <uuid> <host name> 0=<mac>"
  std::vector<protocol::GuestRun> runs;     // as they were asked for
  std::vector<Error> run_fails;             // of the next ones, first
  std::shared_ptr<asio::steady_timer> hold_run;  // until it is cancelled, commands run
  std::shared_ptr<asio::steady_timer> hold_health;
  std::map<Uuid, std::shared_ptr<asio::steady_timer>> hold_identity;  // until it is cancelled, this member's hooks run
  std::optional<Error> quiesce_fails;
  unsigned connects_after = 0;              // so many calls of quiesce, who is disconnected; 0: never
  bool thaws_by_itself = false;             // the agent's time limit ran out before the thaw

 private:
  Result<void> begin(std::string call);
};

class FakePolicy : public broker::Policy {
 public:
  broker::Verdict decide(std::string_view operation, const VmName& vm, Timestamp now) override;

  broker::Verdict verdict{.decision = broker::Decision::allow, .place = "10-test.policy:1"};
  std::vector<std::string> asked;           // "<operation> <vm>"
};

}  // namespace zynclone::tests
