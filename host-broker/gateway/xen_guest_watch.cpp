#include "host-broker/gateway/xen_guest_watch.hpp"

#include <charconv>

namespace zynclone::broker::gateway {
namespace {

using xenstore::Store;

constexpr std::string_view k_domains_token = "domains";
constexpr std::string_view k_guest_token = "guest/";
constexpr std::string_view k_vm_prefix = "/vm/";

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string home_of(DomainId domain) { return "/local/domain/" + std::to_string(domain.value); }

std::string rendezvous_path(DomainId domain, Rendezvous kind) {
  return home_of(domain) + (kind == Rendezvous::vchan ? "/data/zynclone/broker/event-channel" : "/data/zynclone/mailbox/session");
}

std::string token_of(std::uint64_t key) { return std::string(k_guest_token) + std::to_string(key); }

// The node `vm` is written by the toolstack; the guest may only read it.
Result<std::optional<Uuid>> read_identity(Store& store, DomainId domain) {
  TRY(auto vm, store.read(home_of(domain) + "/vm"));
  if (!vm || !vm->starts_with(k_vm_prefix)) return std::optional<Uuid>();
  auto uuid = Uuid::parse(std::string_view(*vm).substr(k_vm_prefix.size()));
  if (!uuid) return std::optional<Uuid>();
  return std::optional<Uuid>(std::move(uuid).value());
}

Result<std::vector<Domain>> read_domains(Store& store) {
  TRY(auto ids, store.directory("/local/domain"));
  std::vector<Domain> domains;
  for (const std::string& text : ids) {
    const auto id = parse_number<std::uint32_t>(text);
    if (!id || *id == 0) continue;
    TRY(auto uuid, read_identity(store, DomainId{*id}));
    if (!uuid) continue;  // being made, or removed just now
    TRY(auto name, store.read(home_of(DomainId{*id}) + "/name"));
    domains.push_back({.id = DomainId{*id}, .uuid = *uuid, .name = name.value_or("")});
  }
  return domains;
}

}  // namespace

Result<std::unique_ptr<GuestWatch>> XenGuestWatch::open(asio::any_io_executor executor, asio::thread_pool& pool) {
  TRY(auto store, Store::open(std::move(executor)));
  TRY(store.watch("@introduceDomain", std::string(k_domains_token)));
  TRY(store.watch("@releaseDomain", std::string(k_domains_token)));
  return std::unique_ptr<GuestWatch>(new XenGuestWatch(std::make_shared<Store>(std::move(store)), pool));
}

asio::awaitable<Result<std::vector<Domain>>> XenGuestWatch::domains() {
  auto read = [store = store_] { return read_domains(*store); };
  co_return co_await run_blocking(pool_, std::move(read));
}

asio::awaitable<Result<std::optional<Uuid>>> XenGuestWatch::identity(DomainId domain) {
  auto read = [store = store_, domain] { return read_identity(*store, domain); };
  co_return co_await run_blocking(pool_, std::move(read));
}

asio::awaitable<Result<std::optional<std::string>>> XenGuestWatch::advertised(DomainId domain, Rendezvous kind) {
  auto read = [store = store_, path = rendezvous_path(domain, kind)] { return store->read(path); };
  co_return co_await run_blocking(pool_, std::move(read));
}

asio::awaitable<Result<void>> XenGuestWatch::watch(std::uint64_t key, DomainId domain, Rendezvous kind) {
  auto set = [store = store_, path = rendezvous_path(domain, kind), key] { return store->watch(path, token_of(key)); };
  co_return co_await run_blocking(pool_, std::move(set));
}

asio::awaitable<Result<void>> XenGuestWatch::unwatch(std::uint64_t key, DomainId domain, Rendezvous kind) {
  auto set = [store = store_, path = rendezvous_path(domain, kind), key] { return store->unwatch(path, token_of(key)); };
  co_return co_await run_blocking(pool_, std::move(set));
}

asio::awaitable<Result<GuestEvent>> XenGuestWatch::next_event() {
  auto store = store_;
  for (;;) {
    CO_TRY(auto event, co_await store->next_event());
    GuestEvent guest_event;
    if (event.token == k_domains_token) co_return guest_event;
    if (!event.token.starts_with(k_guest_token)) continue;
    guest_event.key = parse_number<std::uint64_t>(std::string_view(event.token).substr(k_guest_token.size()));
    if (guest_event.key) co_return guest_event;
  }
}

}  // namespace zynclone::broker::gateway
