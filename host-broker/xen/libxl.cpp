#include "host-broker/xen/libxl.hpp"

#include <algorithm>

#include "host-broker/xen/store/xenstore.hpp"
#include "system/log.hpp"

namespace zynclone::broker::xen {
namespace {

using xenstore::Store;

constexpr std::chrono::seconds k_quick_limit{10};
constexpr std::chrono::seconds k_slow_limit{90};  // libxl itself waits for a guest's answer for up to 60 s

// Whatever domain they are in: dom0 may read them all.
Result<std::vector<std::string>> find_backends(Store& store, DomainId domain) {
  std::vector<std::string> found;
  TRY(const auto owners, store.directory("/local/domain"));
  for (const std::string& owner : owners) {
    const std::string folder = "/local/domain/" + owner + "/backend";
    TRY(const auto kinds, store.directory(folder));
    for (const std::string& kind : kinds) {
      std::string path = folder + "/" + kind + "/" + std::to_string(domain.value);
      TRY(const auto there, store.read(path));
      if (there) found.push_back(std::move(path));
    }
  }
  return found;
}

// What is not yet as awaited, as paths to watch besides @releaseDomain; nullopt when it is.
Result<std::optional<std::vector<std::string>>> look(LibxlContext& context, Store& store, DomainId domain, Awaited awaited) {
  using Waiting = std::optional<std::vector<std::string>>;
  TRY(const auto domains, context.list());
  const auto found = std::find_if(domains.begin(), domains.end(), [&](const Domain& other) { return other.id == domain; });
  const bool there = found != domains.end();
  if (awaited == Awaited::stopped) {
    const bool stopped = !there || found->state == DomainState::shut_down || found->state == DomainState::dying;
    return stopped ? Waiting() : Waiting(std::vector<std::string>());
  }
  TRY(auto backends, find_backends(store, domain));
  // A dying domain without backends runs no more and holds no disk; somebody has a page of its memory still mapped.
  if ((!there || found->state == DomainState::dying) && backends.empty()) return Waiting();
  return Waiting(std::move(backends));
}

}  // namespace

Result<std::unique_ptr<Libxl>> Libxl::create() {
  TRY(auto context, LibxlContext::create());
  return std::unique_ptr<Libxl>(new Libxl(std::move(context)));
}

asio::awaitable<Result<std::vector<Domain>>> Libxl::list() {
  auto work = [context = context_] { return context->list(); };
  co_return co_await run_blocking_within(quick_, work, k_quick_limit, "listing the domains");
}

asio::awaitable<Result<DomainMemory>> Libxl::memory_of(DomainId domain) {
  auto work = [context = context_, domain] { return context->memory_of(domain); };
  co_return co_await run_blocking_within(quick_, work, k_quick_limit, "looking at the memory of domain " + std::to_string(domain.value));
}

asio::awaitable<Result<void>> Libxl::pause(DomainId domain) {
  auto work = [context = context_, domain] { return context->pause(domain); };
  co_return co_await run_blocking_within(quick_, work, k_quick_limit, "pausing domain " + std::to_string(domain.value));
}

asio::awaitable<Result<void>> Libxl::unpause(DomainId domain) {
  auto work = [context = context_, domain] { return context->unpause(domain); };
  co_return co_await run_blocking_within(quick_, work, k_quick_limit, "unpausing domain " + std::to_string(domain.value));
}

asio::awaitable<Result<void>> Libxl::ask_to_shut_down(DomainId domain) {
  auto work = [context = context_, domain] { return context->ask_to_shut_down(domain); };
  co_return co_await run_blocking_within(slow_, work, k_slow_limit, "asking domain " + std::to_string(domain.value) + " to shut down");
}

asio::awaitable<Result<void>> Libxl::destroy(DomainId domain) {
  auto work = [context = context_, domain] { return context->destroy(domain); };
  co_return co_await run_blocking_within(slow_, work, k_slow_limit, "destroying domain " + std::to_string(domain.value));
}

asio::awaitable<Result<void>> Libxl::wait_without_limit(DomainId domain, Awaited awaited) {
  const auto executor = co_await asio::this_coro::executor;
  auto open = [executor] { return Store::open(executor); };
  CO_TRY(auto opened, co_await run_blocking_within(quick_, open, k_quick_limit, "opening XenStore"));
  const auto store = std::make_shared<Store>(std::move(opened));
  std::vector<std::string> watched;
  std::vector<std::string> wanted = {"@releaseDomain"};
  while (true) {
    // Watched first, then looked at: what changes in between wakes the next wait.
    std::vector<std::string> added;
    for (const std::string& path : wanted)
      if (std::find(watched.begin(), watched.end(), path) == watched.end()) added.push_back(path);
    watched.insert(watched.end(), added.begin(), added.end());
    auto step = [store, added, context = context_, domain, awaited]() -> Result<std::optional<std::vector<std::string>>> {
      for (const std::string& path : added) {
        TRY(store->watch(path, "gone"));
      }
      return look(*context, *store, domain, awaited);
    };
    CO_TRY(auto waiting, co_await run_blocking_within(quick_, step, k_quick_limit, "looking at domain " + std::to_string(domain.value)));
    if (!waiting) co_return outcome::success();
    wanted = std::move(*waiting);
    CO_TRY(co_await store->next_event());
  }
}

asio::awaitable<Result<void>> Libxl::wait_for(DomainId domain, Awaited awaited, Deadline limit) {
  const std::string what = "waiting for the end of domain " + std::to_string(domain.value);
  return with_timeout(wait_without_limit(domain, awaited), limit, what);
}

}  // namespace zynclone::broker::xen
