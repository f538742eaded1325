// The way back from XenStore to a PublishedFamily: nothing in it is believed before it was checked.

#include <charconv>

#include "host-broker/monitors/publication.hpp"
#include "host-broker/network/vif_filter.hpp"
#include "protocol/codec.hpp"
#include "protocol/words.hpp"

namespace zynclone::broker::monitors {
namespace {

using protocol::MemberRole;
using protocol::VifMode;

constexpr std::size_t k_most_members = 256;
constexpr unsigned k_highest_index = 255;
constexpr std::size_t k_most_addresses = 64;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  if (text.empty()) return parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

// Reads the nodes of one thing, and says where in the family it is when something is wrong there.
class Reader {
 public:
  Reader(const Nodes& nodes, std::string path) : nodes_(nodes), path_(std::move(path)) {}

  Error wrong(const std::string& name, const std::string& why) const {
    return {Errc::malformed, "cannot use XenStore node '" + printable(path_ + "/" + name) + "': " + why, printable(path_ + "/" + name)};
  }
  Result<std::string> text(const std::string& name) const {
    const auto found = nodes_.find(name);
    if (found == nodes_.end()) return wrong(name, "it is missing");
    return found->second;
  }
  // What has a value is read as a leaf (read_tree): members or interfaces below it would be as if there were none.
  Result<void> folder(const std::string& name) const {
    const auto found = nodes_.find(name);
    if (found != nodes_.end() && !found->second.empty()) return wrong(name, "it has a value, and is a folder");
    return outcome::success();
  }
  // The node's text through a function that checks it.
  template <class Parse>
  auto checked(const std::string& name, Parse parse) const -> decltype(parse(std::string())) {
    TRY(const auto untrusted_text, text(name));
    auto value = parse(untrusted_text);
    if (!value) return wrong(name, value.error().message);
    return value;
  }
  Result<std::vector<std::string>> addresses(const std::string& name, Result<std::string> (*parse)(std::string_view)) const {
    TRY(const auto untrusted_text, text(name));
    std::vector<std::string> all;
    for (const std::string& untrusted_address : split(untrusted_text, ',')) {
      if (all.size() == k_most_addresses) return wrong(name, "it has more than " + std::to_string(k_most_addresses) + " addresses");
      auto address = parse(untrusted_address);
      if (!address) return wrong(name, address.error().message);
      all.push_back(std::move(address).value());
    }
    return all;
  }
  Nodes part(const std::string& name) const { return below(nodes_, name); }
  std::vector<std::string> names(const std::string& name) const { return children(nodes_, name); }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  const Nodes& nodes_;
  std::string path_;
};

Error unusable(std::string_view untrusted_text, std::string_view what) {
  return {Errc::malformed, "'" + printable(untrusted_text.substr(0, 64)) + "' is no " + std::string(what)};
}

Result<std::string> as_is_or(std::string_view untrusted_text, Result<std::string> (*parse)(std::string_view)) {
  if (untrusted_text.empty()) return std::string();
  return parse(untrusted_text);
}

Result<std::string> parse_interface(const std::string& untrusted_text) { return as_is_or(untrusted_text, network::parse_interface_name); }

Result<std::string> parse_mac(const std::string& untrusted_text) {
  return as_is_or(untrusted_text, [](std::string_view untrusted_mac) -> Result<std::string> {
    TRY(const auto mac, MacAddress::parse(untrusted_mac));
    return mac.text();
  });
}

Result<std::optional<DomainId>> parse_backend(const std::string& untrusted_text) {
  if (untrusted_text.empty()) return std::optional<DomainId>();
  const auto domain = xen::parse_domain_id(untrusted_text);
  if (!domain) return unusable(untrusted_text, "domain");
  return domain;
}

Result<DomainId> parse_running(const std::string& untrusted_text) {
  const auto domain = xen::parse_domain_id(untrusted_text);
  if (!domain) return unusable(untrusted_text, "domain");
  return *domain;
}

Result<Generation> parse_published_generation(const std::string& untrusted_text) {
  const auto generation = xen::parse_generation(untrusted_text);
  if (!generation) return unusable(untrusted_text, "generation");
  return *generation;
}

Result<VifMode> parse_mode(const std::string& untrusted_text) {
  return protocol::parse_word<VifMode>(untrusted_text, "mode");
}

Result<MemberRole> parse_role(const std::string& untrusted_text) {
  return protocol::parse_word<MemberRole>(untrusted_text, "role");
}

Result<std::string> parse_member_name(const std::string& untrusted_text) { return parse_checked_name(untrusted_text, "member name", 63); }

Result<std::set<DomainId>> parse_backends(const std::string& untrusted_text) {
  std::set<DomainId> backends;
  for (const std::string& untrusted_domain : split(untrusted_text, ' ')) {
    const auto domain = xen::parse_domain_id(untrusted_domain);
    if (!domain) return unusable(untrusted_domain, "domain");
    backends.insert(*domain);
  }
  return backends;
}

Result<std::optional<Uuid>> parse_production(const std::string& untrusted_text) {
  if (untrusted_text.empty()) return std::optional<Uuid>();
  TRY(auto member, Uuid::parse(untrusted_text));
  return std::optional<Uuid>(std::move(member));
}

Result<std::string> parse_announced(std::string_view untrusted_text) {
  return untrusted_text.find(':') == std::string_view::npos ? network::parse_ipv4(untrusted_text) : network::parse_ipv6(untrusted_text);
}

// A clone-monitor of the version before, in another domain than this one, publishes none of it, and knows of no moves.
Result<PublishedProduction> parse_production_nodes(const Nodes& untrusted_nodes, const Reader& reader, const Uuid& original) {
  PublishedProduction production;
  if (!untrusted_nodes.contains("production") && !untrusted_nodes.contains("production_generation")) {
    production.member = original;
    return production;
  }
  TRY(production.member, reader.checked("production", parse_production));
  TRY(const auto generation, reader.checked("production_generation", parse_published_generation));
  production.generation = generation.value;
  TRY(production.announce, reader.addresses("announce", parse_announced));
  return production;
}

Result<PublishedVif> parse_vif(const Nodes& untrusted_nodes, const std::string& path, unsigned index, const Uuid& family) {
  const Reader reader(untrusted_nodes, path);
  PublishedVif vif{.index = index};
  TRY(vif.interface, reader.checked("interface", parse_interface));
  TRY(vif.backend, reader.checked("backend", parse_backend));
  TRY(vif.mac, reader.checked("mac", parse_mac));
  TRY(vif.mode, reader.checked("mode", parse_mode));
  TRY(vif.ipv4, reader.addresses("ipv4", network::parse_ipv4));
  TRY(vif.ipv6, reader.addresses("ipv6", network::parse_ipv6));
  // A clone-monitor of the version before knows of no other bridge than the toolstack's.
  if (untrusted_nodes.contains("bridge")) {
    TRY(vif.bridge, reader.checked("bridge", parse_interface));
  }
  if (is_isolated_bridge(vif.bridge) && vif.bridge != isolated_bridge(family)) {
    return reader.wrong("bridge", "the isolated network of this family is '" + isolated_bridge(family) + "'");
  }
  return vif;
}

Result<PublishedMember> parse_member(const Nodes& untrusted_nodes, const std::string& path, const Uuid& uuid, const Uuid& family) {
  const Reader reader(untrusted_nodes, path);
  TRY(reader.folder("vif"));
  PublishedMember member{.uuid = uuid};
  TRY(member.name, reader.checked("name", parse_member_name));
  TRY(member.role, reader.checked("role", parse_role));
  TRY(member.state, reader.text("state"));
  if (untrusted_nodes.contains("vm_generation_id")) {
    TRY(member.generation_id, reader.checked("vm_generation_id", Uuid::parse));
  }
  if (untrusted_nodes.contains("domid")) {
    TRY(member.domain, reader.checked("domid", parse_running));
  }
  std::map<unsigned, PublishedVif> vifs;
  for (const std::string& untrusted_index : reader.names("vif")) {
    unsigned index = 0;
    const char* const end = untrusted_index.data() + untrusted_index.size();
    const auto [stop, error] = std::from_chars(untrusted_index.data(), end, index);
    if (error != std::errc() || stop != end || index > k_highest_index || std::to_string(index) != untrusted_index) {
      return reader.wrong("vif/" + untrusted_index, "an interface is a number from 0 to " + std::to_string(k_highest_index));
    }
    TRY(vifs[index], parse_vif(reader.part("vif/" + untrusted_index), reader.path("vif/" + untrusted_index), index, family));
  }
  for (auto& [index, vif] : vifs) member.vifs.push_back(std::move(vif));
  return member;
}

}  // namespace

Result<PublishedFamily> parse_published(const std::string& untrusted_uuid, const Nodes& untrusted_nodes) {
  const Reader reader(untrusted_nodes, xen::k_families_path + "/" + untrusted_uuid);
  PublishedFamily family;
  TRY(family.uuid, Uuid::parse(untrusted_uuid));
  TRY(family.vm, reader.checked("vm", [](const std::string& untrusted_text) { return VmName::parse(untrusted_text); }));
  TRY(family.generation, reader.checked("generation", parse_published_generation));
  TRY(family.production, parse_production_nodes(untrusted_nodes, reader, family.uuid));
  TRY(family.backends, reader.checked("backends", parse_backends));
  TRY(reader.folder("member"));
  for (const std::string& untrusted_member : reader.names("member")) {
    const std::string path = "member/" + untrusted_member;
    if (family.members.size() == k_most_members) return reader.wrong("member", "it has more than " + std::to_string(k_most_members) + " members");
    const auto uuid = Uuid::parse(untrusted_member);
    if (!uuid) return reader.wrong(path, uuid.error().message);
    TRY(auto member, parse_member(reader.part(path), reader.path(path), uuid.value(), family.uuid));
    family.members.push_back(std::move(member));
  }
  return family;
}

}  // namespace zynclone::broker::monitors
