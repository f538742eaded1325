#include <gtest/gtest.h>

#include <algorithm>

#include "host-broker/configuration/file_configuration.hpp"
#include "host-broker/ports/peripherals.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::configuration {
namespace {

class PeripheralSettingsTest : public ::testing::Test {
 protected:
  PeripheralSettingsTest() {
    std::filesystem::create_directory(folder_ / "guest");
    std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
    std::filesystem::permissions(folder_ / "guest", std::filesystem::perms(0755));
  }
  void write(const std::string& vm, const std::string& text) {
    const std::string file = folder_.write("guest/" + vm + ".conf", text);
    std::filesystem::permissions(file, std::filesystem::perms(0644));
  }
  std::vector<std::string> mistakes() {
    std::vector<std::string> texts;
    for (const Error& error : configuration_.check({})) texts.push_back(std::filesystem::path(error.place).filename().string() + ": " + error.message);
    return texts;
  }

  tests::TemporaryFolder folder_;
  FileConfiguration configuration_{folder_.path(), folder_.path()};
  VmName vm_ = VmName::parse("pos1").value();
};

TEST_F(PeripheralSettingsTest, AreReadAndShown) {
  write("pos1", "peripheral.printer = usb,04B8:0202\nperipheral.scanner = usb,0627:0001:SC 1\nperipheral.drawer = usb,1-1.4\nperipheral.card = pci,03:00.0\n");
  const auto config = configuration_.guest(vm_);
  ASSERT_OK(config);
  ASSERT_EQ(config.value().peripherals.size(), 4u);
  EXPECT_EQ(config.value().peripherals[0].name.text(), "printer");
  EXPECT_EQ(config.value().peripherals[0].kind, protocol::PeripheralKind::usb);
  EXPECT_EQ(config.value().peripherals[0].device, "04b8:0202");
  EXPECT_EQ(config.value().peripherals[1].device, "0627:0001:SC 1");
  EXPECT_EQ(config.value().peripherals[2].device, "1-1.4");
  EXPECT_EQ(config.value().peripherals[3].kind, protocol::PeripheralKind::pci);
  EXPECT_EQ(config.value().peripherals[3].device, "0000:03:00.0");
  const auto explained = configuration_.explain(vm_);
  ASSERT_OK(explained);
  const auto shown = std::find_if(explained.value().begin(), explained.value().end(), [](const ConfigValue& value) { return value.key == "peripheral.card"; });
  ASSERT_NE(shown, explained.value().end());
  EXPECT_EQ(shown->value, "pci,0000:03:00.0");
  EXPECT_EQ(shown->place, (folder_ / "guest/pos1.conf").string() + ":4");
  EXPECT_TRUE(mistakes().empty());
}

TEST_F(PeripheralSettingsTest, ADeviceIsNamedOnce) {
  write("pos1", "peripheral.a = usb,04b8:0202\nperipheral.b = usb,04b8:0202:X1\nperipheral.c = usb,04b8:0203\n");
  EXPECT_EQ(mistakes(), std::vector<std::string>{"pos1.conf:2: cannot use peripheral.b 'usb,04b8:0202:X1': peripheral.a is the same device"});
  EXPECT_FAILS(configuration_.guest(vm_), Errc::configuration);
}

TEST_F(PeripheralSettingsTest, ADeviceBelongsToOneVm) {
  write("pos1", "peripheral.printer = pci,03:00.0\n");
  write("pos2", "clones = 1\nperipheral.other = pci,0000:03:00.0\n");
  const auto found = mistakes();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], "pos1.conf:1: cannot use peripheral.printer 'pci,0000:03:00.0': VM 'pos2' names it too (" + (folder_ / "guest/pos2.conf").string() +
                          ":2); a device belongs to one VM and its clones");
  EXPECT_EQ(found[1].substr(0, 12), "pos2.conf:2:");
  // Two of one kind, told apart by their serial numbers; a port may have any device.
  write("pos1", "peripheral.printer = usb,04b8:0202:X1\nperipheral.at = usb,1-1\n");
  write("pos2", "peripheral.printer = usb,04b8:0202:X2\n");
  EXPECT_TRUE(mistakes().empty());
}

TEST_F(PeripheralSettingsTest, StandInTheGuestsFileOnly) {
  const auto errors = check_base_text("{\n\"peripheral.a\": \"usb,1-1\"\n}");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].message, "cannot use key 'peripheral.a' here: it is allowed in guest/<vm>.conf");
}

Peripheral peripheral(const std::string& device) { return parse_peripheral("x", "usb," + device).value(); }

TEST(Peripheral, FitsByProductSerialOrPort) {
  const UsbIdentity printer{.product = "04b8:0202", .serial = "X1", .port = "1-1.4"};
  for (const char* fitting : {"04b8:0202", "04b8:0202:X1", "1-1.4"}) EXPECT_TRUE(fits(peripheral(fitting), printer)) << fitting;
  for (const char* other : {"04b8:0203", "04b8:0202:X", "04b8:0202:X11", "1-1", "1-1.40"}) EXPECT_FALSE(fits(peripheral(other), printer)) << other;
  EXPECT_FALSE(fits(peripheral("04b8:0202:X1"), {.product = "04b8:0202", .serial = "", .port = "1-1"}));
  EXPECT_FALSE(fits(parse_peripheral("x", "pci,03:00.0").value(), printer));
}

}  // namespace
}  // namespace zynclone::broker::configuration
