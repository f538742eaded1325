#pragma once
// The channels to all guests: finds the domains of families, starts a link for each that advertises one, starts it again when it
// ends, and calls the agents. Owned by main; the broker's one thread.

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "host-broker/gateway/connect_pace.hpp"
#include "host-broker/gateway/guest_watch.hpp"
#include "host-broker/ports/guest_link.hpp"
#include "host-broker/ports/request_handler.hpp"

namespace zynclone::broker::gateway {

struct LinkSettings {
  std::string program = "/usr/libexec/zynclone/zynclone-link";
  // In the sandbox: "vchan" is a socket <folder>/<domain id>.sock.
  std::optional<std::filesystem::path> unix_channels = {};
  PaceLimits pace = {};
  Deadline hello = std::chrono::seconds(25);     // from a link's start; above its own limits, so that it can say why
  Deadline refresh = std::chrono::seconds(60);   // between looks at all domains, events aside
};

struct GuestLinkStatus {
  Caller::Member member;
  std::string channel;                  // vchan, mailbox
  bool is_open = false;
  std::optional<Timestamp> since;       // open, or closed again; nullopt: never was open
  std::string software;                 // of the agent, printable
  std::uint64_t received = 0;           // messages, in all connections so far
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;
  unsigned links = 0;                   // processes started
  std::optional<pid_t> process;         // of the link, while there is one
  std::string last_end;                 // why the last connection ended
};

// For host.health: one check that counts all, and one for each that is not well, at most 80 of those.
std::vector<protocol::HealthCheck> checks_of(const std::vector<GuestLinkStatus>& guests);

class GuestLinks final : public GuestLink {
 public:
  GuestLinks(asio::any_io_executor executor, std::unique_ptr<GuestWatch> watch, LinkSettings settings);
  GuestLinks(const GuestLinks&) = delete;
  GuestLinks& operator=(const GuestLinks&) = delete;
  ~GuestLinks() override;  // as close()

  // Serves until closed or the watch is lost, which is logged. `handler` outlives this. Once only.
  asio::awaitable<void> run(RequestHandler& handler);
  // Ends all links; nothing of them is left when it comes back.
  void close();
  // Look at all domains again soon: families or their configuration changed.
  void refresh();

  asio::awaitable<Result<protocol::QuiesceReport>> quiesce(Uuid member, protocol::GuestQuiesce call, Deadline limit) override;
  asio::awaitable<Result<protocol::ThawReport>> thaw(Uuid member, protocol::GuestThaw call, Deadline limit) override;
  asio::awaitable<Result<protocol::PrepareReport>> prepare_cutover(Uuid member, protocol::GuestPrepareCutover call, Deadline limit) override;
  asio::awaitable<Result<protocol::IdentityReport>> apply_identity(Uuid member, protocol::GuestApplyIdentity call, Deadline limit) override;
  asio::awaitable<Result<protocol::ReleaseReport>> release_volume(Uuid member, protocol::GuestReleaseVolume call, Deadline limit) override;
  asio::awaitable<Result<protocol::AcquireReport>> acquire_volume(Uuid member, protocol::GuestAcquireVolume call, Deadline limit) override;
  bool is_connected(const Uuid& member) const override;
  asio::awaitable<Result<protocol::RunReport>> run(Uuid member, protocol::GuestRun call, Deadline limit) override;
  asio::awaitable<Result<protocol::GuestHealthReport>> health(Uuid member, Deadline limit) override;

  std::vector<GuestLinkStatus> status() const;
  // For host.health: of the watch, and checks_of the guests.
  std::vector<protocol::HealthCheck> checks() const;

 private:
  class State;
  template <class M>
  asio::awaitable<Result<typename M::Result>> call(Uuid member, M method, std::string_view capability, Deadline limit);

  std::shared_ptr<State> state_;  // shared with the running coroutines
};

}  // namespace zynclone::broker::gateway
