#include "host-broker/sandbox/domains.hpp"

#include <boost/asio/as_tuple.hpp>

#include <charconv>
#include <unistd.h>

#include "host-broker/sandbox/domain_nodes.hpp"
#include "host-broker/sandbox/store/path.hpp"
#include "system/log.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::uint32_t k_highest_domain = 0x7FEF;  // DOMID_FIRST_RESERVED - 1
constexpr std::string_view k_shutdown = "/control/shutdown";

// The domain whose control/shutdown this is.
std::optional<DomainId> domain_of_shutdown(std::string_view path) {
  constexpr std::string_view k_domains = "/local/domain/";
  if (!path.starts_with(k_domains) || !path.ends_with(k_shutdown)) return std::nullopt;
  path.remove_prefix(k_domains.size());
  path.remove_suffix(k_shutdown.size());
  DomainId domain;
  const auto [end, error] = std::from_chars(path.data(), path.data() + path.size(), domain.value);
  if (error != std::errc() || end != path.data() + path.size()) return std::nullopt;
  return domain;
}

Error no_such_domain(DomainId domain) {
  return {Errc::not_found, "cannot find domain " + std::to_string(domain.value) + ": no such domain"};
}

}  // namespace

Domains::Domains(asio::any_io_executor executor, const Layout& layout, StoreEngine& engine, StoreServer& server)
    : executor_(executor), layout_(layout), engine_(engine), server_(server), changed_(executor, asio::steady_timer::time_point::max()) {
  // Posted, because the store is in the middle of a change when it tells of it.
  engine_.on_change([this](const std::string& path) {
    const auto domain = domain_of_shutdown(path);
    if (!domain || !entries_.contains(*domain)) return;
    asio::post(executor_, [this, domain = *domain, alive = std::weak_ptr(alive_)] {
      if (!alive.expired()) look_at_shutdown(domain);
    });
  });
}

Domains::~Domains() { engine_.on_change({}); }

Result<Domains::EntryPointer> Domains::get(DomainId domain) const {
  const auto found = entries_.find(domain);
  if (found == entries_.end()) return no_such_domain(domain);
  return found->second;
}

Result<void> Domains::check(const DomainSpec& spec) const {
  const std::string failed = "cannot create domain '" + printable(spec.name) + "': ";
  for (const auto& [id, entry] : entries_) {
    if (entry->spec.name == spec.name || entry->spec.uuid == spec.uuid)
      return fail(Errc::already_exists, failed + "domain " + std::to_string(id.value) + " has the same name or UUID");
  }
  for (const auto& disk : spec.disks)
    if (auto usable = check_disk(disk); !usable) return fail(Errc::xen, failed + usable.error().message);
  return outcome::success();
}

// Numbers grow, as Xen's do, so that one that has just been used is not another domain's.
Result<DomainId> Domains::next_id() {
  for (std::uint32_t tries = 0; tries < k_highest_domain; ++tries) {
    last_id_ = last_id_ % k_highest_domain + 1;
    if (!entries_.contains({last_id_})) return DomainId{last_id_};
  }
  return fail(Errc::limit_exceeded, "cannot create a domain: all numbers are in use");
}

Result<DomainId> Domains::create(DomainSpec spec, const std::string& vm) {
  TRY(check(spec));
  TRY(const DomainId id, next_id());
  for (auto& vif : spec.vifs)
    if (vif.mac.empty()) vif.mac = MacAddress::derived(spec.uuid.text() + "/" + std::to_string(id.value) + "/" + std::to_string(vif.index)).text();

  auto entry = std::make_shared<Entry>(Entry{.id = id, .spec = std::move(spec)});
  engine_.add_domain(id);
  entries_[id] = entry;
  Result<void> made = make_domain_nodes(engine_, id, entry->spec);
  if (made) made = server_.open(id);
  if (made) {
    auto guest = Guest::create(executor_, layout_, id, entry->spec, vm);
    if (guest)
      entry->guest = std::move(guest.value());
    else
      made = guest.error();
  }
  if (!made) {
    remove(entry);
    return with_context(made.error(), "cannot create domain '" + printable(entry->spec.name) + "'");
  }
  engine_.introduce(id);
  log_info("domain " + std::to_string(id.value) + " is " + entry->spec.name);
  return id;
}

void Domains::remove(const EntryPointer& entry) {
  if (entries_.erase(entry->id) == 0) return;
  entry->guest.reset();
  remove_domain_nodes(engine_, entry->id, entry->spec);
  engine_.release(entry->id);
  server_.close(entry->id);
  ::unlink(layout_.channel_socket(entry->id).c_str());
  ::unlink(layout_.agent_socket(entry->id).c_str());
  std::error_code ignored;
  std::filesystem::remove_all(layout_.devices(entry->id), ignored);
  log_info("domain " + std::to_string(entry->id.value) + " (" + entry->spec.name + ") is gone");
  changed_.cancel();
}

