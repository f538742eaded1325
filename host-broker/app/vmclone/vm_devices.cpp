#include "host-broker/app/vmclone/vm_devices.hpp"

#include "host-broker/sandbox/domain_spec.hpp"
#include "host-broker/xen/xl_config.hpp"
#include "system/file.hpp"

namespace zynclone::broker::vmclone {
namespace {

constexpr std::size_t k_longest_vm_file = 1 << 20;  // bytes

Result<std::vector<VmDisk>> disks_of(const GuestConfig& config, configuration::ToolstackKind toolstack) {
  if (toolstack == configuration::ToolstackKind::sandbox) {
    TRY(auto spec, sandbox::read_domain_spec(config.xl_config));
    return std::move(spec.disks);
  }
  TRY(const auto text, read_file(config.xl_config, k_longest_vm_file));
  TRY(const auto parsed, xen::parse_xl_config(text, config.xl_config));
  TRY(auto vm, xen::to_vm_config(parsed, config.vm, config.xl_config));
  return std::move(vm.disks);
}

}  // namespace

Result<std::vector<VmDisk>> own_disks_of(const GuestConfig& config, configuration::ToolstackKind toolstack) {
  auto disks = disks_of(config, toolstack);
  if (disks) return disks;
  Error error = with_context(std::move(disks).error(), "cannot read the configuration of VM '" + config.vm.text() + "'");
  if (error.place.empty()) error.place = config.xl_config;
  error.code = Errc::configuration;
  return outcome::failure(std::move(error));
}

}  // namespace zynclone::broker::vmclone
