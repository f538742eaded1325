#pragma once
// What the administrator configured: base.json overridden by guest/<vm>.conf, and the families as they are kept. Real:
// configuration::FileConfiguration and FileFamilies. Tests: fakes.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/family.hpp"

namespace zynclone::broker {

enum class MacRule { fresh, original };   // does a clone get MACs of its own or its original's?

// A disk that one member of a family has at a time.
struct SharedVolume {
  VolumeName name;
  Volume volume;
  std::string device;                      // as the guests name it: xvds
  std::string filesystem;                  // a hint for the guest: ext4; empty: none
};

// A device of the host that follows production.
struct Peripheral {
  PeripheralName name;
  protocol::PeripheralKind kind = protocol::PeripheralKind::usb;
  std::string device;                      // usb: 04b8:0202, 04b8:0202:SERIAL, or a port's path 1-1.4; pci: 0000:03:00.0
};

// Of a cutover, configured or asked for.
inline constexpr std::chrono::seconds k_shortest_probation{10};
inline constexpr std::chrono::seconds k_longest_probation{30 * 24 * 3600};

// Effective for one VM. Every value has a default; `vmclone config show` says where each came from.
struct GuestConfig {
  VmName vm;
  std::string xl_config;                   // key `config`; default /etc/xen/<vm>.cfg
  MacRule macs = MacRule::fresh;           // key `mac`
  VifMask original_vif_mask{~0ull};        // key `original_vif_mask`: the original while a clone is in force
  VifMask clone_vif_mask{0};               // key `clone_vif_mask`: 0, a new clone is silent
  VifAllowance original_allowance;         // keys original_vif_mode, original_ipv4, original_ipv6
  VifAllowance clone_allowance;            // keys clone_vif_mode, clone_ipv4, clone_ipv6
  unsigned most_clones = 4;                // key `clones`
  std::optional<std::uint64_t> most_storage;  // key `storage`: bytes that all copies of the family may come to hold; none: no limit
  std::chrono::milliseconds quiesce_timeout{10'000};  // key `quiesce_timeout` (10s)
  std::chrono::milliseconds shutdown_timeout{60'000}; // key `shutdown_timeout`
  std::string channel = "vchan";           // key `channel`: vchan, mailbox, none
  std::vector<std::string> disks;          // key `disks`: devices to clone; empty: all writable ones
  std::vector<SharedVolume> shared_volumes;   // keys `shared_volume.<name>`: <device>,<format>,<path>[,<file system>]
  std::chrono::milliseconds release_timeout{45'000};  // key `release_timeout`: of the guest, to give up one shared volume; longer than its own hooks have
  std::chrono::milliseconds health_timeout{30'000};   // key `health_timeout`: of the new production member, until it says that it is well
  std::chrono::milliseconds probation{3'600'000};     // key `probation`
  protocol::AfterProbation after_probation = protocol::AfterProbation::undo;  // key `after_probation`
  std::vector<std::string> announce;       // key `announce`: addresses that move with production, told to the network
  std::vector<Peripheral> peripherals;     // keys `peripheral.<name>`: usb,<device> or pci,<address>
  protocol::CloneNetwork clone_network = protocol::CloneNetwork::original;  // key `clone_network`: of new clones, unless asked otherwise
  std::string disks_place = "default";     // file:line that named them, for an error when the VM has no such disk
};

struct ConfigValue {
  std::string key;
  std::string value;
  std::string place;                       // file:line, or "default"
};

class Configuration {
 public:
  virtual ~Configuration() = default;
  // VMs that have a guest/<vm>.conf, whether it is right or not.
  virtual Result<std::vector<VmName>> guests() = 0;
  // Read anew at each call. Errors: refused when the VM has none (it is not enabled); configuration with file:line.
  virtual Result<GuestConfig> guest(const VmName& vm) = 0;
};

class Families {
 public:
  virtual ~Families() = default;
  virtual Result<std::vector<Family>> load_all() = 0;
  // Written whole and synced before it returns. A family with no clones is kept too, for its generation.
  virtual Result<void> save(const Family& family) = 0;
};

}  // namespace zynclone::broker