Result<void> Domains::pause(DomainId domain) {
  TRY(const auto entry, get(domain));
  if (entry->state != broker::DomainState::running) return outcome::success();
  entry->state = broker::DomainState::paused;
  entry->guest->pause();
  return outcome::success();
}

Result<void> Domains::unpause(DomainId domain) {
  TRY(const auto entry, get(domain));
  if (entry->state != broker::DomainState::paused) return outcome::success();
  TRY(entry->guest->unpause());
  entry->state = broker::DomainState::running;
  look_at_shutdown(domain);  // asked for while it was paused
  return outcome::success();
}

Result<void> Domains::ask_to_shut_down(DomainId domain) {
  TRY(const auto entry, get(domain));
  return engine_.write(home_of(entry->id) + std::string(k_shutdown), "poweroff");
}

void Domains::look_at_shutdown(DomainId domain) {
  const auto entry = get(domain);
  if (!entry || entry.value()->state != broker::DomainState::running) return;
  const std::string path = home_of(domain) + std::string(k_shutdown);
  const auto wish = engine_.read(path);
  if (!wish || (wish.value() != "poweroff" && wish.value() != "halt")) return;
  // As Linux does it (drivers/xen/manage.c): the empty value acknowledges.
  if (auto acknowledged = engine_.write(path, ""); !acknowledged) log_warning(acknowledged.error().message);
  if (std::exchange(entry.value()->ending, true)) return entry.value()->guest->ask_to_end();  // it did not listen the first time
  spawn(executor_, "shutdown of domain " + std::to_string(domain.value), end(*this, entry.value()));
}

asio::awaitable<void> Domains::end(Domains& self, EntryPointer entry) {
  entry->guest->ask_to_end();
  co_await entry->guest->wait_for_end();
  if (entry->state != broker::DomainState::dying) self.remove(entry);  // else destroy does it
}

asio::awaitable<Result<void>> Domains::destroy(DomainId domain) {
  CO_TRY(const auto entry, get(domain));
  if (entry->state == broker::DomainState::dying) co_return co_await wait_gone(domain);
  entry->state = broker::DomainState::dying;
  co_await entry->guest->kill();
  remove(entry);
  co_return outcome::success();
}

asio::awaitable<Result<void>> Domains::wait_gone(DomainId domain) {
  while (entries_.contains(domain)) co_await changed_.async_wait(asio::as_tuple(asio::use_awaitable));
  co_return outcome::success();
}

asio::awaitable<void> Domains::destroy_all() {
  while (!entries_.empty()) {
    const auto destroyed = co_await destroy(entries_.begin()->first);
    if (!destroyed) log_error(destroyed.error().message);
  }
}

Result<NotifySocket*> Domains::agent_to_wait_for(DomainId domain) const {
  TRY(const auto entry, get(domain));
  NotifySocket* const readiness = entry->guest->readiness();
  if (readiness != nullptr && entry->state != broker::DomainState::running)
    return fail(Errc::conflict, "cannot wait for domain " + std::to_string(domain.value) + ": it is paused");
  return readiness;
}

asio::awaitable<Result<void>> Domains::wait_ready(DomainId domain) {
  CO_TRY(NotifySocket* const agent, agent_to_wait_for(domain));
  if (agent == nullptr) co_return outcome::success();
  co_return co_await agent->wait_ready();
}

// The agent's status is what `systemctl status` shows of it in a real guest.
asio::awaitable<Result<void>> Domains::wait_connected(DomainId domain) {
  CO_TRY(NotifySocket* const agent, agent_to_wait_for(domain));
  if (agent == nullptr) co_return outcome::success();
  co_return co_await agent->wait_status("connected to the broker");
}

Result<void> Domains::switch_layer(DomainId domain, const std::string& device) {
  TRY(const auto entry, get(domain));
  for (const auto& disk : entry->spec.disks)
    if (disk.device == device) return outcome::success();
  return fail(Errc::not_found, "cannot switch disk '" + printable(device) + "' of domain " + std::to_string(domain.value) + ": no such disk");
}

std::vector<broker::Domain> Domains::list() const {
  std::vector<broker::Domain> domains;
  for (const auto& [id, entry] : entries_)
    domains.push_back({.id = id, .uuid = entry->spec.uuid, .name = entry->spec.name, .state = entry->state});
  return domains;
}

std::optional<DomainId> Domains::find(const std::string& name) const {
  for (const auto& [id, entry] : entries_)
    if (entry->spec.name == name || std::to_string(id.value) == name) return id;
  return std::nullopt;
}

std::optional<pid_t> Domains::agent_of(DomainId domain) const {
  const auto entry = get(domain);
  return entry && entry.value()->guest ? entry.value()->guest->agent() : std::nullopt;
}

}  // namespace zynclone::sandbox
