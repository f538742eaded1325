#include "host-broker/network/vif_filter.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;

constexpr std::size_t k_longest_interface = 15;  // IFNAMSIZ - 1
constexpr std::size_t k_most_rules = 4096;
constexpr std::size_t k_most_addresses = 64;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

template <int family, std::size_t bytes>
Result<std::string> parse_address(std::string_view untrusted_text, const char* kind) {
  std::array<unsigned char, bytes> address{};
  const std::string text(untrusted_text.substr(0, INET6_ADDRSTRLEN));
  if (untrusted_text.size() != text.size() || text.find('\0') != std::string::npos || ::inet_pton(family, text.c_str(), address.data()) != 1) {
    return fail(Errc::invalid_argument, "cannot read '" + printable(text) + "': it is no " + kind + " address");
  }
  std::array<char, INET6_ADDRSTRLEN> canonical{};
  ::inet_ntop(family, address.data(), canonical.data(), canonical.size());
  return std::string(canonical.data());
}

Result<void> check_addresses(std::vector<std::string>& addresses, Result<std::string> (*parse)(std::string_view)) {
  if (addresses.size() > k_most_addresses) {
    return fail(Errc::limit_exceeded, "cannot allow " + std::to_string(addresses.size()) + " addresses: at most " +
                                          std::to_string(k_most_addresses) + " of a kind");
  }
  for (std::string& address : addresses) {
    TRY(address, parse(address));
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return outcome::success();
}

Result<void> check_rule(VifRule& rule) {
  TRY(rule.interface, parse_interface_name(rule.interface));
  if (rule.mode == VifMode::disabled) rule.reach = Reach::everywhere;  // that says it all
  if (rule.mode == VifMode::locked && rule.reach == Reach::isolated) {
    return fail(Errc::invalid_argument, "cannot lock interface '" + rule.interface + "' to addresses and to an isolated bridge at once");
  }
  if (rule.mode != VifMode::locked) {
    rule.mac.clear();
    rule.ipv4.clear();
    rule.ipv6.clear();
    return outcome::success();
  }
  auto mac = MacAddress::parse(rule.mac);
  if (!mac) return with_context(std::move(mac).error(), "cannot lock interface '" + rule.interface + "'");
  rule.mac = mac.value().text();
  TRY(check_addresses(rule.ipv4, parse_ipv4));
  TRY(check_addresses(rule.ipv6, parse_ipv6));
  return outcome::success();
}

}  // namespace

Result<std::string> parse_interface_name(std::string_view untrusted_text) {
  const bool valid = !untrusted_text.empty() && untrusted_text.size() <= k_longest_interface && is_alphanumeric(untrusted_text.front()) &&
                     std::all_of(untrusted_text.begin(), untrusted_text.end(),
                                 [](char c) { return is_alphanumeric(c) || c == '.' || c == '_' || c == '-'; });
  if (!valid) {
    return fail(Errc::invalid_argument, "cannot use interface '" + printable(untrusted_text.substr(0, 64)) +
                                            "': its name must be 1 to 15 of A-Z a-z 0-9 . _ - and begin with a letter or digit");
  }
  if (untrusted_text.ends_with(k_emulated_twin)) {
    return fail(Errc::invalid_argument,
                "cannot use interface '" + std::string(untrusted_text) + "': the end -emu belongs to the emulated twin of an interface");
  }
  return std::string(untrusted_text);
}

Result<std::string> parse_ipv4(std::string_view untrusted_text) {
  return parse_address<AF_INET, sizeof(in_addr)>(untrusted_text, "IPv4");
}

Result<std::string> parse_ipv6(std::string_view untrusted_text) {
  TRY(auto address, (parse_address<AF_INET6, sizeof(in6_addr)>(untrusted_text, "IPv6")));
  if (address == "::") return fail(Errc::invalid_argument, "cannot allow '::': it is no address to send from");
  return address;
}

Result<FilterState> checked(FilterState untrusted_state) {
  FilterState state = std::move(untrusted_state);
  if (state.rules.size() > k_most_rules) {
    return fail(Errc::limit_exceeded, "cannot filter " + std::to_string(state.rules.size()) + " interfaces: at most " +
                                          std::to_string(k_most_rules));
  }
  for (VifRule& rule : state.rules) {
    TRY(check_rule(rule));
  }
  std::sort(state.rules.begin(), state.rules.end(), [](const VifRule& a, const VifRule& b) { return a.interface < b.interface; });
  const auto twice = std::adjacent_find(state.rules.begin(), state.rules.end(),
                                        [](const VifRule& a, const VifRule& b) { return a.interface == b.interface; });
  if (twice != state.rules.end()) {
    return fail(Errc::invalid_argument, "cannot filter interface '" + twice->interface + "': it is named twice");
  }
  return state;
}

bool may_receive(const FilterState& state, const std::string& interface) {
  const std::string name = interface.ends_with(k_emulated_twin) ? interface.substr(0, interface.size() - k_emulated_twin.size()) : interface;
  for (const VifRule& rule : state.rules) {
    if (rule.interface == name) return rule.mode != protocol::VifMode::disabled && rule.reach == Reach::everywhere;
  }
  return state.unknown == UnknownVifs::pass || !name.starts_with("vif");
}

}  // namespace zynclone::broker::network
