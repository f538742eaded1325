#include "host-broker/network/pretended_bridges.hpp"

#include <sstream>

#include "host-broker/network/pretended_filter.hpp"
#include "host-broker/ports/family.hpp"
#include "system/file.hpp"

namespace zynclone::broker::network {
Result<PretendedBridges::Bridges> PretendedBridges::read() const {
  Bridges bridges;
  const auto text = read_file(file_, k_largest_pretended_file);
  if (!text && text.error().code != Errc::not_found) return text.error();
  std::istringstream lines(text ? text.value() : std::string());
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string bridge;
    if (!(words >> bridge)) continue;
    auto& ports = bridges[bridge];
    for (std::string port; words >> port;) ports.insert(port);
  }
  return bridges;
}

Result<void> PretendedBridges::write(const Bridges& before, const Bridges& after) const {
  if (before == after) return outcome::success();
  std::string text;
  for (const auto& [bridge, ports] : after) {
    text += bridge;
    for (const std::string& port : ports) text += ' ' + port;
    text += '\n';
  }
  return write_file_whole(file_, text, 0644);
}

Result<void> PretendedBridges::make(const std::string& bridge) {
  TRY(const auto before, read());
  auto after = before;
  after[bridge];
  return write(before, after);
}

Result<std::vector<std::string>> PretendedBridges::place(const std::vector<Placement>& placements) {
  std::vector<std::string> moved;
  if (placements.empty()) return moved;
  TRY(const auto before, read());
  auto after = before;
  for (const Placement& placement : placements) {
    if (is_isolated_bridge(placement.bridge) && !after.contains(placement.bridge)) {
      return fail(Errc::not_found, "cannot move interface '" + placement.interface + "' to bridge '" + placement.bridge + "': there is no such bridge");
    }
    if (after[placement.bridge].contains(placement.interface)) continue;
    for (auto& [bridge, ports] : after) ports.erase(placement.interface);
    after[placement.bridge].insert(placement.interface);
    moved.push_back("interface " + placement.interface + ": to " + placement.bridge + " (pretended)");
  }
  TRY(write(before, after));
  return moved;
}

Result<std::vector<std::string>> PretendedBridges::tidy(const std::map<std::string, std::set<std::string>>& wanted) {
  TRY(const auto before, read());
  auto after = before;
  std::vector<std::string> done;
  for (const auto& [bridge, names] : wanted) {
    if (!after.contains(bridge)) continue;
    std::erase_if(after[bridge], [&named = names](const std::string& port) { return !named.contains(port); });
  }
  std::erase_if(after, [&](const auto& entry) {
    const auto& [bridge, ports] = entry;
    if (!is_isolated_bridge(bridge)) return ports.empty();
    if (wanted.contains(bridge)) return false;
    done.push_back("removed bridge " + bridge + " (pretended): no isolated clone needs it");
    return true;
  });
  TRY(write(before, after));
  return done;
}

}  // namespace zynclone::broker::network
