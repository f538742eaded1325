#pragma once
// The upgrade of a shop's VM while the shop stays open: rehearsed, then done to the original while a clone of it, the standby, works in its place.
// At each moment exactly one of the two sells, and at the first failure it is the one that is known to work.

#include "host-broker/app/vmclone/rehearsal.hpp"

namespace zynclone::broker::vmclone {

struct UpgradeOrder {
  CloneName standby;
  std::vector<std::string> command;
  std::chrono::seconds limit{};              // of the command, each time
  std::chrono::milliseconds health_limit{};  // until a member is well after it
  bool rehearse = true;
};

struct UpgradeEnd {
  std::optional<Error> error;       // nothing: all is done
  std::string production;           // the member that sells now; empty: not known
  std::vector<std::string> lines;   // for people, what is left and what to do next
};

// The lines of what it would do.
std::vector<std::string> upgrade_plan(const VmName& vm, const UpgradeOrder& order);
// Errors: conflict where production is not with the original alone, and it cannot begin; of the question.
Result<void> check_upgrade(Undertaking& undertaking);
UpgradeEnd upgrade(Undertaking& undertaking, const UpgradeOrder& order);

}  // namespace zynclone::broker::vmclone
