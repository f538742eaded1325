#pragma once
// A command tried in a private clone of a VM, which is made for it and removed afterwards: what `vmclone rehearse` is and `vmclone upgrade` begins
// with.

#include "host-broker/app/vmclone/undertaking.hpp"

namespace zynclone::broker::vmclone {

struct Rehearsal {
  CloneName clone;
  std::vector<std::string> command;
  std::chrono::seconds limit{};                // of the command
  std::chrono::milliseconds health_limit{};    // until the clone is well after it
  protocol::CloneMode mode = protocol::CloneMode::online;
  protocol::CloneNetwork network = protocol::CloneNetwork::isolated;  // of the clone: nothing that is only tried is heard in the shop
  bool keep = false;                           // the clone, for its time to live
};

// A name that no other rehearsal has: "rehearsal-7k3m9q".
CloneName rehearsal_name();
// Its clone is removed then, whatever becomes of vmclone.
std::chrono::seconds time_to_live(const Rehearsal& rehearsal);

// Errors: why it failed: the clone could not be made, the command failed in it, or it was not well afterwards. The clone is gone then, too, but
// where it is to be kept or after Ctrl-C.
Result<void> rehearse(Undertaking& undertaking, const Rehearsal& rehearsal);

}  // namespace zynclone::broker::vmclone
