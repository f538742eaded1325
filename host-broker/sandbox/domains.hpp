#pragma once
// The pretended domains of a sandbox: what hypervisor and toolstack do on a real host. A domain is nodes in XenStore, a socket to
// it, and processes (guest.hpp). Owned by the host; one thread.

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host-broker/ports/block_devices.hpp"
#include "host-broker/sandbox/guest.hpp"
#include "host-broker/sandbox/store/server.hpp"

namespace zynclone::sandbox {

class Domains {
 public:
  Domains(asio::any_io_executor executor, const Layout& layout, StoreEngine& engine, StoreServer& server);
  ~Domains();
  Domains(const Domains&) = delete;
  Domains& operator=(const Domains&) = delete;

  // Creates a domain, paused: none of its programs has run an instruction. `vm` is the original's name. Errors: already_exists for a name
  // or UUID that runs, xen for a disk that is not there or that another domain writes to; nothing of the domain is left then.
  Result<DomainId> create(DomainSpec spec, const std::string& vm);

  // Errors of all: not_found.
  Result<void> pause(DomainId domain);
  Result<void> unpause(DomainId domain);

  // As `xl shutdown`: writes control/shutdown. A running guest acknowledges, ends its programs and is gone when they are; a paused one does
  // so once it is unpaused. A guest that writes the node itself is shut down too.
  Result<void> ask_to_shut_down(DomainId domain);

  // Waits until the domain, its processes and its nodes are gone.
  asio::awaitable<Result<void>> destroy(DomainId domain);
  asio::awaitable<Result<void>> wait_gone(DomainId domain);
  asio::awaitable<void> destroy_all();

  // Waits until the domain's agent serves its socket; at once if it has none. Errors: conflict for a paused one, system with the cause.
  asio::awaitable<Result<void>> wait_ready(DomainId domain);

  // Waits until the domain's agent has its channel to the broker; at once if it has none. Errors: as wait_ready.
  asio::awaitable<Result<void>> wait_connected(DomainId domain);

  // Gives a domain a disk, as `xl block-attach`. Errors: not_found; conflict for a device that it has, and for a disk that another domain
  // writes to, or has where this one shall write; invalid_argument for a device that Xen does not know.
  Result<void> attach(DomainId domain, broker::VmDisk disk);

  // Takes a disk away. To ask waits until no process of the guest has it open; to force ends those that have, as nobody can take a file from
  // a process. `path`, unless empty: only if this is what the device is. Errors: not_found; timed_out, also at once when a paused guest is asked.
  asio::awaitable<Result<void>> detach(DomainId domain, std::string device, std::string path, broker::Detach how, Deadline limit);

  // All that have this file as a disk.
  std::vector<broker::Attachment> attachments_of(const std::string& path) const;

  // Makes a domain's disk write to its new top layer. Pretended: no process of the sandbox holds a disk open. Errors: not_found.
  Result<void> switch_layer(DomainId domain, const std::string& device);

  std::vector<broker::Domain> list() const;
  // By number or name.
  std::optional<DomainId> find(const std::string& name) const;
  std::optional<pid_t> agent_of(DomainId domain) const;

 private:
  struct Entry {
    DomainId id;
    DomainSpec spec;
    broker::DomainState state = broker::DomainState::paused;
    std::unique_ptr<Guest> guest;
    bool ending = false;
  };
  using EntryPointer = std::shared_ptr<Entry>;

  Result<EntryPointer> get(DomainId domain) const;
  Result<NotifySocket*> agent_to_wait_for(DomainId domain) const;
  Result<void> check(const DomainSpec& spec) const;
  Result<void> check_disk(const broker::VmDisk& disk) const;
  Result<DomainId> next_id();
  void remove(const EntryPointer& entry);
  void look_at_shutdown(DomainId domain);
  static asio::awaitable<void> end(Domains& self, EntryPointer entry);

  asio::any_io_executor executor_;
  const Layout& layout_;
  StoreEngine& engine_;
  StoreServer& server_;
  std::map<DomainId, EntryPointer> entries_;
  std::uint32_t last_id_ = 0;
  asio::steady_timer changed_;     // cancelled when a domain has gone
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // for what was posted and comes too late
};

}  // namespace zynclone::sandbox
