#pragma once
// What the filter of one backend domain must be: from the families as published and the interfaces that are at this backend now.
// A pure function. Where the two disagree about an interface, nothing passes.

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host-broker/monitors/backend_vifs.hpp"
#include "host-broker/monitors/publication.hpp"
#include "host-broker/network/isolated_bridges.hpp"
#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::monitors {

struct Acknowledgement {
  Uuid family;
  VmName vm;
  Generation generation;
};

// Where production of a family is, as far as this backend is concerned.
struct ProductionHere {
  Uuid family;
  VmName vm;
  PublishedProduction production;
  struct Interface {
    std::string name;
    std::string mac;
  };
  std::vector<Interface> interfaces;         // of its member, that are here now and may speak; the lowest index first
};

// The bridges of a family that has isolated clones, as far as this backend is concerned.
struct BridgesHere {
  Uuid family;
  VmName vm;
  std::string isolated;                      // must be there
  std::set<std::string> members;             // interfaces that may be its ports
  std::vector<network::Placement> placements; // of those that are here now
};

struct Wanted {
  network::FilterState state;
  std::vector<Acknowledgement> acknowledge;  // once the state is in force
  std::vector<ProductionHere> production;    // of those that are acknowledged
  std::vector<BridgesHere> bridges;          // of families that have an isolated clone in force
  std::vector<Error> conflicts;              // families that contradict each other, and are not acknowledged
};

enum class Reading { complete, some_refused };

// Rules for every interface of a member whose backend is `self`, by its published name and by the one that it has now. While any original
// is restricted, unknown interfaces are held: a restricted original that starts anew under another domain id is silent until it has its
// rules, whatever MAC it sends from; so interfaces of domains in no family get a rule that lets them pass. With families that
// were refused, rules in force that the others say nothing about stay.
Wanted wanted_state(const std::vector<PublishedFamily>& families, Reading reading, const std::vector<BackendVif>& present, DomainId self,
                    const std::optional<network::FilterState>& in_force);

}  // namespace zynclone::broker::monitors
