#include "guest-agent-linux/xenstore_identity.hpp"

#include <charconv>

#include "protocol/codec.hpp"
#include "protocol/words.hpp"

namespace zynclone::agent {
namespace {

using xenstore::Transaction;

constexpr std::size_t k_most_interfaces = 64;
const std::string k_being_saved = "control/zynclone-save";  // by zynclone-save, as long as it is at work

template <class T>
Result<T> number_of(const std::string& text, const std::string& path) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return fail(Errc::malformed, "cannot use XenStore node '" + path + "': '" + printable(text) + "' is no number");
}

Result<std::string> read_needed(Transaction& nodes, const std::string& path) {
  TRY(auto value, nodes.read(path));
  if (!value) return fail(Errc::unavailable, "cannot read XenStore node '" + path + "': it is not there");
  return std::move(*value);
}

Result<Uuid> read_uuid(Transaction& nodes) {
  constexpr std::string_view k_prefix = "/vm/";
  TRY(auto vm, read_needed(nodes, "vm"));
  if (!vm.starts_with(k_prefix)) return fail(Errc::malformed, "cannot use XenStore node 'vm': '" + printable(vm) + "' is not /vm/<uuid>");
  return Uuid::parse(std::string_view(vm).substr(k_prefix.size()));
}

// nullopt until all of it is published.
Result<std::optional<Membership>> read_membership(Transaction& nodes) {
  const std::optional<Membership> none;
  TRY(auto role, nodes.read("zynclone/role"));
  TRY(auto vm, nodes.read("zynclone/vm"));
  TRY(auto family, nodes.read("zynclone/family"));
  TRY(auto member, nodes.read("zynclone/member"));
  TRY(auto generation, nodes.read("zynclone/generation"));
  if (!role || !vm || !family || !member || !generation) return none;
  Membership membership;
  if (*role != "original" && *role != "clone")
    return fail(Errc::malformed, "cannot use XenStore node 'zynclone/role': '" + printable(*role) + "' is neither original nor clone");
  membership.role = *role == "clone" ? protocol::MemberRole::clone : protocol::MemberRole::original;
  TRY(membership.vm, VmName::parse(*vm));
  TRY(membership.family, Uuid::parse(*family));
  TRY(membership.member, parse_checked_name(*member, "member name", 63));
  TRY(membership.generation.value, number_of<std::uint64_t>(*generation, "zynclone/generation"));
  return std::optional<Membership>(std::move(membership));
}

// nullopt: a later host's word, for which nothing can be done here.
std::optional<protocol::VifMode> parse_mode(const std::optional<std::string>& text) {
  const auto mode = protocol::parse_word<protocol::VifMode>(text.value_or(""), "mode");
  return mode ? std::optional(mode.value()) : std::nullopt;
}

Result<std::optional<Uuid>> read_generation_id(Transaction& nodes) {
  const std::optional<Uuid> none;
  TRY(auto text, nodes.read("zynclone/vm_generation_id"));
  if (!text) return none;
  TRY(auto id, Uuid::parse(*text));
  return std::optional<Uuid>(std::move(id));
}

Result<std::map<unsigned, protocol::VifMode>> read_interfaces(Transaction& nodes) {
  std::map<unsigned, protocol::VifMode> interfaces;
  TRY(auto names, nodes.directory("zynclone/vif"));
  if (names.size() > k_most_interfaces) names.resize(k_most_interfaces);
  for (const std::string& name : names) {
    TRY(auto index, number_of<unsigned>(name, "zynclone/vif/" + printable(name)));
    TRY(auto text, nodes.read("zynclone/vif/" + name + "/mode"));
    if (const auto mode = parse_mode(text)) interfaces[index] = *mode;
  }
  return interfaces;
}

// In one transaction: clone-monitor publishes in one, too, and half of each would be a VM that there is not.
Result<Identity> read_identity(xenstore::Store& store) {
  Identity identity;
  TRY(store.transact([&](Transaction& nodes) -> Result<void> {
    TRY(auto domain, read_needed(nodes, "domid"));
    TRY(identity.domain.value, number_of<std::uint32_t>(domain, "domid"));
    TRY(identity.uuid, read_uuid(nodes));
    TRY(identity.membership, read_membership(nodes));
    TRY(identity.generation_id, read_generation_id(nodes));
    TRY(const auto saving, nodes.read(k_being_saved));
    identity.is_being_saved = saving.has_value();
    TRY(identity.interfaces, read_interfaces(nodes));
    return outcome::success();
  }));
  return identity;
}

}  // namespace

const std::vector<std::string>& XenstoreIdentity::watched() {
  // The kernel registers watches anew when the VM is restored, and then each fires: a sign that it may be another VM.
  static const std::vector<std::string> paths{"domid", "vm", "zynclone", k_being_saved};
  return paths;
}

asio::awaitable<Result<Identity>> XenstoreIdentity::read() { return store_.run<Identity>(read_identity); }

}  // namespace zynclone::agent
