#include "host-broker/xen/xl_peripherals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/host-broker/sandbox/store/running_store.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone {
namespace broker::xen {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

// A control domain with guests 7 and 8, which have a QEMU each, the fake xl, and a kernel whose /sys is a folder.
class XlPeripheralsTest : public testing::Test {
 protected:
  XlPeripheralsTest() {
    ::setenv("XENSTORED_PATH", store_.socket_of({0}).c_str(), 1);
    const std::string program = std::string(TEST_BINARY_DIR) + "/bin/fake_xl_usb";
    folder_.write_program("xl", "#!/bin/sh\nXENSTORED_PATH=" + store_.socket_of({0}) + " exec " + program + " " + folder_.path().string() + " \"$@\"\n");
    for (const char* name : {"usb", "nodes", "pci"}) std::filesystem::create_directory(folder_ / name);
    for (const std::string guest : {"7", "8"}) {
      store_.add_guest({static_cast<std::uint32_t>(std::stoul(guest))});
      write("/libxl/" + guest + "/type", "pv");
      write("/local/domain/0/device-model/" + guest + "/state", "running");
    }
    plug("1-1", "04b8:0202", "X1", 2);
  }

  // In `bus 1`. A hub has the class 09.
  void plug(const std::string& port, const std::string& product, const std::string& serial, unsigned address, const std::string& device_class = "00") {
    const auto device = folder_ / "usb" / port;
    std::filesystem::create_directories(device);
    const auto file = [&](const char* name, const std::string& text) { folder_.write("usb/" + port + "/" + name, text + "\n"); };
    file("idVendor", product.substr(0, 4));
    file("idProduct", product.substr(5));
    file("busnum", "1");
    file("devnum", std::to_string(address));
    file("bDeviceClass", device_class);
    if (!serial.empty()) file("serial", serial);
  }
  void unplug(const std::string& port) { std::filesystem::remove_all(folder_ / "usb" / port); }
  void pretend(const std::string& behaviour) { folder_.write("behaviour", behaviour); }
  xenstore::Store open() { return xenstore::Store::open(context_.get_executor()).value(); }
  void write(const std::string& path, const std::string& value) { ASSERT_OK(open().write(path, value)); }
  std::string read(const std::string& path) { return open().read(path).value().value_or("none"); }
  std::string calls() { return folder_.read("calls"); }

  static Peripheral usb(const std::string& device = "04b8:0202") { return parse_peripheral("printer", "usb," + device).value(); }
  static Peripheral pci() { return parse_peripheral("card", "pci,03:00.0").value(); }
  template <class T>
  T run(asio::awaitable<T> work) {
    return tests::run_on(context_, std::move(work));
  }
  Result<void> attach(DomainId domain, const Peripheral& peripheral, Deadline limit = 2s) { return run(peripherals_.attach(domain, peripheral, limit)); }
  Result<void> detach(DomainId domain, const Peripheral& peripheral, Deadline limit = 2s) { return run(peripherals_.detach(domain, peripheral, limit)); }
  std::string place(const Peripheral& peripheral) {
    const auto found = run(peripherals_.find(peripheral));
    if (!found) return found.error().message;
    if (!found.value()) return "unplugged";
    return found.value()->location + (found.value()->holder ? " domain " + std::to_string(found.value()->holder->value) : "");
  }
  const std::string port_ = "/local/domain/0/backend/qusb/7/0/port/1";

