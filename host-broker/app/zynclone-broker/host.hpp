#pragma once
// The adapters of this host, made as its settings say: the one place that knows real Xen from the sandbox.

#include <memory>

#include "host-broker/app/zynclone-broker/system_clock.hpp"
#include "host-broker/configuration/broker_settings.hpp"
#include "host-broker/configuration/file_configuration.hpp"
#include "host-broker/configuration/file_families.hpp"
#include "host-broker/core/ports.hpp"
#include "host-broker/gateway/guest_links.hpp"
#include "host-broker/journal/sql_journal.hpp"
#include "host-broker/policy/policy_folder.hpp"
#include "host-broker/storage/volumes.hpp"
#include "host-broker/xen/hypervisor.hpp"
#include "host-broker/xen/lockdown/xenstore_lockdown.hpp"

namespace zynclone::broker {

struct Host {
  // Errors: configuration, storage (the journal), unavailable (no XenStore).
  static Result<std::unique_ptr<Host>> create(asio::io_context& context, const configuration::BrokerSettings& settings);
  Ports ports();
  CoreSettings core_settings() const;
  // Of all that can go wrong while the broker runs, whether it has.
  asio::awaitable<std::vector<protocol::HealthCheck>> health();

  configuration::BrokerSettings settings;
  SystemClock clock;
  configuration::FileConfiguration configuration;
  configuration::FileFamilies families;
  policy::PolicyFolder policy;
  storage::Volumes storage;
  asio::thread_pool xenstore_pool{4};
  asio::thread_pool lockdown_pool{2};            // its own: a cutover's gap does not wait for guests that ask about volumes
  xen::XenstoreLockdown network{lockdown_pool};
  std::unique_ptr<xen::Hypervisor> hypervisor;   // none in the sandbox
  std::unique_ptr<Toolstack> toolstack;
  std::unique_ptr<Memories> memories;
  std::unique_ptr<BlockDevices> devices;
  std::unique_ptr<Peripherals> peripherals;
  std::unique_ptr<journal::SqlJournal> journal;
  std::unique_ptr<gateway::GuestLinks> guests;

 private:
  explicit Host(const configuration::BrokerSettings& chosen);
};

}  // namespace zynclone::broker
