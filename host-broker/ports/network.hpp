#pragma once
// Lockdown, as the broker sees it: what a family's file says is published by clone-monitor and applied by the backends' monitors;
// here the broker waits until that has happened. Real: xen::XenstoreLockdown. Tests: FakeNetwork.

#include <string>
#include <vector>

#include "host-broker/ports/family.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

class Network {
 public:
  virtual ~Network() = default;
  // Waits until every backend domain of the family's interfaces has acknowledged `family.generation` or a later one (and domain 0 where
  // the family has no interface), and gives the names of those domains. Errors: timed_out, with the domains that did not.
  virtual asio::awaitable<Result<std::vector<std::string>>> wait_applied(Family family, Deadline limit) = 0;

  // Of these families those that some backend is behind with, each as a text for people: "pos1 at generation 4: 'zhapcon' is at 3". Waits
  // for nothing.
  virtual asio::awaitable<Result<std::vector<std::string>>> not_applied(std::vector<Family> families) = 0;
};

}  // namespace zynclone::broker
