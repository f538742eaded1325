#pragma once
// Pretended copies of memory: what a process of the sandbox has in its memory is not copied. Saving pauses the domain and writes an image that
// names it; a domain restored from that starts its programs anew, on what their original's agent had kept in its state folder, so that the agent
// finds itself in another VM than it was in before, as one that wakes up does.

#include "host-broker/ports/memories.hpp"
#include "host-broker/sandbox/toolstack.hpp"
#include "host-broker/storage/memory_folder.hpp"

namespace zynclone::sandbox {

class SandboxMemories : public broker::Memories {
 public:
  SandboxMemories(Layout layout, broker::storage::MemoryFolder folder) : toolstack_(std::move(layout)), folder_(std::move(folder)) {}

  asio::awaitable<Result<void>> check_room(DomainId domain) override;
  asio::awaitable<Result<Deadline>> begin_save(DomainId domain, std::string image, Progress progress) override;
  asio::awaitable<Result<broker::SavedMemory>> finish_save(DomainId domain) override;
  asio::awaitable<Result<void>> let_go(DomainId domain) override;
  std::string file_of(const std::string& image) const override { return folder_.file_of(image); }
  asio::awaitable<Result<void>> remove(std::string image) override { co_return folder_.remove(image); }
  Result<std::vector<std::string>> images() const override { return folder_.images(); }

 private:
  SandboxToolstack toolstack_;
  broker::storage::MemoryFolder folder_;
};

// The number of the domain that an image was made of. Errors: not_found, malformed.
Result<DomainId> read_pretended_image(const std::string& file);

}  // namespace zynclone::sandbox
