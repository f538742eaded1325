#pragma once
// What GuestLinks and its coroutines share. Private to guest_links*.cpp.

#include <map>

#include "host-broker/gateway/guest_connection.hpp"
#include "host-broker/gateway/guest_links.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::broker::gateway {

class GuestLinks::State : public std::enable_shared_from_this<GuestLinks::State> {
 public:
  // One domain of a family, from when it is seen until it is gone.
  struct Guest {
    Guest(std::uint64_t given_key, Domain seen, Caller::Member who, std::string how, PaceLimits limits)
        : key(given_key),
          domain(std::move(seen)),
          pace(limits, std::chrono::steady_clock::now()),
          status{.member = std::move(who), .channel = std::move(how)} {}
    std::uint64_t key;
    Domain domain;
    ConnectPace pace;
    GuestLinkStatus status;                        // of the connections that have ended
    std::shared_ptr<GuestConnection> connection;   // while there is one
    std::string failed_on;                         // what was advertised when a connection last failed
    bool gone = false;
    std::uint64_t changes = 0;                     // of what it advertises, and of `gone`
    std::chrono::steady_clock::time_point looked{};
    channel::WakeUp changed;
    void change() {
      ++changes;
      changed.wake();
    }
    Rendezvous rendezvous() const { return status.channel == "mailbox" ? Rendezvous::mailbox : Rendezvous::vchan; }
  };
  using GuestPointer = std::shared_ptr<Guest>;

  State(asio::any_io_executor executor, std::unique_ptr<GuestWatch> watch, LinkSettings settings)
      : executor_(std::move(executor)), watch_(std::move(watch)), settings_(std::move(settings)) {}

  static asio::awaitable<void> run(std::shared_ptr<State> self, RequestHandler& handler);
  void close();
  void refresh();
  std::shared_ptr<GuestConnection> open_connection(const Uuid& member) const;
  std::vector<GuestLinkStatus> status() const;
  const std::optional<Error>& watch_error() const { return watch_error_; }

 private:
  static asio::awaitable<void> refresh_now_and_then(std::shared_ptr<State> self);
  static asio::awaitable<void> tend(std::shared_ptr<State> self, GuestPointer guest);
  static asio::awaitable<void> watch_connected(std::shared_ptr<State> self, GuestPointer guest, std::shared_ptr<GuestConnection> connection,
                                               std::string connected_to);
  static asio::awaitable<bool> is_still(std::shared_ptr<State> self, DomainId domain, Uuid uuid);

  void take_event(const GuestEvent& event);
  asio::awaitable<Result<void>> look_at_domains();
  void drop_those_that_went(const std::vector<Domain>& domains);
  void drop(Guest& guest, std::string why);
  void add(const Domain& domain);
  bool is_as_before(const Guest& guest, const Domain& domain);
  asio::awaitable<void> connect_when_possible(GuestPointer guest);
  asio::awaitable<void> connect(GuestPointer guest, std::string advertised);
  LinkCommand command_for(const Guest& guest) const;
  void record_end(Guest& guest, const GuestConnection& connection, const GuestConnection::End& end);

  asio::any_io_executor executor_;
  std::unique_ptr<GuestWatch> watch_;
  LinkSettings settings_;
  RequestHandler* handler_ = nullptr;
  std::map<std::uint64_t, GuestPointer> guests_;   // by key
  std::uint64_t next_key_ = 1;
  bool closed_ = false;
  bool refresh_needed_ = true;
  std::optional<Error> watch_error_;
  channel::WakeUp refresh_wanted_;
  channel::WakeUp closing_;
};

}  // namespace zynclone::broker::gateway
