#include "host-broker/xen/lockdown/domains.hpp"

#include <charconv>

namespace zynclone::broker::xen {
namespace {

constexpr std::uint32_t k_first_reserved_domain = 0x7ff0;  // DOMID_FIRST_RESERVED, xen/include/public/xen.h

}  // namespace

std::optional<DomainId> parse_domain_id(std::string_view untrusted_text) {
  std::uint32_t value = 0;
  const char* const end = untrusted_text.data() + untrusted_text.size();
  const auto [stop, error] = std::from_chars(untrusted_text.data(), end, value);
  if (error != std::errc() || stop != end || value >= k_first_reserved_domain || std::to_string(value) != untrusted_text) return std::nullopt;
  return DomainId{value};
}

std::optional<Uuid> parse_vm_path(std::string_view untrusted_text) {
  constexpr std::string_view k_prefix = "/vm/";
  if (!untrusted_text.starts_with(k_prefix)) return std::nullopt;
  auto uuid = Uuid::parse(untrusted_text.substr(k_prefix.size()));
  return uuid ? std::optional<Uuid>(std::move(uuid).value()) : std::nullopt;
}

std::string domain_path(DomainId domain) { return "/local/domain/" + std::to_string(domain.value); }

std::string acknowledgements_of(DomainId backend) { return k_acknowledgements_path + "/" + std::to_string(backend.value); }

std::optional<Generation> parse_generation(std::string_view untrusted_text) {
  Generation generation;
  const char* const end = untrusted_text.data() + untrusted_text.size();
  const auto [stop, error] = std::from_chars(untrusted_text.data(), end, generation.value);
  if (error != std::errc() || stop != end || std::to_string(generation.value) != untrusted_text) return std::nullopt;
  return generation;
}

Result<Domains> Domains::read(xenstore::Store& store) {
  TRY(const auto names, store.directory("/local/domain"));
  std::vector<DomainEntry> entries;
  for (const std::string& text : names) {
    const auto id = parse_domain_id(text);
    if (!id) continue;
    DomainEntry entry{.id = *id, .uuid = {}, .name = {}};
    TRY(const auto vm, store.read(domain_path(*id) + "/vm"));
    if (auto uuid = parse_vm_path(vm.value_or(""))) entry.uuid = std::move(*uuid);
    TRY(auto name, store.read(domain_path(*id) + "/name"));
    entry.name = std::move(name).value_or("");
    entries.push_back(std::move(entry));
  }
  return Domains(std::move(entries));
}

std::optional<DomainId> Domains::with_uuid(const Uuid& uuid) const {
  std::optional<DomainId> newest;
  if (uuid == Uuid()) return newest;
  for (const DomainEntry& entry : entries_) {
    if (entry.uuid == uuid && (!newest || *newest < entry.id)) newest = entry.id;
  }
  return newest;
}

std::optional<DomainId> Domains::backend(const std::string& text) const {
  if (text == "0" || text.empty()) return DomainId{0};
  const auto number = parse_domain_id(text);
  for (const DomainEntry& entry : entries_) {
    if (number ? entry.id == *number : entry.name == text) return entry.id;
  }
  return std::nullopt;
}

}  // namespace zynclone::broker::xen
