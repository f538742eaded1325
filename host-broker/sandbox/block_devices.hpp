#pragma once
// Disks that come to a sandbox's domains and go from them, over its control socket; what zynclone-broker uses with toolstack=sandbox in the
// place of xen::XlBlockDevices. Has no state: any number may be used at once.

#include "host-broker/ports/block_devices.hpp"
#include "host-broker/sandbox/layout.hpp"

namespace zynclone::sandbox {

class SandboxBlockDevices final : public broker::BlockDevices {
 public:
  explicit SandboxBlockDevices(Layout layout) : layout_(std::move(layout)) {}

  asio::awaitable<Result<std::vector<broker::Attachment>>> attachments_of(broker::Volume volume) override;
  asio::awaitable<Result<void>> attach(DomainId domain, broker::VmDisk disk) override;
  asio::awaitable<Result<void>> detach(DomainId domain, broker::VmDisk disk, broker::Detach how, Deadline limit) override;

 private:
  Layout layout_;
};

}  // namespace zynclone::sandbox
