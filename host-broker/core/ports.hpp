#pragma once
// Everything outside that the core calls, in one place. Made by main, outlives the core.

#include "host-broker/ports/block_devices.hpp"
#include "host-broker/ports/clock.hpp"
#include "host-broker/ports/configuration.hpp"
#include "host-broker/ports/grants.hpp"
#include "host-broker/ports/guest_link.hpp"
#include "host-broker/ports/journal.hpp"
#include "host-broker/ports/leases.hpp"
#include "host-broker/ports/memories.hpp"
#include "host-broker/ports/network.hpp"
#include "host-broker/ports/peripherals.hpp"
#include "host-broker/ports/policy.hpp"
#include "host-broker/ports/storage.hpp"
#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker {

struct Ports {
  Toolstack& toolstack;
  BlockDevices& devices;
  Peripherals& peripherals;
  Storage& storage;
  Network& network;
  GuestLink& guests;
  Journal& journal;
  AuditLog& audit;
  Leases& leases;
  Grants& grants;
  Configuration& configuration;
  Families& families;
  Policy& policy;
  Clock& clock;
  Memories& memories;
};

struct CoreSettings {
  Deadline lockdown_timeout = std::chrono::seconds(10);
  std::size_t most_pending_approvals = 8;            // of one family
  std::size_t most_queued = 16;                      // unfinished operations of one family
  unsigned guest_messages = 20;                      // of one member a second, whatever they ask
  Deadline retry_pause = std::chrono::seconds(1);    // before what has to succeed is tried again (the journal's disk is full, say)
  Deadline expiry_warning = std::chrono::hours(1);   // before a clone is removed because its time is over
  Deadline own_retry = std::chrono::minutes(1);      // before what the broker asked for by itself, and failed, is asked for again
  Deadline health_pause = std::chrono::seconds(15);  // between two looks at a member on probation that was well
  std::string software = "zynclone " ZYNCLONE_VERSION;
};

}  // namespace zynclone::broker
