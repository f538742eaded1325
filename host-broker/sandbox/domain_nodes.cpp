#include "host-broker/sandbox/domain_nodes.hpp"

#include "host-broker/sandbox/disk_nodes.hpp"
#include "host-broker/sandbox/node_writer.hpp"

namespace zynclone::sandbox {
namespace {

std::string vm_path(const DomainSpec& spec) { return "/vm/" + spec.uuid.text(); }
std::string toolstack_path(DomainId domain) { return "/libxl/" + std::to_string(domain.value); }
std::string backend_path(DomainId domain) { return home_of(k_host_domain) + "/backend/vif/" + std::to_string(domain.value); }

void write_home(NodeWriter& writer, DomainId domain, const DomainSpec& spec) {
  const std::string home = home_of(domain);
  writer.write(home, "", writer.readable());
  writer.write(home + "/vm", vm_path(spec), writer.readable());
  writer.write(home + "/name", spec.name, writer.readable());
  writer.write(home + "/domid", std::to_string(domain.value), writer.readable());
  for (const char* name : {"/cpu", "/memory", "/device", "/control", "/hvmloader"}) writer.write(home + name, "", writer.readable());
  for (const char* name : {"/control/shutdown", "/control/feature-poweroff", "/control/feature-reboot", "/control/feature-suspend",
                           "/control/sysrq", "/device/suspend/event-channel", "/data", "/drivers", "/feature", "/attr", "/error"})
    writer.write(home + name, "", writer.own());
}

// The agent of a real guest finds its interfaces here; clone-monitor and the network scripts look at the backend's side.
void write_vif(NodeWriter& writer, DomainId domain, const broker::CloneDomain::Vif& vif) {
  const std::string index = std::to_string(vif.index);
  const std::string front = home_of(domain) + "/device/vif/" + index;
  const std::string back = backend_path(domain) + "/" + index;
  writer.write(front, "", writer.frontend());
  writer.write(front + "/backend", back, writer.frontend());
  writer.write(front + "/backend-id", "0", writer.frontend());
  writer.write(front + "/handle", index, writer.frontend());
  writer.write(front + "/mac", vif.mac, writer.frontend());
  writer.write(front + "/state", k_node_connected, writer.frontend());
  writer.write(back, "", writer.readable());
  writer.write(back + "/frontend", front, writer.readable());
  writer.write(back + "/frontend-id", std::to_string(domain.value), writer.readable());
  writer.write(back + "/online", "1", writer.readable());
  writer.write(back + "/handle", index, writer.readable());
  writer.write(back + "/mac", vif.mac, writer.readable());
  writer.write(back + "/bridge", vif.bridge, writer.readable());
  if (!vif.interface.empty()) writer.write(back + "/vifname", vif.interface, writer.readable());
  writer.write(back + "/hotplug-status", "connected", writer.readable());
  writer.write(back + "/state", k_node_connected, writer.readable());
}

}  // namespace

Result<void> make_domain_nodes(StoreEngine& engine, DomainId domain, const DomainSpec& spec) {
  NodeWriter writer(engine, domain);
  writer.write(vm_path(spec), "", writer.readable());
  writer.write(vm_path(spec) + "/uuid", spec.uuid.text(), writer.readable());
  writer.write(vm_path(spec) + "/name", spec.name, writer.readable());
  writer.write(toolstack_path(domain), "", writer.host_only());
  write_home(writer, domain, spec);
  if (!spec.vifs.empty()) writer.write(backend_path(domain), "", writer.readable());
  for (const auto& vif : spec.vifs) write_vif(writer, domain, vif);
  if (!spec.disks.empty()) writer.write(disk_backends_path(domain), "", writer.readable());
  TRY(writer.result());
  for (const auto& disk : spec.disks) {
    TRY(make_disk_nodes(engine, domain, disk));
  }
  return outcome::success();
}

void remove_domain_nodes(StoreEngine& engine, DomainId domain, const DomainSpec& spec) {
  // Nodes that are not there are no error, and there is nothing else that can fail for the host.
  for (const std::string& path : {backend_path(domain), disk_backends_path(domain), home_of(domain), vm_path(spec), toolstack_path(domain)})
    [[maybe_unused]] const auto removed = engine.remove(path);
}

}  // namespace zynclone::sandbox
