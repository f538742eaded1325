#include "host-broker/network/nft_text.hpp"

#include <arpa/inet.h>

#include <array>
#include <map>
#include <set>

#include "host-broker/network/nft_listing.hpp"

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;

constexpr std::string_view k_dhcp_source = "0.0.0.0";

// Sets, chains and rules that every state has. When one state gives way to the next in the middle of judging a frame, the kernel takes the
// rules from before and looks the sets up in what is there by then. Still a frame passes only if one of the two states allows it: one look-up
// alone, in `from` or `to`, decides which chain judges it; a locked chain lets nothing pass that no set names; and unknown interfaces are
// held by a rule (the state before) and by a set that is looked up last (the state after).
constexpr std::string_view k_sets = R"(	map from {
		type ifname : verdict
%from	}

	map to {
		type ifname : verdict
%to	}

	set mac {
		type ifname . ether_addr
%mac	}

	set ipv4 {
		type ifname . ipv4_addr
%ipv4	}

	set ipv6 {
		type ifname . ipv6_addr
%ipv6	}

	set neighbour {
		typeof iifname . @th,64,128
%neighbour	}

	set dhcp {
		type ifname
%dhcp	}

	set isolated {
		type ifname
%isolated	}

	set held {
		type iface_type
%held	}
)";

// ARP, IPv4 and IPv6 only (no VLAN tags: the type of a tagged frame reads as 0x8100, also when the kernel has taken the tag off); then each
// as vif_filter.hpp says. Dropped of ICMPv6 is what XAPI drops: router advertisements (134), redirects (137) and other routers' messages.
// @th,64,128 is the target of a neighbour solicitation (135) or advertisement (136): nft 1.0.6 has no word for it. `meta l4proto != 255`
// fails where a chain of extension headers cannot be followed, so that nothing hides behind it.
constexpr std::string_view k_mode_chains = R"(
	chain from_locked {
		ether type != { 0x0800, 0x0806, 0x86dd } drop
		iifname . ether saddr != @mac drop
		ether type 0x0806 goto from_locked_arp
		ether type 0x0800 goto from_locked_ip
		goto from_locked_ip6
	}

	chain from_locked_arp {
		arp htype != 1 drop
		arp ptype != 0x0800 drop
		arp hlen != 6 drop
		arp plen != 4 drop
		arp operation != { 1, 2 } drop
		iifname . arp saddr ether != @mac drop
		iifname . arp saddr ip @ipv4 accept
		arp operation 1 arp saddr ip 0.0.0.0 iifname . arp daddr ip @ipv4 accept
		drop
	}

	chain from_locked_ip {
		udp sport 67 udp dport 68 drop
		iifname . ip saddr @ipv4 accept
		iifname @dhcp ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
		drop
	}

	chain from_locked_ip6 {
		icmpv6 type { 134, 137, 146, 147, 151, 152, 153 } drop
		udp sport 547 udp dport 546 drop
		icmpv6 type 136 iifname . @th,64,128 != @neighbour drop
		meta l4proto != 255 iifname . ip6 saddr @ipv6 accept
		ip6 saddr :: icmpv6 type 135 iifname . @th,64,128 @neighbour accept
		drop
	}

	chain to_locked {
		ether type != { 0x0800, 0x0806, 0x86dd } drop
		oifname . ether daddr @mac accept
		ether daddr & 01:00:00:00:00:00 == 01:00:00:00:00:00 accept
		drop
	}
)";

// Frames to 01:80:c2:00:00:0x (LLDP, spanning tree) reach the host by `input` alone, and the bridge's own spanning tree and multicast
// queries leave by `output` alone; all others meet `prerouting` and `postrouting` (Linux: net/bridge/br_input.c, br_stp_bpdu.c).
struct Hook {
  std::string_view name;
  std::string_view priority;
  std::string_view interface;
  std::string_view type;
  std::string_view map;
  std::string_view first;      // rules before all others
};

// Only here both ends of a frame are known: what an isolated interface sends or gets, the other end of it is isolated, too, wherever the two stand.
// What it sends to the host or gets from there passes `input` and `output`, and ends there.
constexpr std::string_view k_forward_chain = R"(
	chain forward {
		type filter hook forward priority -1000; policy accept;
%rules	}
)";
constexpr std::string_view k_forward_rules = R"(		iifname @isolated oifname @isolated accept
		iifname @isolated drop
		oifname @isolated drop
)";

