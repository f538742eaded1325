// Block devices on a real Xen host, where ZYNCLONE_TEST_XEN_GUESTS names two running Linux guests, as pos1,pos2, and ZYNCLONE_TEST_THIN_POOL a
// thin pool, as vg0/pool, in which volumes are made and removed again. The guests' own disks are not touched. zynclone-disk lies beside this program.

#include <cstdlib>
#include <filesystem>
#include <set>

#include "host-broker/xen/libxl.hpp"
#include "host-broker/xen/xl_block_devices.hpp"
#include "system/process.hpp"
#include "tests/host-broker/ports/block_devices_contract.hpp"

namespace zynclone::tests {
namespace {

class XlWorld : public BlockDevicesWorld {
 public:
  XlWorld() : group_(text_of("ZYNCLONE_TEST_THIN_POOL")), hypervisor_(broker::xen::Libxl::create().value()) {
    group_.resize(group_.find('/'));
    const std::string guests = text_of("ZYNCLONE_TEST_XEN_GUESTS");
    const auto comma = guests.find(',');
    first_ = id_of(guests.substr(0, comma));
    second_ = id_of(guests.substr(comma + 1));
  }
  ~XlWorld() override {
    for (const std::string& name : made_) {
      const broker::Volume volume{broker::VolumeFormat::lvm_thin, path_of(name)};
      const auto attachments = run_on(context_, devices_.attachments_of(volume));
      EXPECT_OK(attachments);
      for (const auto& attachment : attachments.value())
        EXPECT_OK(run_on(context_, devices_.detach(attachment.domain, {.device = attachment.device, .volume = volume}, broker::Detach::force,
                                                   std::chrono::seconds(30))));
      command({"lvremove", "-f", path_of(name)});
    }
  }
  asio::io_context& context() override { return context_; }
  broker::BlockDevices& devices() override { return devices_; }
  DomainId first() override { return first_; }
  DomainId second() override { return second_; }
  broker::Volume volume(const std::string& name) override {
    if (made_.insert(name).second) command({"lvcreate", "-q", "-V", "16M", "-T", text_of("ZYNCLONE_TEST_THIN_POOL"), "-n", "zynclone-test-" + name});
    return {broker::VolumeFormat::lvm_thin, path_of(name)};
  }

 private:
  static broker::xen::BlockDeviceSettings settings() {
    broker::xen::BlockDeviceSettings settings;
    settings.program = (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "zynclone-disk").string();
    return settings;
  }
  static std::string text_of(const char* variable) {
    const char* text = std::getenv(variable);
    return text != nullptr ? text : "";
  }
  std::string path_of(const std::string& name) const { return "/dev/" + group_ + "/zynclone-test-" + name; }
  void command(std::vector<std::string> arguments) { EXPECT_OK(run_on(context_, run_checked(std::move(arguments), Errc::storage))); }
  DomainId id_of(const std::string& name) {
    const auto domains = run_on(context_, hypervisor_->list());
    EXPECT_OK(domains);
    for (const auto& domain : domains.value())
      if (domain.name == name) return domain.id;
    ADD_FAILURE() << "guest '" << name << "' does not run";
    return {};
  }

  std::string group_;
  std::set<std::string> made_;
  asio::io_context context_{1};
  asio::thread_pool pool_{2};
  std::unique_ptr<broker::xen::Libxl> hypervisor_;
  broker::xen::XlBlockDevices devices_{pool_, settings()};
  DomainId first_;
  DomainId second_;
};

std::unique_ptr<BlockDevicesWorld> make_world() {
  if (std::getenv("ZYNCLONE_TEST_XEN_GUESTS") == nullptr || std::getenv("ZYNCLONE_TEST_THIN_POOL") == nullptr) return nullptr;
  return std::make_unique<XlWorld>();
}

INSTANTIATE_TEST_SUITE_P(Xl, BlockDevicesContract, testing::Values(&make_world));

}  // namespace
}  // namespace zynclone::tests
