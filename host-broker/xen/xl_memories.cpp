#include "host-broker/xen/xl_memories.hpp"

#include <algorithm>

#include "host-broker/xen/xl_watchers.hpp"
#include "system/log.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::chrono::seconds k_end_limit{20};        // of one that was told to let go; an aborted copy needs a moment
constexpr std::chrono::seconds k_shortest_save{120};
constexpr std::uint64_t k_slowest = 10ull << 20;       // bytes a second that any disk takes

asio::awaitable<void> see_to_end(std::shared_ptr<SaveProcess> process) {
  const auto ended = co_await process->end(k_end_limit);
  if (!ended) log_warning(ended.error().message);
}

}  // namespace

asio::awaitable<Result<DomainMemory>> XlMemories::check(DomainId domain) {
  CO_TRY(const DomainMemory memory, co_await hypervisor_.memory_of(domain));
  if (memory.kind == DomainKind::hvm) {
    co_return fail(Errc::refused, "cannot copy the memory of domain " + std::to_string(domain.value) +
                                      ": it is an HVM guest, whose emulated devices are not copied; PV and PVH guests can be cloned live, this one with mode online");
  }
  CO_TRY(folder_.check_room(memory.bytes));
  co_return memory;
}

asio::awaitable<Result<void>> XlMemories::check_room(DomainId domain) {
  CO_TRY(co_await check(domain));
  co_return outcome::success();
}

asio::awaitable<Result<Deadline>> XlMemories::begin_save(DomainId domain, std::string image, Progress progress) {
  CO_TRY(co_await let_go(domain));
  CO_TRY(folder_.remove(image));
  CO_TRY(const DomainMemory memory, co_await check(domain));
  const auto executor = co_await asio::this_coro::executor;
  CO_TRY(auto started, SaveProcess::start(executor, settings_.program, domain, folder_.file_of(image)));
  const std::shared_ptr<SaveProcess> process = std::move(started);
  const Deadline limit = k_shortest_save + std::chrono::seconds(memory.bytes / k_slowest);
  savings_[domain] = Saving{.image = image, .size = memory.bytes, .limit = limit, .progress = progress, .process = process};
  auto suspended = co_await process->suspended(std::move(progress), limit);
  if (suspended) co_return suspended;
  auto gone = co_await let_go(domain);
  if (!gone) log_error(gone.error().message);
  (void)folder_.remove(image);
  co_return suspended;
}

asio::awaitable<Result<SavedMemory>> XlMemories::finish_save(DomainId domain) {
  const auto found = savings_.find(domain);
  if (found == savings_.end()) co_return fail(Errc::internal, "cannot finish copying the memory of domain " + std::to_string(domain.value) + ": it was not begun");
  const Saving saving = found->second;
  CO_TRY(co_await saving.process->held(saving.progress, saving.limit));
  co_return SavedMemory{.size = saving.size};
}

asio::awaitable<Result<void>> XlMemories::let_go(DomainId domain) {
  const auto found = savings_.find(domain);
  std::shared_ptr<SaveProcess> process;
  if (found != savings_.end()) {
    process = std::move(found->second.process);
    savings_.erase(found);
  } else {
    CO_TRY(co_await wait_for_other_saves(domain, k_end_limit));
  }
  if (process && !process->is_holding()) {
    // It is in the middle of its work: what there is to let go of, it knows best.
    (void)co_await process->end(k_end_limit);
    process.reset();
  }
  // Unpaused from here, as that is quickest; and the process, whose end takes its time, sees that there is nothing left to do.
  CO_TRY(const auto domains, co_await hypervisor_.list());
  const auto one = std::find_if(domains.begin(), domains.end(), [&](const Domain& other) { return other.id == domain; });
  Result<void> gone = outcome::success();
  if (one != domains.end() && one->state == DomainState::paused) gone = co_await hypervisor_.unpause(domain);
  // Should zynclone-save have been killed before it did.
  if (one != domains.end() && gone && !process) continue_xl_watchers(one->name);
  if (process) spawn(co_await asio::this_coro::executor, "the end of zynclone-save", see_to_end(std::move(process)));
  co_return gone;
}

}  // namespace zynclone::broker::xen
