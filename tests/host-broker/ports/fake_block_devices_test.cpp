#include "tests/host-broker/ports/block_devices_contract.hpp"
#include "tests/support/fake_block_devices.hpp"

namespace zynclone::tests {
namespace {

class FakeWorld : public BlockDevicesWorld {
 public:
  asio::io_context& context() override { return context_; }
  broker::BlockDevices& devices() override { return devices_; }
  DomainId first() override { return {1}; }
  DomainId second() override { return {2}; }
  broker::Volume volume(const std::string& name) override { return {broker::VolumeFormat::lvm_thin, "/dev/vg0/" + name}; }

 private:
  asio::io_context context_{1};
  FakeBlockDevices devices_;
};

std::unique_ptr<BlockDevicesWorld> make_world() { return std::make_unique<FakeWorld>(); }

INSTANTIATE_TEST_SUITE_P(Fake, BlockDevicesContract, testing::Values(&make_world));

}  // namespace
}  // namespace zynclone::tests
