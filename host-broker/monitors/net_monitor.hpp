#pragma once
// clone-net-monitor: makes the filter of its own domain what the published families want of it, reads it back, and only then
// acknowledges. `reconcile` blocks and runs in the monitor's pool thread, one at a time; it reads everything anew each time.

#include <map>
#include <memory>
#include <set>

#include "host-broker/monitors/reconciler.hpp"
#include "host-broker/monitors/wanted.hpp"
#include "host-broker/network/vif_filter.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::monitors {

class NetMonitor : public Reconciler {
 public:
  NetMonitor(asio::any_io_executor executor, std::unique_ptr<network::VifFilter> filter) : executor_(executor), filter_(std::move(filter)) {}

  // Errors: those of XenStore and of the filter; malformed when a family was refused (all others are in force and acknowledged then).
  Result<void> reconcile() override;
  void start_watching(Doorbell& doorbell) override;

 private:
  struct Published {
    std::vector<PublishedFamily> families;
    std::vector<Error> refused;
    std::set<std::string> names;         // of all that are there, refused or not
  };
  static Result<std::optional<Published>> read_published(xenstore::Store& store);
  Result<void> put_in_force(const network::FilterState& wanted, std::optional<network::FilterState> before);
  Result<void> acknowledge(xenstore::Store& store, DomainId self, const Published& published, const std::vector<Acknowledgement>& wanted);
  void retract(xenstore::Store& store, DomainId self);

  asio::any_io_executor executor_;
  std::unique_ptr<network::VifFilter> filter_;
  std::optional<network::FilterState> applied_;  // by this process, last
};

}  // namespace zynclone::broker::monitors
