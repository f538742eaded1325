#pragma once
// clone-monitor: makes XenStore say what the families' files say, and removes from it what no file backs. `reconcile` blocks and
// runs in the monitor's pool thread, one at a time; it reads files, domains and XenStore anew each time.

#include <filesystem>
#include <set>

#include "host-broker/monitors/publication.hpp"
#include "host-broker/monitors/reconciler.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::monitors {

class CloneMonitor : public Reconciler {
 public:
  CloneMonitor(asio::any_io_executor executor, std::filesystem::path folder) : executor_(executor), folder_(std::move(folder)) {}

  // Errors: those of XenStore; not_found when the folder is not there; configuration when a family's file is damaged. What is published
  // of that family stays then, and all others are published.
  Result<void> reconcile() override;
  void start_watching(Doorbell& doorbell) override;

 private:
  struct Files {
    std::vector<Family> families;
    std::set<std::string> damaged;       // names of VMs whose files cannot be read
    std::optional<Error> error;          // the first of theirs
  };
  Result<Files> read_files() const;
  Result<void> prepare_roots(xenstore::Store& store, const std::vector<PublishedFamily>& families);
  Result<void> publish(xenstore::Store& store, const PublishedFamily& family);
  Result<void> remove_unbacked(xenstore::Store& store, const Files& files);
  Result<void> remove_stale_acknowledgements(xenstore::Store& store, const Domains& domains);
  Result<void> tell_members(xenstore::Store& store, const std::vector<PublishedFamily>& families, const Domains& domains, const Files& files);

  asio::any_io_executor executor_;
  std::filesystem::path folder_;
  std::optional<std::set<DomainId>> readers_;  // of the roots, as they were last written by this process
};

}  // namespace zynclone::broker::monitors
