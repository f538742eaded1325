#pragma once
// The broker's own settings: /etc/zynclone/broker.conf, key=value lines. Every key has a default; the file may be missing. Read once at
// start by the programs of the host.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/configuration.hpp"

namespace zynclone::broker::configuration {

// What must stay free: a part of the whole, or bytes.
struct Reserve {
  std::optional<unsigned> percent;   // 0 to 99
  std::uint64_t bytes = 0;           // counts where there is no percent
  std::uint64_t of(std::uint64_t whole) const;  // bytes, rounded up
  friend bool operator==(const Reserve&, const Reserve&) = default;
};

enum class ToolstackKind { xl, sandbox };

struct BrokerSettings {
  std::string state_dir = "/var/lib/zynclone";
  std::string run_dir = "/run/zynclone";
  std::string policy_dir = "/etc/zynclone/policy.d";
  std::string clone_dir = "/etc/xen/clone";
  std::string xl_dir = "/etc/xen";                        // <vm>.cfg, where guest/<vm>.conf names no `config`
  ToolstackKind toolstack = ToolstackKind::xl;
  std::string sandbox_dir;                                // with toolstack=sandbox
  std::string link_program = "/usr/libexec/zynclone/zynclone-link";
  Reserve reserve_data{.percent = 10};                    // of a thin pool's data
  Reserve reserve_metadata{.percent = 10};                // of a thin pool's metadata
  Reserve reserve_files{.bytes = 1ull << 30};             // of the file system that holds qcow2 and raw files
  std::chrono::milliseconds lockdown_timeout{10'000};     // for all backends to acknowledge
  std::chrono::milliseconds approval_timeout = std::chrono::minutes(15);  // where the rule names none
  unsigned most_pending_approvals = 8;                    // of one family
  unsigned guest_messages = 20;                           // of one guest a second; five times as many at once
  unsigned first_spice_port = 5930;                       // key spice_ports: of clones, whose original has a SPICE display
  unsigned last_spice_port = 5959;
  std::chrono::milliseconds history = std::chrono::hours(24) * 90;        // how long finished operations are kept

  std::string journal_file() const { return state_dir + "/journal.db"; }
  std::string families_dir() const { return state_dir + "/clones"; }
};

struct BrokerSettingsDraft {
  BrokerSettings settings;
  std::vector<ConfigValue> values;   // every key with its place, for `vmclone config show`
  std::vector<Error> errors;         // every mistake, with place "file:line"
};
BrokerSettingsDraft read_broker_settings(std::string_view untrusted_text, const std::string& file);

// A file that is not there gives the defaults. Errors: configuration (the first mistake), system.
Result<BrokerSettings> load_broker_settings(const std::filesystem::path& file = "/etc/zynclone/broker.conf");

// For `vmclone config check`.
std::vector<Error> check_broker_settings(const std::filesystem::path& file = "/etc/zynclone/broker.conf");

}  // namespace zynclone::broker::configuration
