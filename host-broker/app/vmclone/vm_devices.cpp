#include "host-broker/app/vmclone/vm_devices.hpp"

#include "host-broker/sandbox/domain_spec.hpp"
#include "host-broker/xen/xl_config.hpp"
#include "system/file.hpp"

namespace zynclone::broker::vmclone {
namespace {

constexpr std::size_t k_longest_vm_file = 1 << 20;  // bytes

Result<OwnDevices> devices_of(const GuestConfig& config, configuration::ToolstackKind toolstack) {
  if (toolstack == configuration::ToolstackKind::sandbox) {
    TRY(auto spec, sandbox::read_domain_spec(config.xl_config));
    OwnDevices own{.disks = std::move(spec.disks), .interfaces = {}};
    for (const auto& vif : spec.vifs) own.interfaces.insert(vif.index);
    return own;
  }
  TRY(const auto text, read_file(config.xl_config, k_longest_vm_file));
  TRY(const auto parsed, xen::parse_xl_config(text, config.xl_config));
  TRY(auto vm, xen::to_vm_config(parsed, config.vm, config.xl_config));
  OwnDevices own{.disks = std::move(vm.disks), .interfaces = {}};
  for (const VmVif& vif : vm.vifs) own.interfaces.insert(vif.index);
  return own;
}

}  // namespace

Result<OwnDevices> own_devices_of(const GuestConfig& config, configuration::ToolstackKind toolstack) {
  auto own = devices_of(config, toolstack);
  if (own) return own;
  Error error = with_context(std::move(own).error(), "cannot read the configuration of VM '" + config.vm.text() + "'");
  if (error.place.empty()) error.place = config.xl_config;
  error.code = Errc::configuration;
  return outcome::failure(std::move(error));
}

}  // namespace zynclone::broker::vmclone
