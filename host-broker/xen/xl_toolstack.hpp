#pragma once
// The toolstack of a real Xen host: domains are created by `xl create` from a rendered configuration file, as its parser is in no library
// and it stays to watch the domain; all else is libxenlight. One object a process, on its one thread.

#include <map>

#include "host-broker/xen/hypervisor.hpp"
#include "host-broker/xen/spice_ports.hpp"

namespace zynclone::broker::xen {

struct XlSettings {
  std::string xl = "xl";                              // looked for in PATH
  std::string run_folder = "/run/zynclone/xl";        // 0700; rendered configuration files, while xl reads them
  std::string qemu_folder = "/run/xen";               // where libxl puts the control sockets of its QEMUs
  std::string block_script;                           // see HostParts
  PortRange spice_ports{5930, 5959};                  // of clones whose original has a SPICE display
  Deadline create_limit = std::chrono::seconds(120);  // xl waits for others that create domains, and for hotplug scripts
  Deadline gone_limit = std::chrono::seconds(60);
};

class XlToolstack final : public Toolstack {
 public:
  XlToolstack(Hypervisor& hypervisor, XlSettings settings) : hypervisor_(hypervisor), settings_(std::move(settings)) {}

  asio::awaitable<Result<VmConfig>> read_config(VmName vm, std::string file) override;
  asio::awaitable<Result<std::vector<Domain>>> list_domains() override;
  // A domain of this UUID that is there already is the answer, unless it is the remains of an interrupted start: those go first.
  asio::awaitable<Result<DomainId>> start_paused(CloneDomain domain) override;
  asio::awaitable<Result<DomainId>> restore_paused(CloneDomain domain, std::string image_file) override;
  // As start_paused; one that was paused by somebody else is no remains, and is the answer as it is.
  asio::awaitable<Result<DomainId>> start_original_paused(VmName vm, std::string file) override;
  asio::awaitable<Result<void>> pause(DomainId domain) override;
  asio::awaitable<Result<void>> unpause(DomainId domain) override;
  asio::awaitable<Result<void>> shut_down(DomainId domain, Deadline limit) override;
  asio::awaitable<Result<void>> end(Uuid uuid) override;
  // One domain, at once, until it and its backends are gone; one that is not there is no error. Its watcher may start it again.
  asio::awaitable<Result<void>> destroy(DomainId domain);
  // By QEMU's blockdev-snapshot-sync; refused for a disk that no QEMU of this domain serves.
  asio::awaitable<Result<void>> switch_layer(DomainId domain, VmDisk disk) override;

 private:
  // What a paused domain is that no xl of ours watches: built in part, or whole and paused by somebody.
  enum class Unwatched { remains, whole };
  struct Build {
    std::string name;
    Uuid uuid;
    std::string config_file;
    Unwatched unwatched = Unwatched::remains;
  };
  asio::awaitable<Result<std::optional<Domain>>> find(Uuid uuid);
  asio::awaitable<Result<std::optional<Domain>>> adopt(Build build);
  Result<std::optional<SpicePorts>> spice_ports_for(const XlConfig& original, const CloneDomain& domain);
  asio::awaitable<Result<void>> render(CloneDomain domain, std::string config_file);
  asio::awaitable<Result<DomainId>> build(CloneDomain domain, std::optional<std::string> image_file);
  asio::awaitable<Result<void>> run_create(std::string config_file);
  asio::awaitable<Result<void>> run_restore(std::string config_file, std::string image_file);
  asio::awaitable<Result<void>> run_xl(std::vector<std::string> arguments, Deadline limit);
  asio::awaitable<Result<DomainId>> conclude(Build build, Result<void> created);
  std::string config_file_of(const Uuid& uuid) const;
  std::string note_of(const Uuid& uuid) const;

  Hypervisor& hypervisor_;
  XlSettings settings_;
  std::map<Uuid, SpicePorts> starting_;  // the ports of clones whose QEMU may not listen yet
};

}  // namespace zynclone::broker::xen
