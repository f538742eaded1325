#pragma once
// clone-net-monitor: makes the filter of its own domain what the published families want of it, reads it back, and only then
// acknowledges. `reconcile` blocks and runs in the monitor's pool thread, one at a time. What is in force is read each time; what is
// published, and which interfaces are there, as hinted at. It makes the bridges of isolated networks and moves interfaces between them and the
// original's, after the rules are in force, so that no frame crosses. Where production has moved it announces its addresses before it acknowledges.

#include <map>
#include <memory>

#include "host-broker/monitors/announcements.hpp"
#include "host-broker/monitors/generation_guard.hpp"
#include "host-broker/monitors/published_families.hpp"
#include "host-broker/monitors/reconciler.hpp"
#include "host-broker/monitors/wanted.hpp"
#include "host-broker/network/isolated_bridges.hpp"
#include "host-broker/network/vif_filter.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::monitors {

class NetMonitor : public Reconciler {
 public:
  NetMonitor(asio::any_io_executor executor, std::unique_ptr<network::VifFilter> filter, std::unique_ptr<network::Announcer> announcer,
             std::unique_ptr<network::IsolatedBridges> bridges)
      : executor_(executor), filter_(std::move(filter)), bridges_(std::move(bridges)), announcements_(std::move(announcer)) {}

  // Errors: those of XenStore and of the filter; malformed when a family was refused, conflict when it went back (all others are in force
  // and acknowledged then).
  Result<void> reconcile(const Hints& hints) override;
  void start_watching(Doorbell& doorbell) override;

 private:
  // The families that count now: those that go back stay as they were.
  Result<std::vector<PublishedFamily>> read_families(xenstore::Store& store, DomainId self, std::map<Uuid, Error>& held_back);
  // The isolated bridges of these families are there, and their interfaces where they belong. Adds the families of which that is not so, and takes
  // back what was acknowledged of them.
  Result<void> put_in_place(xenstore::Store& store, DomainId self, const std::vector<BridgesHere>& wanted, Reading reading, std::map<Uuid, Error>& held_back);
  Result<void> retract_of(xenstore::Store& store, DomainId self, const Uuid& family);
  Result<void> put_in_force(const network::FilterState& wanted, const std::optional<network::FilterState>& before);
  Result<void> acknowledge(xenstore::Store& store, DomainId self, const std::vector<Acknowledgement>& wanted);
  void retract(xenstore::Store& store, DomainId self);
  void ring_when_due();

  asio::any_io_executor executor_;
  std::unique_ptr<network::VifFilter> filter_;
  std::unique_ptr<network::IsolatedBridges> bridges_;
  PublishedFamilies published_;
  BackendVifs present_;
  GenerationGuard guard_;
  Announcements announcements_;
  Doorbell* doorbell_ = nullptr;                     // none: nobody waits
  std::optional<Announcements::Time> rings_at_;
  std::optional<network::FilterState> applied_;      // by this process, last
  std::map<std::string, Generation> acknowledged_;   // by family: what is known to stand in XenStore
};

}  // namespace zynclone::broker::monitors
