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

}  // namespace

Result<std::vector<BackendVif>> read_backend_vifs(xenstore::Store& store, DomainId self) {
  const std::string root = xen::domain_path(self) + "/backend/vif";
  std::vector<BackendVif> present;
  TRY(const auto domains, store.directory(root));
  for (const std::string& domain_text : domains) {
    const auto domain = xen::parse_domain_id(domain_text);
    if (!domain) continue;
    // Only domain 0 may read this node of another domain.
    const auto vm = store.read(xen::domain_path(*domain) + "/vm");
    if (!vm && vm.error().code != Errc::refused) return vm.error();
    TRY(const auto devices, store.directory(root + "/" + domain_text));
    for (const std::string& device_text : devices) {
      const auto device = parse_device(device_text);
      if (!device) continue;
      BackendVif vif{.domain = *domain, .device = *device, .renamed = {}, .mac = {}, .vm = {}};
      if (vm && vm.value()) vif.vm = xen::parse_vm_path(*vm.value());
      const std::string path = root + "/" + domain_text + "/" + device_text;
      TRY(const auto mac, store.read(path + "/mac"));
      if (auto parsed = MacAddress::parse(mac.value_or("")); parsed) vif.mac = parsed.value().text();
      TRY(const auto renamed, store.read(path + "/vifname"));
      if (auto parsed = network::parse_interface_name(renamed.value_or("")); parsed) vif.renamed = parsed.value();
      present.push_back(std::move(vif));
    }
  }
  return present;
}

}  // namespace zynclone::broker::monitors