  sandbox::RunningStore store_;
  tests::TemporaryFolder folder_;
  asio::io_context context_{1};
  asio::thread_pool pool_{2};
  XlPeripherals peripherals_{pool_,
                             {.xl = (folder_ / "xl").string(), .usb_devices = (folder_ / "usb").string(), .usb_nodes = (folder_ / "nodes").string(),
                              .pci_devices = (folder_ / "pci").string(), .qemu_folder = folder_.path().string()}};
};

TEST_F(XlPeripheralsTest, ADeviceIsFoundByProductSerialAndPort) {
  plug("1-1.4", "04b8:0202", "X2", 3);
  plug("1-2", "1d6b:0002", "", 4, "09");
  EXPECT_EQ(place(usb("04b8:0202:X2")), "bus 1 address 3 (port 1-1.4)");
  EXPECT_EQ(place(usb("1-1")), "bus 1 address 2 (port 1-1)");
  EXPECT_EQ(place(usb("04b8:0203")), "unplugged");
  EXPECT_EQ(place(usb("1-2")), "unplugged") << "nobody is given a hub";
  const auto several = run(peripherals_.find(usb()));
  ASSERT_FAILS(several, Errc::conflict);
  EXPECT_EQ(several.error().message, "cannot tell which device peripheral 'printer' (04b8:0202) is: bus 1 address 2 (port 1-1), bus 1 address 3 (port 1-1.4) fit; "
                                     "name its serial number or its port");
}

TEST_F(XlPeripheralsTest, WithoutAnyUsbNothingIsPluggedIn) {
  std::filesystem::remove_all(folder_ / "usb");
  EXPECT_EQ(place(usb()), "unplugged");
  EXPECT_FAILS(attach({7}, usb()), Errc::not_found);
}

TEST_F(XlPeripheralsTest, XlIsToldWhatToAttachAndDetach) {
  ASSERT_OK(attach({7}, usb()));
  EXPECT_EQ(calls(), "xl usbctrl-attach 7 version=2\nxl usbdev-attach 7 hostbus=1 hostaddr=2 controller=0\n");
  EXPECT_EQ(place(usb()), "bus 1 address 2 (port 1-1) domain 7");
  ASSERT_OK(attach({7}, usb())) << "it is there already";
  ASSERT_OK(detach({7}, usb()));
  EXPECT_THAT(calls(), HasSubstr("xl usbdev-detach 7 0 1\n"));
  EXPECT_EQ(place(usb()), "bus 1 address 2 (port 1-1)");
  ASSERT_OK(detach({7}, usb())) << "it is not there already";
  ASSERT_OK(attach({7}, usb()));
  EXPECT_THAT(calls(), Not(AllOf(HasSubstr("usbctrl-attach"), HasSubstr("controller=1")))) << "the controller stays";
}

TEST_F(XlPeripheralsTest, WhatWasGivenByHandIsSeen) {
  write("/libxl/8/device/vusb/0/backend", "/local/domain/0/backend/qusb/8/0");
  write("/local/domain/0/backend/qusb/8/0/type", "qusb");
  write("/local/domain/0/backend/qusb/8/0/port/3", "1-1");
  EXPECT_EQ(place(usb()), "bus 1 address 2 (port 1-1) domain 8");
  const auto refused = attach({7}, usb());
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_EQ(refused.error().message, "cannot give peripheral 'printer' (04b8:0202) to domain 7: domain 8 has it");
  EXPECT_EQ(calls(), "");
  ASSERT_OK(detach({7}, usb()));
  EXPECT_EQ(calls(), "") << "another's is nobody's business";
}

// An HVM guest's controller is emulated; its ports are the toolstack's own nodes.
TEST_F(XlPeripheralsTest, AnEmulatedControllerNeedsNoDriverOfXens) {
  write("/libxl/7/type", "hvm");
  write("/libxl/7/device/vusb/0/type", "devicemodel");
  write("/libxl/7/device/vusb/0/port/1", "1-1");
  EXPECT_EQ(place(usb()), "bus 1 address 2 (port 1-1) domain 7");
  // Its QEMU is to give the port up, too; that it cannot be asked keeps nobody from having the port cleared.
  unplug("1-1");
  ASSERT_OK(detach({7}, usb()));
  EXPECT_EQ(read("/libxl/7/device/vusb/0/port/1"), "");
}

TEST_F(XlPeripheralsTest, AnHvmGuestsNewControllerTakesSlowDevices) {
  write("/libxl/7/type", "hvm");
  (void)attach({7}, usb());
  EXPECT_THAT(calls(), HasSubstr("xl usbctrl-attach 7 version=3\n"));
}

TEST_F(XlPeripheralsTest, AGuestWithoutTheDriverIsRefusedAndGivenNothing) {
  pretend("no-driver");
  const auto refused = attach({7}, usb(), 200ms);
  ASSERT_FAILS(refused, Errc::refused);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("no driver of the guest has connected"), HasSubstr("CONFIG_USB_XEN_HCD")));
  EXPECT_THAT(calls(), Not(HasSubstr("usbdev-attach")));
  EXPECT_EQ(place(usb()), "bus 1 address 2 (port 1-1)");
}

