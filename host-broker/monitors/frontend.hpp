#pragma once
// The side of lockdown that a guest may see: which member of which family it is, and which of its interfaces may speak. Courtesy, for
// the backend enforces; a guest cannot change what stands under ~/zynclone, and what it changes elsewhere harms itself.

#include <optional>
#include <vector>

#include "host-broker/monitors/publication.hpp"

namespace zynclone::broker::monitors {

struct Membership {
  const PublishedFamily* family;
  const PublishedMember* member;
};
std::optional<Membership> member_in(const std::vector<PublishedFamily>& families, const Uuid& vm);

// Writes /local/domain/<id>/zynclone/..., readable by that guest, and for Windows frontends device/vif/<n>/disconnect: "1" while disabled.
// Does nothing when the domain is another VM's by now, so that no home is made for one that is gone. `told`: the nodes that it was told
// before, as far as is known; where they are, nothing is read.
Result<void> tell_member(xenstore::Store& store, const xen::DomainEntry& domain, const PublishedFamily& family, const PublishedMember& member,
                         const Nodes* told);

// Removes what tell_member wrote.
Result<void> forget_member(xenstore::Store& store, const xen::DomainEntry& domain);

}  // namespace zynclone::broker::monitors
