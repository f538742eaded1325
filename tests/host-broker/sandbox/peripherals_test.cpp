#include "host-broker/sandbox/peripherals.hpp"

#include "system/file.hpp"
#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone {
namespace sandbox {
namespace {

class SandboxPeripheralsTest : public SandboxTest {
 protected:
  void plug(const std::string& name, const std::string& text) { ASSERT_OK(write_file_whole(layout.peripherals() / name, text)); }
  DomainId started(const std::string& vm) {
    const auto domain = run(toolstack.start_original(vm_file(vm, "wait", "")));
    EXPECT_OK(domain);
    return domain.value();
  }
  static broker::Peripheral named(const std::string& value) { return broker::parse_peripheral("printer", value).value(); }
  Result<void> attach(DomainId domain, const std::string& value) { return run(peripherals.attach(domain, named(value), std::chrono::seconds(1))); }
  Result<void> detach(DomainId domain, const std::string& value) { return run(peripherals.detach(domain, named(value), std::chrono::seconds(1))); }
  std::optional<broker::PeripheralPlace> find(const std::string& value) {
    const auto found = run(peripherals.find(named(value)));
    EXPECT_OK(found);
    return found ? found.value() : std::nullopt;
  }
  std::filesystem::path shown(DomainId domain) { return layout.devices(domain) / "peripheral-printer"; }

  SandboxPeripherals peripherals{layout};
};

TEST_F(SandboxPeripheralsTest, AFileIsAPlug) {
  EXPECT_FALSE(find("usb,04b8:0202"));
  plug("printer", "device = usb,04B8:0202\nserial = X1\nport = 1-1.4\n");
  plug("card", "device = pci,03:00.0\n");
  for (const char* value : {"usb,04b8:0202", "usb,04b8:0202:X1", "usb,1-1.4", "pci,0000:03:00.0"}) EXPECT_TRUE(find(value)) << value;
  for (const char* value : {"usb,04b8:0202:X2", "usb,1-1", "pci,0000:03:00.1"}) EXPECT_FALSE(find(value)) << value;
  EXPECT_NE(find("usb,1-1.4")->location.find("pretended"), std::string::npos);
  EXPECT_FALSE(find("usb,1-1.4")->holder);
  plug("spare", "device = usb,04b8:0202\nserial = X2\n");
  EXPECT_FAILS(run(peripherals.find(named("usb,04b8:0202"))), Errc::conflict);
  plug("spare", "device = usb,04b8\n");
  const auto wrong = run(peripherals.find(named("usb,1-1")));
  ASSERT_FAILS(wrong, Errc::configuration);
  EXPECT_EQ(wrong.error().place, (layout.peripherals() / "spare").string() + ":1");
}

TEST_F(SandboxPeripheralsTest, OneDomainHasItAtATime) {
  plug("printer", "device = usb,04b8:0202\n");
  const DomainId one = started("pos1");
  const DomainId other = started("pos2");
  ASSERT_OK(attach(one, "usb,04b8:0202"));
  ASSERT_OK(attach(one, "usb,04b8:0202"));
  EXPECT_TRUE(std::filesystem::exists(shown(one)));
  EXPECT_EQ(find("usb,04b8:0202")->holder, one);
  EXPECT_FAILS(attach(other, "usb,04b8:0202"), Errc::conflict);
  ASSERT_OK(detach(other, "usb,04b8:0202"));
  EXPECT_EQ(find("usb,04b8:0202")->holder, one);
  ASSERT_OK(detach(one, "usb,04b8:0202"));
  EXPECT_FALSE(find("usb,04b8:0202")->holder);
  ASSERT_OK(attach(other, "usb,04b8:0202"));
  EXPECT_EQ(find("usb,04b8:0202")->holder, other);
}

TEST_F(SandboxPeripheralsTest, WhatIsUnpluggedIsNobodys) {
  plug("printer", "device = usb,04b8:0202\n");
  const DomainId domain = started("pos1");
  ASSERT_OK(attach(domain, "usb,04b8:0202"));
  std::filesystem::remove(layout.peripherals() / "printer");
  EXPECT_FALSE(find("usb,04b8:0202"));
  EXPECT_FAILS(attach(domain, "usb,04b8:0202"), Errc::not_found);
  ASSERT_OK(detach(domain, "usb,04b8:0202"));
  EXPECT_FALSE(std::filesystem::is_symlink(shown(domain)));
}

TEST_F(SandboxPeripheralsTest, ADomainThatEndsHasNothingMore) {
  plug("printer", "device = usb,04b8:0202\n");
  const DomainId domain = started("pos1");
  ASSERT_OK(attach(domain, "usb,04b8:0202"));
  ASSERT_OK(run(toolstack.destroy(domain)));
  EXPECT_FALSE(find("usb,04b8:0202")->holder);
  EXPECT_FAILS(attach(domain, "usb,04b8:0202"), Errc::xen);
}

}  // namespace
}  // namespace sandbox
}  // namespace zynclone
