#include "host-broker/xen/xl_memories.hpp"

#include <algorithm>

#include "host-broker/xen/store/xenstore.hpp"
#include "host-broker/xen/xl_watchers.hpp"
#include "system/log.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::chrono::seconds k_end_limit{20};        // of one that was told to let go; an aborted copy needs a moment
constexpr std::chrono::seconds k_shortest_save{120};
constexpr std::uint64_t k_slowest = 10ull << 20;       // bytes a second that any disk takes

constexpr std::chrono::seconds k_store_limit{10};

// What a zynclone-save takes back by itself unless it was killed (save_notice.hpp): its notice, for which the guest's agent keeps its channel closed, and
// the request to suspend (libxl_dom_suspend.c takes it back, too), for a guest that obeys later would stand still with nobody to resume it. Whoever else
// asks for that writes no notice.
Result<void> take_back(xenstore::Store& store, DomainId domain) {
  const std::string control = "/local/domain/" + std::to_string(domain.value) + "/control";
  const std::string notice = control + "/zynclone-save";
  const std::string request = control + "/shutdown";
  TRY(const auto left, store.read(notice));
  if (!left) return outcome::success();
  TRY(store.transact([&](xenstore::Transaction& transaction) -> Result<void> {
    TRY(const auto asked, transaction.read(request));
    if (asked != "suspend") return outcome::success();
    return transaction.write(request, "");
  }));
  return store.remove(notice);
}

}  // namespace

asio::awaitable<void> XlMemories::take_back_notice(DomainId domain) {
  const auto executor = co_await asio::this_coro::executor;
  auto work = [executor, domain]() -> Result<void> {
    TRY(auto store, xenstore::Store::open(executor));
    return take_back(store, domain);
  };
  const auto done = co_await run_blocking_within(pool_, std::move(work), k_store_limit, "telling the agent that the saving has ended");
  if (!done) log_warning("the agent in domain " + std::to_string(domain.value) + " may keep its channel closed for ten minutes: " + done.error().message);
}

asio::awaitable<void> XlMemories::see_to_end(std::shared_ptr<SaveProcess> process, DomainId domain) {
  const auto ended = co_await process->end(k_end_limit);
  if (!ended) log_warning(ended.error().message);
  co_await take_back_notice(domain);
}

asio::awaitable<Result<DomainMemory>> XlMemories::check(DomainId domain) {
  CO_TRY(const DomainMemory memory, co_await hypervisor_.memory_of(domain));
  if (memory.kind == DomainKind::hvm) {
    co_return fail(Errc::refused, "cannot copy the memory of domain " + std::to_string(domain.value) +
                                      ": it is an HVM guest, whose emulated devices are not copied; PV and PVH guests can be cloned live, this one with mode online");
  }
  auto look = [folder = folder_, bytes = memory.bytes] { return folder.check_room(bytes); };
  CO_TRY(co_await run_blocking(pool_, std::move(look)));
  co_return memory;
}

asio::awaitable<Result<void>> XlMemories::check_room(DomainId domain) {
  CO_TRY(co_await check(domain));
  co_return outcome::success();
}

// One memory at a time: two that are copied at once share a disk, and each guest stands still for as long as both take; and the room that is looked for is
// there for one.
asio::awaitable<std::shared_ptr<void>> XlMemories::take_turn() {
  while (!turn_.expired()) co_await freed_->wait();
  std::shared_ptr<void> turn(nullptr, [freed = freed_](void*) { freed->wake(); });
  turn_ = turn;
  co_return turn;
}

asio::awaitable<Result<Deadline>> XlMemories::begin_save(DomainId domain, std::string image, Progress progress) {
  CO_TRY(co_await let_go(domain));
  const std::shared_ptr<void> turn = co_await take_turn();
  CO_TRY(co_await remove(image));
  CO_TRY(const DomainMemory memory, co_await check(domain));
  CO_TRY(const std::uint64_t reserve, folder_.reserve());
  const auto executor = co_await asio::this_coro::executor;
  CO_TRY(auto started, SaveProcess::start(executor, settings_.program, domain, folder_.file_of(image), reserve));
  const std::shared_ptr<SaveProcess> process = std::move(started);
  const Deadline limit = k_shortest_save + std::chrono::seconds(memory.bytes / k_slowest);
  savings_[domain] = Saving{.image = image, .size = memory.bytes, .limit = limit, .progress = progress, .process = process, .turn = turn};
  auto suspended = co_await process->suspended(std::move(progress), limit);
  if (suspended) co_return suspended;
  auto gone = co_await let_go(domain);
  if (!gone) log_error(gone.error().message);
  const auto removed = co_await remove(image);
  if (!removed) log_error(removed.error().message);
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
  std::shared_ptr<void> turn;  // until it has ended its work
  if (found != savings_.end()) {
    process = std::move(found->second.process);
    turn = std::move(found->second.turn);
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
  if (process) spawn(co_await asio::this_coro::executor, "the end of zynclone-save", see_to_end(std::move(process), domain));
  else if (one != domains.end()) co_await take_back_notice(domain);
  co_return gone;
}

// The memory of a big guest is a file that takes a disk seconds to give up: other guests' operations do not wait for it.
asio::awaitable<Result<void>> XlMemories::remove(std::string image) {
  auto work = [folder = folder_, image = std::move(image)] { return folder.remove(image); };
  co_return co_await run_blocking(pool_, std::move(work));
}

}  // namespace zynclone::broker::xen
