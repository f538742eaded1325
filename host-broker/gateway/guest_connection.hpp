#pragma once
// One connection with one guest: its link process, and the conversation over it. It serves requests only after the guest has said
// hello and the domain was seen, after that, to be still the VM that it was. One thread.

#include <functional>

#include "host-broker/gateway/link_process.hpp"
#include "host-broker/ports/request_handler.hpp"
#include "protocol/channel/peer.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::broker::gateway {

// Is the domain still the same VM? Asked once the guest's hello has come: from then on the channel cannot become another domain's.
using CheckIdentity = std::function<asio::awaitable<bool>()>;

class GuestConnection {
 public:
  static std::shared_ptr<GuestConnection> create(LinkProcess::Started link, RequestHandler& handler, Caller::Member member, CheckIdentity check);
  ~GuestConnection();

  struct End {
    bool was_open = false;
    std::string reason;        // for a log line
  };
  // Until it ends, or there is no hello in time; the link is dead then. Once only.
  static asio::awaitable<End> run(std::shared_ptr<GuestConnection> self, Deadline hello);

  // Ends it: `run` comes back soon.
  void close(std::string reason);
  // The same, with the link's process dead at once.
  void kill(std::string reason);

  bool is_open() const { return opened_.has_value() && !closed_; }
  std::optional<Timestamp> opened() const { return opened_; }   // since when it is, or was, open
  const std::string& software() const { return software_; }     // of the agent, by its own words, printable
  bool agent_can(std::string_view capability) const;            // did its hello say so?
  pid_t process() const { return process_.id(); }
  channel::PeerCounters counters() const { return peer_->counters(); }

  template <class M>
  asio::awaitable<Result<typename M::Result>> call(M method, Deadline limit) {
    return peer_->call(std::move(method), limit);
  }

 private:
  GuestConnection(LinkProcess process, RequestHandler& handler, Caller::Member member, CheckIdentity check);
  static asio::awaitable<std::string> handle(std::shared_ptr<GuestConnection> self, protocol::Request request);
  asio::awaitable<void> greet(protocol::Hello hello);
  asio::awaitable<void> wait_for_hello(Deadline limit);

  LinkProcess process_;
  RequestHandler& handler_;
  Caller caller_;
  CheckIdentity check_;
  std::unique_ptr<channel::Peer> peer_;
  std::optional<Timestamp> opened_;
  std::string software_;
  std::vector<std::string> capabilities_;
  std::string close_reason_;
  bool closed_ = false;
  channel::WakeUp changed_;
};

}  // namespace zynclone::broker::gateway