TEST_F(XlPeripheralsTest, ADomainWithoutQemuIsRefusedWithTheWayRoundIt) {
  ASSERT_OK(open().remove("/local/domain/0/device-model/7"));
  const auto refused = attach({7}, usb());
  ASSERT_FAILS(refused, Errc::refused);
  EXPECT_THAT(refused.error().message, HasSubstr("usbctrl = [\"type=qusb,version=2,ports=8\"]"));
  EXPECT_FAILS(attach({9}, usb()), Errc::not_found);
  EXPECT_EQ(calls(), "");
}

TEST_F(XlPeripheralsTest, WhatXlRefusesIsSaid) {
  pretend("deny");
  const auto refused = attach({7}, usb());
  ASSERT_FAILS(refused, Errc::xen);
  EXPECT_THAT(refused.error().message, HasSubstr("device model required but not running"));
}

// xl knows the device of such a port no more, and gives nothing to anybody before the port is free.
TEST_F(XlPeripheralsTest, AnUnpluggedDevicesPortIsCleared) {
  ASSERT_OK(attach({7}, usb()));
  unplug("1-1");
  EXPECT_EQ(place(usb()), "unplugged");
  ASSERT_OK(detach({8}, usb()));
  EXPECT_EQ(read(port_), "1-1") << "another domain's";
  ASSERT_OK(detach({7}, usb()));
  EXPECT_EQ(read(port_), "");
  EXPECT_THAT(calls(), Not(HasSubstr("usbdev-detach")));
}

TEST_F(XlPeripheralsTest, AnUnpluggedDevicesPortHoldsNobodyElseUp) {
  ASSERT_OK(attach({7}, usb()));
  unplug("1-1");
  plug("1-2", "04b8:0203", "", 3);
  ASSERT_OK(attach({8}, usb("04b8:0203")));
  EXPECT_EQ(read(port_), "");
}

TEST_F(XlPeripheralsTest, UnpluggedWhileItIsTakenIsNoError) {
  ASSERT_OK(attach({7}, usb()));
  pretend("unplug");
  ASSERT_OK(detach({7}, usb()));
  EXPECT_EQ(read(port_), "");
}

TEST_F(XlPeripheralsTest, APortThatKeepsTheDeviceIsWaitedForAndSaid) {
  ASSERT_OK(attach({7}, usb()));
  pretend("linger");
  const auto kept = detach({7}, usb(), 200ms);
  ASSERT_FAILS(kept, Errc::timed_out);
  EXPECT_EQ(kept.error().message, "cannot take peripheral 'printer' (04b8:0202) from domain 7: the toolstack still has it");
}

TEST_F(XlPeripheralsTest, AQemuThatHasItOpenIsWaitedForAndSaid) {
  ASSERT_OK(attach({7}, usb()));
  std::filesystem::create_directory(folder_ / "nodes/001");
  folder_.write("nodes/001/002", "");
  std::FILE* open_there = std::fopen((folder_ / "nodes/001/002").c_str(), "r+");
  ASSERT_NE(open_there, nullptr);
  const auto kept = detach({7}, usb(), 200ms);
  std::fclose(open_there);
  ASSERT_FAILS(kept, Errc::timed_out);
  EXPECT_THAT(kept.error().message, HasSubstr("a QEMU still has it open"));
  ASSERT_OK(detach({7}, usb()));
}

TEST_F(XlPeripheralsTest, PciComesAndGoes) {
  EXPECT_EQ(place(pci()), "unplugged");
  EXPECT_FAILS(attach({7}, pci()), Errc::not_found);
  std::filesystem::create_directory(folder_ / "pci/0000:03:00.0");
  EXPECT_EQ(place(pci()), "0000:03:00.0");
  ASSERT_OK(attach({7}, pci()));
  EXPECT_EQ(calls(), "xl info\nxl pci-assignable-add 0000:03:00.0\nxl pci-attach 7 0000:03:00.0\n");
  EXPECT_EQ(place(pci()), "0000:03:00.0 domain 7");
  EXPECT_FAILS(attach({8}, pci()), Errc::conflict);
  ASSERT_OK(detach({8}, pci()));
  EXPECT_EQ(place(pci()), "0000:03:00.0 domain 7");
  ASSERT_OK(detach({7}, pci()));
  EXPECT_EQ(place(pci()), "0000:03:00.0");
}

