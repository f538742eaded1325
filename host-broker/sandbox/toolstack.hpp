#pragma once
// Controls the domains of a sandbox, over its control socket; what zynclone-broker uses with toolstack=sandbox in the place of
// xen::XlToolstack. Has no state: any number may be used at once.

#include "host-broker/ports/toolstack.hpp"
#include "host-broker/sandbox/control_message.hpp"
#include "host-broker/sandbox/layout.hpp"

namespace zynclone::sandbox {

class SandboxToolstack : public broker::Toolstack {
 public:
  explicit SandboxToolstack(Layout layout) : layout_(std::move(layout)) {}

  asio::awaitable<Result<broker::VmConfig>> read_config(VmName vm, std::string file) override;
  asio::awaitable<Result<std::vector<broker::Domain>>> list_domains() override;
  asio::awaitable<Result<DomainId>> start_paused(broker::CloneDomain domain) override;
  // Pretended: its programs start anew, on their original's state (memories.hpp).
  asio::awaitable<Result<DomainId>> restore_paused(broker::CloneDomain domain, std::string image_file) override;
  asio::awaitable<Result<DomainId>> start_original_paused(VmName vm, std::string file) override;
  asio::awaitable<Result<void>> pause(DomainId domain) override;
  asio::awaitable<Result<void>> unpause(DomainId domain) override;
  asio::awaitable<Result<void>> shut_down(DomainId domain, Deadline limit) override;
  asio::awaitable<Result<void>> end(Uuid uuid) override;
  // One that is not there is no error.
  asio::awaitable<Result<void>> destroy(DomainId domain);
  // Pretended: no process of the sandbox holds a disk open.
  asio::awaitable<Result<void>> switch_layer(DomainId domain, broker::VmDisk disk) override;

  // Beyond the port, for zynclone-sandbox: an original, as its file says, and paused as a clone is.
  asio::awaitable<Result<DomainId>> start_original(std::string file);
  // Waits until the domain's agent serves. Errors: system with its cause, conflict while it is paused.
  asio::awaitable<Result<void>> wait_ready(DomainId domain, Deadline limit);
  // Waits until the domain's agent has its channel to the broker. Errors: as wait_ready; timed_out.
  asio::awaitable<Result<void>> wait_connected(DomainId domain, Deadline limit);

 private:
  asio::awaitable<Result<std::optional<broker::Domain>>> find(Uuid uuid);
  asio::awaitable<Result<DomainId>> create(broker::CloneDomain domain, std::optional<DomainId> memory_of);
  asio::awaitable<Result<void>> command(std::string name, DomainId domain);

  Layout layout_;
};

}  // namespace zynclone::sandbox
