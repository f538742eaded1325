#include "host-broker/network/nft_ingress.hpp"

#include "host-broker/network/nft_listing.hpp"

namespace zynclone::broker::network {
namespace {

using protocol::VifMode;

}  // namespace

Guarded guarded_interfaces(const FilterState& state, const std::vector<std::string>& present) {
  std::map<std::string, VifMode> modes;
  for (const VifRule& rule : state.rules) {
    modes[rule.interface] = rule.mode;
    modes.emplace(rule.interface + std::string(k_emulated_twin), rule.mode);
  }
  Guarded guarded;
  for (const std::string& interface : present) {
    const auto named = modes.find(interface);
    if (named != modes.end()) {
      if (named->second != VifMode::unlocked) guarded.emplace(interface, named->second);
    } else if (state.unknown == UnknownVifs::hold && interface.starts_with("vif")) {
      guarded.emplace(interface, VifMode::disabled);
    }
  }
  return guarded;
}

std::string ingress_text(const Guarded& guarded) {
  if (guarded.empty()) return "";
  std::string text = "table netdev zynclone {\n";
  for (const auto& [interface, mode] : guarded) {
    text += (text.ends_with("{\n") ? "\tchain at-" : "\n\tchain at-") + interface + " {\n\t\ttype filter hook ingress device \"" + interface +
            "\" priority -1000; policy accept;\n\t\t" +
            (mode == VifMode::disabled ? "drop" : "ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 drop") + "\n\t}\n";
  }
  return text + "}\n";
}

std::string ingress_transaction_text(const Guarded& guarded) {
  return "table netdev zynclone\ndelete table netdev zynclone\n" + ingress_text(guarded);
}

bool is_ingress_table(std::string_view untrusted_listing, const Guarded& guarded) {
  const auto listing = NftListing::parse(untrusted_listing);
  return listing && listing == NftListing::parse(ingress_text(guarded));
}

}  // namespace zynclone::broker::network