TEST_F(XlPeripheralsTest, AnAssignableDeviceIsNotMadeSoAgain) {
  std::filesystem::create_directories(folder_ / "drivers/pciback");
  std::filesystem::create_directory(folder_ / "pci/0000:03:00.0");
  std::filesystem::create_symlink(folder_ / "drivers/pciback", folder_ / "pci/0000:03:00.0/driver");
  ASSERT_OK(attach({7}, pci()));
  EXPECT_THAT(calls(), Not(HasSubstr("pci-assignable-add")));
}

TEST_F(XlPeripheralsTest, WithoutAnIommuPciIsRefusedWithTheReason) {
  std::filesystem::create_directory(folder_ / "pci/0000:03:00.0");
  pretend("no-iommu");
  const auto refused = attach({7}, pci());
  ASSERT_FAILS(refused, Errc::refused);
  EXPECT_THAT(refused.error().message, HasSubstr("no IOMMU"));
  EXPECT_EQ(calls(), "xl info\n");
}

// xl says that all went well, and leaves its nodes.
TEST_F(XlPeripheralsTest, AGuestThatDoesNotTakeAPciDeviceLosesIt) {
  std::filesystem::create_directory(folder_ / "pci/0000:03:00.0");
  pretend("no-driver");
  EXPECT_FAILS(attach({7}, pci(), 200ms), Errc::refused);
  EXPECT_EQ(place(pci()), "0000:03:00.0");
  EXPECT_THAT(calls(), HasSubstr("xl pci-detach 7 0000:03:00.0\n"));
  for (const char* node : {"/local/domain/0/backend/pci/7/0", "/local/domain/7/device/pci/0", "/libxl/7/device/pci/0"}) EXPECT_EQ(read(node), "none") << node;
  pretend("");
  ASSERT_OK(attach({7}, pci()));
}

TEST_F(XlPeripheralsTest, AGuestThatStandsStillLosesAPciDevice) {
  std::filesystem::create_directory(folder_ / "pci/0000:03:00.0");
  ASSERT_OK(attach({7}, pci()));
  pretend("linger");
  ASSERT_OK(detach({7}, pci(), 200ms));
  EXPECT_EQ(place(pci()), "0000:03:00.0");
}

TEST_F(XlPeripheralsTest, ABackendThatKeepsAPciDeviceIsSaid) {
  std::filesystem::create_directory(folder_ / "pci/0000:03:00.0");
  ASSERT_OK(attach({7}, pci()));
  pretend("fail");
  const auto failed = detach({7}, pci(), 200ms);
  ASSERT_FAILS(failed, Errc::xen);
  EXPECT_THAT(failed.error().message, HasSubstr("not attached to this domain"));
  EXPECT_EQ(place(pci()), "0000:03:00.0 domain 7");
}

// Which of several a node is, only libxl knows; the other one is in use.
TEST_F(XlPeripheralsTest, BesideAnotherPciDeviceNothingIsClearedAway) {
  for (const char* address : {"pci/0000:03:00.0", "pci/0000:04:00.0"}) std::filesystem::create_directory(folder_ / address);
  const Peripheral other = parse_peripheral("other", "pci,04:00.0").value();
  ASSERT_OK(attach({7}, other));
  ASSERT_OK(attach({7}, pci()));
  pretend("linger");
  EXPECT_FAILS(detach({7}, pci(), 200ms), Errc::timed_out);
  EXPECT_EQ(place(other), "0000:04:00.0 domain 7");
  pretend("");
  ASSERT_OK(detach({7}, pci()));
  EXPECT_EQ(place(other), "0000:04:00.0 domain 7");
  EXPECT_EQ(place(pci()), "0000:03:00.0");
}

TEST_F(XlPeripheralsTest, ADomainWithoutPassthroughIsSaid) {
  std::filesystem::create_directory(folder_ / "pci/0000:03:00.0");
  pretend("no-passthrough");
  const auto failed = attach({7}, pci());
  ASSERT_FAILS(failed, Errc::xen);
  EXPECT_THAT(failed.error().message, HasSubstr("xc_assign_device failed: Operation not supported; a domain that was started without passthrough = \"enabled\""));
}

}  // namespace
}  // namespace broker::xen
}  // namespace zynclone