constexpr std::array<Hook, 4> k_hooks{{{"prerouting", "-1000", "iifname", "iiftype", "from", ""},
                                       {"input", "-1000", "iifname", "iiftype", "from", "\t\tiifname @isolated drop\n"},
                                       {"output", "-1000", "oifname", "oiftype", "to", "\t\toifname @isolated drop\n"},
                                       {"postrouting", "-1000", "oifname", "oiftype", "to", ""}}};

using Elements = std::map<std::string_view, std::set<std::string>>;

std::string quoted(const std::string& name) { return '"' + name + '"'; }

// 128 bits as nft prints a number: hexadecimal, without leading zeros.
std::string number(const std::string& ipv6) {
  std::array<unsigned char, 16> address{};
  ::inet_pton(AF_INET6, ipv6.c_str(), address.data());
  std::string digits;
  for (const unsigned char byte : address) {
    digits += "0123456789abcdef"[byte >> 4];
    digits += "0123456789abcdef"[byte & 15];
  }
  return "0x" + digits.substr(std::min(digits.find_first_not_of('0'), digits.size() - 1));
}

void add_elements(Elements& elements, const VifRule& rule, const std::string& interface) {
  const std::string name = quoted(interface);
  switch (rule.mode) {
    case VifMode::unlocked:
      elements["from"].insert(name + " : accept");
      elements["to"].insert(name + " : accept");
      if (rule.reach == Reach::isolated) elements["isolated"].insert(name);
      return;
    case VifMode::disabled:
      elements["from"].insert(name + " : drop");
      elements["to"].insert(name + " : drop");
      return;
    case VifMode::locked:
      break;
  }
  elements["from"].insert(name + " : goto from_locked");
  elements["to"].insert(name + " : goto to_locked");
  elements["mac"].insert(name + " . " + rule.mac);
  for (const std::string& address : rule.ipv4) {
    if (address == k_dhcp_source) {
      elements["dhcp"].insert(name);
    } else {
      elements["ipv4"].insert(name + " . " + address);
    }
  }
  for (const std::string& address : rule.ipv6) {
    elements["ipv6"].insert(name + " . " + address);
    elements["neighbour"].insert(name + " . " + number(address));
  }
}

std::string elements_text(const std::set<std::string>& elements) {
  if (elements.empty()) return "";
  std::string text = "\t\telements = { ";
  for (const std::string& element : elements) {
    if (&element != &*elements.begin()) text += ",\n\t\t\t     ";
    text += element;
  }
  return text + " }\n";
}

std::string sets_text(const Elements& elements) {
  std::string text(k_sets);
  for (const std::string_view set : {"from", "to", "mac", "ipv4", "ipv6", "neighbour", "dhcp", "isolated", "held"}) {
    const std::string mark = "%" + std::string(set) + "\t";
    const auto found = elements.find(set);
    text.replace(text.find(mark), mark.size() - 1, found == elements.end() ? "" : elements_text(found->second));
  }
  return text;
}

std::string base_chain(const Hook& hook, UnknownVifs unknown, bool with_rules) {
  const std::string interface(hook.interface);
  std::string text = "\n\tchain " + std::string(hook.name) + " {\n\t\ttype filter hook " + std::string(hook.name) + " priority " +
                     std::string(hook.priority) + "; policy accept;\n";
  if (with_rules) {
    text += hook.first;
    text += "\t\t" + interface + " vmap @" + std::string(hook.map) + "\n";
    if (unknown == UnknownVifs::hold) text += "\t\t" + interface + " \"vif*\" drop\n";
    text += "\t\t" + interface + " \"vif*\" meta " + std::string(hook.type) + " @held drop\n";
  }
  return text + "\t}\n";
}

std::string table_of(const std::string& sets, std::string_view chains, UnknownVifs unknown, bool with_rules) {
  std::string text = "table bridge zynclone {\n" + sets;
  for (const Hook& hook : k_hooks) text += base_chain(hook, unknown, with_rules);
  text += k_forward_chain;
  text.replace(text.rfind("%rules"), std::string_view("%rules").size(), with_rules ? k_forward_rules : "");
  return text + std::string(chains) + "}\n";
}

