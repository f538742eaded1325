#pragma once
// When the addresses of a production member are announced: when production has moved while this process ran, and then twice again, for frames are
// lost. Called by clone-net-monitor's reconciliation, in its thread; waits for nothing.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "host-broker/monitors/wanted.hpp"
#include "host-broker/network/announcer.hpp"

namespace zynclone::broker::monitors {

class Announcements {
 public:
  using Time = std::chrono::steady_clock::time_point;
  explicit Announcements(std::unique_ptr<network::Announcer> announcer, std::function<Time()> now = std::chrono::steady_clock::now)
      : announcer_(std::move(announcer)), now_(std::move(now)) {}

  // Once the rules are in force, before anything is acknowledged: announces what is new, and what is due again. Where production is when a
  // family is seen first is no move: this process may only have been started anew. What cannot be announced is logged, and keeps no
  // lockdown from being acknowledged: its guest says so itself, sooner or later.
  void follow(const std::vector<ProductionHere>& production, const network::FilterState& in_force);

  // Of families that are not published any longer.
  void forget_unless(const std::function<bool(const Uuid& family)>& published);

  // When something is due again.
  std::optional<Time> due() const;

 private:
  struct Known {
    std::uint64_t generation = 0;
    unsigned left = 0;      // so many times more
    Time due{};
  };
  void announce(const ProductionHere& here, const network::FilterState& in_force, bool again);

  std::unique_ptr<network::Announcer> announcer_;
  std::function<Time()> now_;
  std::map<Uuid, Known> known_;
};

}  // namespace zynclone::broker::monitors
