#pragma once
// Copies of a running domain's memory, for live clones. An image holds all secrets of its guest: it lies in a folder that only root may enter, and only
// for as long as a clone is made of it. Real: xen::XlMemories. Sandbox: sandbox::SandboxMemories, which pretends. Tests: FakeMemories.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "host-broker/ports/toolstack.hpp"

namespace zynclone::broker {

struct SavedMemory {
  std::uint64_t size = 0;      // bytes of the domain's memory
  std::string kind;            // for people, beside the size: empty, or what is pretended
};

class Memories {
 public:
  // How much of the memory has been copied, in percent.
  using Progress = std::function<void(unsigned)>;

  virtual ~Memories() = default;

  // May this domain's memory be copied, and is there room for it? Errors: refused, with the reason, for a kind of domain of which it cannot;
  // no_space with the figures; not_found; xen.
  virtual asio::awaitable<Result<void>> check_room(DomainId domain) = 0;

  // Begins to copy the domain's memory into the image of this name (one that is there is removed first), while it runs on where the host can do
  // that, and returns when it stands still for what is left: from then on its disks are of the memory's instant. Gives how long it had stood by then.
  // Should this process die, the domain goes on by itself. Errors: those of check_room, timed_out; the domain runs then, and nothing of the image is left.
  virtual asio::awaitable<Result<Deadline>> begin_save(DomainId domain, std::string image, Progress progress) = 0;
  // Waits until the image is whole. The domain is paused, until let_go. Errors: those of begin_save; the domain may still stand then: let it go.
  virtual asio::awaitable<Result<SavedMemory>> finish_save(DomainId domain) = 0;

  // Lets a domain go on that begin_save, of this process or of one before it, holds or is still working on; that save is given up then. Nothing to let
  // go of is no error. Errors: xen; the domain may still stand then.
  virtual asio::awaitable<Result<void>> let_go(DomainId domain) = 0;

  // For Toolstack::restore_paused.
  virtual std::string file_of(const std::string& image) const = 0;
  // Absent is no error.
  virtual asio::awaitable<Result<void>> remove(std::string image) = 0;
  // The names of those that are there, whole or in part.
  virtual Result<std::vector<std::string>> images() const = 0;
};

}  // namespace zynclone::broker
