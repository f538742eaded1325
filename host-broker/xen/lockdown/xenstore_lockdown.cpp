#include "host-broker/xen/lockdown/xenstore_lockdown.hpp"

#include <unistd.h>

#include <array>
#include <set>

#include "host-broker/xen/lockdown/domains.hpp"
#include "host-broker/xen/store/xenstore.hpp"

namespace zynclone::broker::xen {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds k_look_limit{10};  // at all families once

// How far the backends of a family are.
struct Progress {
  std::vector<std::string> acknowledged;
  std::vector<std::string> missing;      // each with what it did instead
};

std::string host_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "Domain-0";
  return name.data();
}

std::string name_of(const Domains& domains, DomainId domain) {
  if (domain.value == 0) return host_name();
  for (const DomainEntry& entry : domains.all()) {
    if (entry.id == domain && !entry.name.empty()) return printable(entry.name);
  }
  return "domain " + std::to_string(domain.value);
}

std::set<std::string> backends_of(const Family& family) {
  std::set<std::string> backends;
  for (const CloneVif& vif : family.vifs) backends.insert(vif.backend);
  for (const Clone& clone : family.clones) {
    for (const CloneVif& vif : clone.vifs) backends.insert(vif.backend);
  }
  if (backends.empty()) backends.insert("0");
  return backends;
}

// What is no generation counts as none: only a monitor's own number says that it has applied something.
Result<void> look_at(xenstore::Store& store, const Family& family, const Domains& domains, const std::string& backend, Progress& progress) {
  const auto domain = domains.backend(backend);
  if (!domain) {
    progress.missing.push_back("'" + printable(backend) + "' does not run");
    return outcome::success();
  }
  const std::string name = name_of(domains, *domain);
  TRY(const auto text, store.read(acknowledgements_of(*domain) + "/" + family.uuid.text()));
  const auto generation = text ? parse_generation(*text) : std::nullopt;
  if (generation && *generation >= family.generation) {
    progress.acknowledged.push_back(name);
  } else if (generation) {
    progress.missing.push_back("'" + name + "' is at " + std::to_string(generation->value));
  } else {
    progress.missing.push_back("'" + name + "' acknowledged nothing");
  }
  return outcome::success();
}

Result<Progress> look(xenstore::Store& store, const Family& family, const Domains& domains) {
  Progress progress;
  for (const std::string& backend : backends_of(family)) {
    TRY(look_at(store, family, domains, backend, progress));
  }
  return progress;
}

// Each node that is read makes the family wait that is being locked down: who is domain 0 need not be asked.
bool is_served_here(const Family& family) {
  for (const std::string& backend : backends_of(family)) {
    if (backend != "0" && !backend.empty()) return false;
  }
  return true;
}

Result<Progress> look(xenstore::Store& store, const Family& family) {
  if (is_served_here(family)) return look(store, family, Domains());
  TRY(const auto domains, Domains::read(store));
  return look(store, family, domains);
}

std::string missing_text(const Progress& progress) {
  std::string missing;
  for (const std::string& one : progress.missing) missing += (missing.empty() ? "" : ", ") + one;
  return missing;
}

Result<std::vector<std::string>> look_at_all(xenstore::Store& store, const std::vector<Family>& families) {
  TRY(const auto domains, Domains::read(store));
  std::vector<std::string> behind;
  for (const Family& family : families) {
    TRY(const auto progress, look(store, family, domains));
    if (progress.missing.empty()) continue;
    behind.push_back(family.vm.text() + " at generation " + std::to_string(family.generation.value) + ": " + missing_text(progress));
  }
  return behind;
}

Error not_in_time(const Family& family, const Progress& progress, Deadline limit) {
  return {Errc::timed_out, "cannot lock down '" + family.vm.text() + "': generation " + std::to_string(family.generation.value) +
                               " was not acknowledged within " +
                               std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()) + " ms (" + missing_text(progress) +
                               "); does clone-net-monitor run there, and clone-monitor here?"};
}

}  // namespace

asio::awaitable<Result<std::vector<std::string>>> XenstoreLockdown::wait_applied(Family family, Deadline limit) {
  const Clock::time_point end = Clock::now() + limit;
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  CO_TRY(auto opened, xenstore::Store::open(executor));
  auto store = std::make_shared<xenstore::Store>(std::move(opened));
  auto shared_family = std::make_shared<const Family>(std::move(family));

  auto watch = [store, shared_family]() -> Result<void> {
    TRY(store->watch(k_acknowledgements_path, "acknowledgement"));
    if (is_served_here(*shared_family)) return outcome::success();
    return store->watch("@introduceDomain", "domain");  // a backend may be on its way
  };
  CO_TRY(co_await run_blocking_within(pool_, std::move(watch), limit, "watching acknowledgements"));
  for (;;) {
    auto look_now = [store, shared_family] { return look(*store, *shared_family); };
    auto looked = co_await run_blocking_within(pool_, std::move(look_now), limit, "reading acknowledgements");
    if (!looked) co_return looked.error();
    Progress progress = std::move(looked).value();
    if (progress.missing.empty()) co_return std::move(progress.acknowledged);

    const auto left = end - Clock::now();
    if (left <= Deadline::zero()) co_return not_in_time(*shared_family, progress, limit);
    const auto event = co_await with_timeout(store->next_event(), left, "waiting for an acknowledgement");
    if (!event && event.error().code != Errc::timed_out) co_return event.error();
  }
}

asio::awaitable<Result<std::vector<std::string>>> XenstoreLockdown::not_applied(std::vector<Family> families) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  CO_TRY(auto opened, xenstore::Store::open(executor));
  auto store = std::make_shared<xenstore::Store>(std::move(opened));
  auto look_now = [store, families = std::move(families)] { return look_at_all(*store, families); };
  co_return co_await run_blocking_within(pool_, std::move(look_now), k_look_limit, "reading acknowledgements");
}

}  // namespace zynclone::broker::xen
