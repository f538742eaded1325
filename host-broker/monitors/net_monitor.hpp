#pragma once
// clone-net-monitor: makes the filter of its own domain what the published families want of it, reads it back, and only then
// acknowledges. `reconcile` blocks and runs in the monitor's pool thread, one at a time. What is in force is read each time; what is
// published, and which interfaces are there, as hinted at.

#include <map>
#include <memory>

#include "host-broker/monitors/published_families.hpp"
#include "host-broker/monitors/reconciler.hpp"
#include "host-broker/monitors/wanted.hpp"
#include "host-broker/network/vif_filter.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::monitors {

class NetMonitor : public Reconciler {
 public:
  NetMonitor(asio::any_io_executor executor, std::unique_ptr<network::VifFilter> filter) : executor_(executor), filter_(std::move(filter)) {}

  // Errors: those of XenStore and of the filter; malformed when a family was refused (all others are in force and acknowledged then).
  Result<void> reconcile(const Hints& hints) override;
  void start_watching(Doorbell& doorbell) override;

 private:
  Result<void> put_in_force(const network::FilterState& wanted, const std::optional<network::FilterState>& before);
  Result<void> acknowledge(xenstore::Store& store, DomainId self, const std::vector<Acknowledgement>& wanted);
  void retract(xenstore::Store& store, DomainId self);

  asio::any_io_executor executor_;
  std::unique_ptr<network::VifFilter> filter_;
  PublishedFamilies published_;
  BackendVifs present_;
  std::optional<network::FilterState> applied_;      // by this process, last
  std::map<std::string, Generation> acknowledged_;   // by family: what is known to stand in XenStore
};

}  // namespace zynclone::broker::monitors
