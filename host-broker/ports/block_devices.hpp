#pragma once
// Disks that come to a running domain and go from it. Real: xen::XlBlockDevices. Sandbox: sandbox::SandboxBlockDevices. Tests: FakeBlockDevices.

#include <string>
#include <vector>

#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker {

// One block backend that serves a volume, by what the backends' side says, whoever made it.
struct Attachment {
  DomainId domain;
  std::string device;      // as that domain names it: xvds
};

enum class Detach {
  ask,     // the guest gives it up. Linux does at once since 5.15, even what it has mounted: only its agent knows, so have it released before
  force,   // it is taken away: what the guest had not written is lost
};

class BlockDevices {
 public:
  virtual ~BlockDevices() = default;

  // All of them, also of a domain that is dying. Errors: xen.
  virtual asio::awaitable<Result<std::vector<Attachment>>> attachments_of(Volume volume) = 0;

  // Gives the disk to the domain and waits until its backend is connected; already there as asked is no error. Errors: conflict when the volume
  // is attached to another domain, or the device name is taken; not_found; xen. Nothing is attached then.
  virtual asio::awaitable<Result<void>> attach(DomainId domain, VmDisk disk) = 0;

  // Takes it away and waits until its backend is gone; not there is no error. Errors: timed_out when the guest keeps it (Detach::ask) or the
  // backend does; xen.
  virtual asio::awaitable<Result<void>> detach(DomainId domain, VmDisk disk, Detach how, Deadline limit) = 0;
};

}  // namespace zynclone::broker