// ---- back ------------------------------------------------------------------------------------------------------------

VifMode mode_of(const std::string& verdict) {
  if (verdict == "accept") return VifMode::unlocked;
  if (verdict == "goto from_locked") return VifMode::locked;
  return VifMode::disabled;
}

// Puts the right half of each "<interface> . <value>" where it belongs.
template <class Take>
void take_pairs(const NftListing& listing, std::string_view set, std::map<std::string, VifRule>& rules, Take take) {
  for (const std::string& element : listing.elements(set)) {
    const auto [interface, value] = split_element(element, " . ");
    const auto rule = rules.find(interface);
    if (rule != rules.end()) take(rule->second, value);
  }
}

}  // namespace

std::string table_text(const FilterState& state) {
  Elements elements;
  for (const VifRule& rule : state.rules) {
    add_elements(elements, rule, rule.interface);
    if (rule.interface.size() + k_emulated_twin.size() <= 15) add_elements(elements, rule, rule.interface + std::string(k_emulated_twin));
  }
  if (state.unknown == UnknownVifs::hold) elements["held"].insert("1");  // ARPHRD_ETHER
  return table_of(sets_text(elements), k_mode_chains, state.unknown, true);
}

std::string transaction_text(const FilterState& state, Replace replace) {
  std::string text;
  if (replace == Replace::afresh) text += "table bridge zynclone\ndelete table bridge zynclone\n";
  // First everything must be there, empty, then it is emptied, then filled: all in one transaction of the kernel. The base chains stay:
  // a new chain would come before the old one in its hook, and a frame between the two could be seen by neither.
  text += table_of(sets_text({}), "", state.unknown, false);
  text += "flush table bridge zynclone\n";
  for (const std::string_view map : {"from", "to"}) text += "flush map bridge zynclone " + std::string(map) + "\n";
  for (const std::string_view set : {"mac", "ipv4", "ipv6", "neighbour", "dhcp", "isolated", "held"}) text += "flush set bridge zynclone " + std::string(set) + "\n";
  return text + table_text(state);
}

std::optional<FilterState> state_of_table(std::string_view untrusted_listing) {
  const auto listing = NftListing::parse(untrusted_listing);
  if (!listing) return std::nullopt;

  std::map<std::string, VifRule> rules;
  for (const std::string& element : listing->elements("from")) {
    const auto [interface, verdict] = split_element(element, " : ");
    rules[interface] = VifRule{.interface = interface, .mode = mode_of(verdict)};
  }
  std::erase_if(rules, [&rules](const auto& entry) {
    const std::string& name = entry.first;
    return name.ends_with(k_emulated_twin) && rules.contains(name.substr(0, name.size() - k_emulated_twin.size()));
  });
  take_pairs(*listing, "mac", rules, [](VifRule& rule, const std::string& value) { rule.mac = value; });
  take_pairs(*listing, "ipv4", rules, [](VifRule& rule, const std::string& value) { rule.ipv4.push_back(value); });
  take_pairs(*listing, "ipv6", rules, [](VifRule& rule, const std::string& value) { rule.ipv6.push_back(value); });
  for (const std::string& element : listing->elements("dhcp")) {
    const auto rule = rules.find(split_element(element, " . ").first);
    if (rule != rules.end()) rule->second.ipv4.emplace_back(k_dhcp_source);
  }

  for (const std::string& element : listing->elements("isolated")) {
    const auto rule = rules.find(split_element(element, " . ").first);
    if (rule != rules.end()) rule->second.reach = Reach::isolated;
  }

  FilterState state;
  for (auto& [name, rule] : rules) state.rules.push_back(std::move(rule));
  if (listing->has("iifname \"vif*\" drop")) state.unknown = UnknownVifs::hold;
  auto made = checked(std::move(state));
  // Whatever was not understood above shows here.
  if (!made || NftListing::parse(table_text(made.value())) != listing) return std::nullopt;
  return std::move(made).value();
}

}  // namespace zynclone::broker::network
