#pragma once
// Memory of a real Xen's domains, copied by zynclone-save, which also holds them: libxl's live saving, which xl uses for migration only, so that a domain
// stands still only for what it changed last. One object a process, on its one thread; files, which may take their time, and XenStore are seen to in
// a pool of its own.

#include <map>

#include "host-broker/ports/memories.hpp"
#include "host-broker/storage/memory_folder.hpp"
#include "host-broker/xen/hypervisor.hpp"
#include "host-broker/xen/save_process.hpp"
#include "protocol/channel/wake_up.hpp"

namespace zynclone::broker::xen {

struct MemorySettings {
  std::string program = "/usr/libexec/zynclone/zynclone-save";
  std::string folder = "/var/lib/zynclone/memory";
  storage::Share reserve = {.bytes = 1ull << 30};  // of the folder's file system, that stays free
};

class XlMemories final : public Memories {
 public:
  XlMemories(Hypervisor& hypervisor, MemorySettings settings)
      : hypervisor_(hypervisor), settings_(std::move(settings)), folder_(settings_.folder, settings_.reserve) {}

  asio::awaitable<Result<void>> check_room(DomainId domain) override;
  asio::awaitable<Result<Deadline>> begin_save(DomainId domain, std::string image, Progress progress) override;
  asio::awaitable<Result<SavedMemory>> finish_save(DomainId domain) override;
  asio::awaitable<Result<void>> let_go(DomainId domain) override;
  std::string file_of(const std::string& image) const override { return folder_.file_of(image); }
  asio::awaitable<Result<void>> remove(std::string image) override;
  Result<std::vector<std::string>> images() const override { return folder_.images(); }

 private:
  asio::awaitable<std::shared_ptr<void>> take_turn();
  asio::awaitable<Result<DomainMemory>> check(DomainId domain);
  asio::awaitable<void> take_back_notice(DomainId domain);
  asio::awaitable<void> see_to_end(std::shared_ptr<SaveProcess> process, DomainId domain);

  Hypervisor& hypervisor_;
  MemorySettings settings_;
  storage::MemoryFolder folder_;
  struct Saving {
    std::string image;
    std::uint64_t size = 0;
    Deadline limit{};
    Progress progress;
    std::shared_ptr<SaveProcess> process;
    std::shared_ptr<void> turn;
  };
  std::map<DomainId, Saving> savings_;   // those that hold, or are about to
  std::weak_ptr<void> turn_;             // whose turn it is to copy
  std::shared_ptr<channel::WakeUp> freed_ = std::make_shared<channel::WakeUp>();  // when a turn ends, which may outlive this
  asio::thread_pool pool_{2};
};

}  // namespace zynclone::broker::xen
