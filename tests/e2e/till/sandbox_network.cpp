#include "tests/e2e/till/sandbox_network.hpp"

#include <filesystem>
#include <sstream>

#include "system/file.hpp"

namespace zynclone::till {
namespace {

// The filter's file: "<interface> <mode> …", "unknown pass|hold".
bool may_speak(const std::string& filter, const std::string& interface) {
  std::istringstream lines(filter);
  bool unknown_pass = false;
  std::string name;
  std::string mode;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream(line) >> name >> mode;
    if (name == interface) return mode == "unlocked";
    if (name == "unknown") unknown_pass = mode == "pass";
  }
  return unknown_pass;
}

// A domain that is gone leaves its socket's file behind.
bool is_served(const Address& address) {
  const Descriptor socket(::socket(address.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
  return ::connect(socket.get(), address.get(), address.size) == 0;
}

}  // namespace

std::vector<SandboxNetwork::Till> SandboxNetwork::tills() {
  std::vector<Till> found;
  const auto filter = read_file(folder_ + "/run/filter", 1 << 20);
  if (!filter) return found;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder_ + "/domains", error), end; !error && entry != end; entry.increment(error)) {
    const std::string domain = entry->path().filename().string();
    const auto address = parse_address("unix:" + entry->path().string() + "/till.sock");
    if (!address || !is_served(address.value()) || !may_speak(filter.value(), interface_of(domain))) continue;
    found.push_back({domain, address.value()});
  }
  return found;
}

std::string SandboxNetwork::interface_of(const std::string& domain) {
  std::string& name = interfaces_[domain];
  if (!name.empty()) return name;
  const auto fixed = store_.read("/local/domain/0/backend/vif/" + domain + "/0/vifname");
  name = fixed && fixed.value() ? *fixed.value() : "vif" + domain + ".0";
  return name;
}

}  // namespace zynclone::till
