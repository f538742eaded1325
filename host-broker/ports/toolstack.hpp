#pragma once
// Controls the domains of this host. Real: xen::XlToolstack. Sandbox: sandbox::SandboxToolstack. Tests: FakeToolstack.

#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/volume.hpp"
#include "protocol/names.hpp"
#include "system/async.hpp"

namespace zynclone::broker {

enum class DomainState { running, paused, shut_down, dying };

struct Domain {
  DomainId id;
  Uuid uuid;
  std::string name;
  DomainState state = DomainState::running;
};

struct VmDisk {
  std::string device;      // xvda
  Volume volume;
  bool writable = true;
};

struct VmVif {
  unsigned index = 0;
  std::string mac;         // empty: the toolstack chooses at each start
  std::string bridge;
  std::string backend = "0";
  std::string interface;   // the backend's name for it; empty: the toolstack's own, vif<domid>.<index>
};

// What the configuration file of an original says, as far as cloning needs it.
struct VmConfig {
  VmName name;
  std::optional<Uuid> uuid;
  std::string file;        // /etc/xen/pos1.cfg
  std::vector<VmDisk> disks;
  std::vector<VmVif> vifs;
};

// A clone to be started: everything that differs from its original's configuration.
struct CloneDomain {
  std::string original_file;   // rendered from this
  std::string name;            // of the domain: <vm>.<clone>
  Uuid uuid;
  struct Vif {
    unsigned index = 0;
    std::string mac;
    std::string bridge;
    std::string backend = "0";
    std::string interface;     // the backend's name for it, fixed so that rules are there before the interface is
  };
  std::vector<VmDisk> disks;
  std::vector<Vif> vifs;
};

class Toolstack {
 public:
  virtual ~Toolstack() = default;

  // Errors: configuration, with file and cause, when the toolstack cannot read it.
  virtual asio::awaitable<Result<VmConfig>> read_config(VmName vm, std::string file) = 0;
  virtual asio::awaitable<Result<std::vector<Domain>>> list_domains() = 0;

  // Creates the domain, paused, and gives its id; one of this UUID that an earlier call built whole is the answer again, running or not, and
  // what it built in part is cleared away first. Errors: xen; nothing of the domain is left then.
  virtual asio::awaitable<Result<DomainId>> start_paused(CloneDomain domain) = 0;
  // The same from an image of its original's memory (Memories::file_of), so that it goes on where that stood. One that was built is the answer also when
  // the image is gone meanwhile.
  virtual asio::awaitable<Result<DomainId>> restore_paused(CloneDomain domain, std::string image_file) = 0;
  // The same for an original, by its own file as it is: its name, UUID, disks and interfaces. Errors: also configuration, for a file without
  // a UUID, by which its domain could not be found again.
  virtual asio::awaitable<Result<DomainId>> start_original_paused(VmName vm, std::string file) = 0;
  virtual asio::awaitable<Result<void>> pause(DomainId domain) = 0;
  virtual asio::awaitable<Result<void>> unpause(DomainId domain) = 0;

  // Asks the guest to shut down and waits until the domain is gone. A guest may reboot instead: `end` makes sure. Errors: timed_out; the
  // domain is as it was then.
  virtual asio::awaitable<Result<void>> shut_down(DomainId domain, Deadline limit) = 0;
  // Ends what there is of this UUID's domain at once, be it running, still being built, or about to start again after its guest rebooted, and
  // waits until it and its backends are gone. Nothing there is no error.
  virtual asio::awaitable<Result<void>> end(Uuid uuid) = 0;

  // Makes a running domain's device write to the new top layer at the same path (a qcow2 snapshot made under it).
  virtual asio::awaitable<Result<void>> switch_layer(DomainId domain, VmDisk disk) = 0;
};

}  // namespace zynclone::broker
