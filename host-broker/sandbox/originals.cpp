#include "host-broker/sandbox/originals.hpp"

#include "host-broker/sandbox/domain_spec.hpp"
#include "system/file.hpp"
#include "system/process.hpp"

namespace zynclone::sandbox {
namespace {

Result<void> write_if_absent(const std::filesystem::path& file, const std::string& text) {
  std::error_code error;
  if (std::filesystem::exists(file, error)) return outcome::success();
  return write_file_whole(file, text);
}

std::string broker_settings(const Layout& layout, const std::string& link_program) {
  return "# Settings of the sandbox's broker; see zynclone-broker.conf(5).\n"
         "toolstack = sandbox\n"
         "sandbox_dir = " + layout.folder().string() + "\n"
         "state_dir = " + layout.state().string() + "\n"
         "run_dir = " + layout.run().string() + "\n"
         "policy_dir = " + (layout.configuration() / "policy.d").string() + "\n"
         "clone_dir = " + layout.clone_folder().string() + "\n"
         "xl_dir = " + layout.xl_folder().string() + "\n"
         "link_program = " + link_program + "\n"
         "reserve_files = 64MiB\n";
}

constexpr const char* k_policy =
    "# What guests of the sandbox may ask for: everything, for it is there to be tried. See zynclone.policy(5).\n"
    "# operation     vm   decision  options\n"
    "clone.create    *    allow     clones=4\n"
    "clone.*         *    allow\n"
    "cutover.*       *    allow\n"
    "volume.*        *    allow\n"
    "*               *    deny\n";

std::string vm_text(const VmName& vm, const std::string& disk) {
  const broker::VmDisk root{.device = "xvda", .volume = {broker::VolumeFormat::qcow2, disk}};
  return "# A pretended VM; see the header of host-broker/sandbox/domain_spec.hpp for the keys.\n"
         "uuid = " + Uuid::random().text() + "\n"
         "disk0 = " + disk_text(root) + "\n"
         "vif0 = " + MacAddress::derived(disk).text() + ",xenbr0\n"
         "#run0 = /usr/bin/some-application of " + vm.text() + "\n";
}

}  // namespace

Result<void> write_settings(const Layout& layout, const std::string& link_program) {
  TRY(write_if_absent(layout.clone_folder() / "base.json", "{\n  \"clones\": 4\n}\n"));
  TRY(write_if_absent(layout.configuration() / "policy.d" / "10-sandbox.policy", k_policy));
  return write_if_absent(layout.configuration() / "broker.conf", broker_settings(layout, link_program));
}

asio::awaitable<Result<void>> make_original(Layout layout, VmName vm, std::uint64_t disk_size) {
  const std::string disk = (layout.images() / (vm.text() + "-root.qcow2")).string();
  std::error_code error;
  if (!std::filesystem::exists(disk, error)) {
    std::vector<std::string> arguments{"qemu-img", "create", "-q", "-f", "qcow2"};
    arguments.push_back(disk);
    arguments.push_back(std::to_string(disk_size));
    const auto made = co_await run_checked(std::move(arguments), Errc::storage);
    if (!made) co_return with_context(made.error(), "cannot make the disk of '" + vm.text() + "'");
  }
  CO_TRY(write_if_absent(layout.vm_file(vm), vm_text(vm, disk)));
  co_return write_if_absent(layout.clone_folder() / "guest" / (vm.text() + ".conf"),
                            "# This file lets " + vm.text() + " have clones; what it sets overrides ../base.json.\n");
}

Result<std::vector<VmName>> originals(const Layout& layout) {
  TRY(const auto files, list_files(layout.xl_folder()));
  std::vector<VmName> vms;
  for (const std::string& file : files) {
    const std::filesystem::path path(file);
    if (path.extension() != ".cfg") continue;
    auto vm = VmName::parse(path.stem().string());
    if (!vm) return fail(Errc::configuration, vm.error().message, (layout.xl_folder() / file).string());
    vms.push_back(std::move(vm.value()));
  }
  return vms;
}

}  // namespace zynclone::sandbox
