#include "host-broker/monitors/backend_vifs.hpp"

#include <charconv>

#include "host-broker/network/vif_filter.hpp"

namespace zynclone::broker::monitors {
namespace {

constexpr unsigned k_highest_device = 255;

std::optional<unsigned> parse_device(std::string_view text) {
  unsigned device = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), device);
  if (error != std::errc() || stop != text.data() + text.size() || device > k_highest_device) return std::nullopt;
  return device;
}

Result<std::vector<BackendVif>> read_domain(xenstore::Store& store, const std::string& root, DomainId domain) {
  std::vector<BackendVif> present;
  const std::string of_domain = root + "/" + std::to_string(domain.value);
  TRY(const auto devices, store.directory(of_domain));
  if (devices.empty()) return present;
  // Only domain 0 may read this node of another domain.
  const auto vm = store.read(xen::domain_path(domain) + "/vm");
  if (!vm && vm.error().code != Errc::refused) return vm.error();
  for (const std::string& device_text : devices) {
    const auto device = parse_device(device_text);
    if (!device) continue;
    BackendVif vif{.domain = domain, .device = *device, .renamed = {}, .mac = {}, .vm = {}, .is_set_up = false};
    if (vm && vm.value()) vif.vm = xen::parse_vm_path(*vm.value());
    TRY(const auto mac, store.read(of_domain + "/" + device_text + "/mac"));
    if (auto parsed = MacAddress::parse(mac.value_or("")); parsed) vif.mac = parsed.value().text();
    TRY(const auto renamed, store.read(of_domain + "/" + device_text + "/vifname"));
    if (auto parsed = network::parse_interface_name(renamed.value_or("")); parsed) vif.renamed = parsed.value();
    TRY(const auto hotplug, store.read(of_domain + "/" + device_text + "/hotplug-status"));
    vif.is_set_up = hotplug == "connected";
    present.push_back(std::move(vif));
  }
  return present;
}

}  // namespace

Result<void> BackendVifs::look(xenstore::Store& store, DomainId self, const Hints& hints) {
  const std::string root = xen::domain_path(self) + "/" + k_backend_vifs_path;
  std::set<std::string> domains;
  if (hints.everything) {
    of_domains_.clear();
    TRY(const auto all, store.directory(root));
    domains.insert(all.begin(), all.end());
  }
  // A watch by a relative path gives relative paths.
  const std::string prefix = k_backend_vifs_path + "/";
  for (const std::string& path : hints.names) {
    if (path.starts_with(prefix)) domains.insert(path.substr(prefix.size(), path.find('/', prefix.size()) - prefix.size()));
  }
  for (const std::string& text : domains) {
    const auto domain = xen::parse_domain_id(text);
    if (!domain) continue;
    TRY(auto present, read_domain(store, root, *domain));
    of_domains_.erase(text);
    if (!present.empty()) of_domains_.emplace(text, std::move(present));
  }
  return outcome::success();
}

std::vector<BackendVif> BackendVifs::all() const {
  std::vector<BackendVif> all;
  for (const auto& [domain, present] : of_domains_) all.insert(all.end(), present.begin(), present.end());
  return all;
}

}  // namespace zynclone::broker::monitors
