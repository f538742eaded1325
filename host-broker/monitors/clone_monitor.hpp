#pragma once
// clone-monitor: makes XenStore say what the families' files say, and removes from it what no file backs. `reconcile` blocks and
// runs in the monitor's pool thread, one at a time. It reads files and domains as hinted at, and compares with XenStore what differs from
// what it wrote last, what someone else changed there, and now and then everything.

#include <filesystem>
#include <map>
#include <set>

#include "host-broker/monitors/family_files.hpp"
#include "host-broker/monitors/publication.hpp"
#include "host-broker/monitors/reconciler.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::monitors {

class CloneMonitor : public Reconciler {
 public:
  CloneMonitor(asio::any_io_executor executor, std::filesystem::path folder) : executor_(executor), folder_(folder), files_(std::move(folder)) {}

  // Errors: those of XenStore; not_found when the folder is not there; configuration when a family's file is damaged. What is published
  // of that family stays then, and all others are published.
  Result<void> reconcile(const Hints& hints) override;
  void start_watching(Doorbell& doorbell) override;

 private:
  // What the guest in a domain was told.
  struct Told {
    Uuid vm;
    Nodes nodes;
    friend bool operator==(const Told&, const Told&) = default;
  };

  void forget(const Hints& hints);
  Result<void> prepare_roots(xenstore::Store& store, const std::vector<PublishedFamily>& families);
  Result<void> publish(xenstore::Store& store, const PublishedFamily& family);
  Result<void> remove_unbacked(xenstore::Store& store, const std::vector<PublishedFamily>& families);
  Result<void> remove_stale_acknowledgements(xenstore::Store& store);
  Result<void> tell_members(xenstore::Store& store, const std::vector<PublishedFamily>& families);

  asio::any_io_executor executor_;
  std::filesystem::path folder_;
  FamilyFiles files_;
  Domains domains_;
  std::optional<std::set<DomainId>> readers_;     // of the roots, as this process last wrote them
  bool has_roots_ = false;
  std::map<Uuid, PublishedFamily> published_;     // what is known to stand in XenStore
  std::map<DomainId, std::optional<Told>> told_;  // none: a domain that is in no family
};

}  // namespace zynclone::broker::monitors
