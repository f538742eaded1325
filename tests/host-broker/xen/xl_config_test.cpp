#include "host-broker/xen/xl_config.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "system/file.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::broker::xen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

XlConfig golden(const std::string& name) {
  const std::string file = std::string(TEST_SOURCE_DIR) + "/tests/host-broker/xen/golden/" + name;
  return parse_xl_config(read_file(file, 1 << 20).value(), file).value();
}

Result<VmConfig> vm_config(const std::string& text, const std::string& vm = "pos1") {
  TRY(const auto config, parse_xl_config("name = \"pos1\"\n" + text, "/etc/xen/pos1.cfg"));
  return to_vm_config(config, VmName::parse(vm).value(), "/etc/xen/pos1.cfg");
}

TEST(XlConfig, ReadsAPvGuest) {
  const XlConfig config = golden("pv.cfg");
  EXPECT_EQ(config.name, "pos1");
  EXPECT_EQ(config.uuid, "3dd13d21-a41a-45ee-bcf3-f29c4dc9349f");
  ASSERT_EQ(config.disks.size(), 2u);
  EXPECT_EQ(config.disks[0].device, "xvda");
  EXPECT_EQ(config.disks[0].path, "/dev/vg0/pos1-root");
  EXPECT_EQ(config.disks[0].format, "raw");
  EXPECT_TRUE(config.disks[0].writable);
  EXPECT_FALSE(config.disks[0].discard.has_value());
  EXPECT_FALSE(config.disks[1].writable);
  EXPECT_EQ(config.disks[1].discard, true);
  ASSERT_EQ(config.vifs.size(), 1u);
  EXPECT_EQ(config.vifs[0].get("mac"), "00:16:3e:09:00:0b");
  EXPECT_EQ(config.vifs[0].get("rate"), "10Mb/s");
  EXPECT_EQ(config.vifs[0].get("none"), "");
  EXPECT_THAT(config.keys, UnorderedElementsAre("pci"));
  EXPECT_EQ(config.framebuffers.size(), 1u);
}

TEST(XlConfig, ReadsAnHvmGuest) {
  const XlConfig config = golden("hvm.cfg");
  ASSERT_EQ(config.disks.size(), 3u);
  EXPECT_EQ(config.disks[0].format, "qcow2");
  EXPECT_TRUE(config.disks[1].cdrom);
  EXPECT_EQ(config.disks[2].path, "/var/lib/xen/images/pos2 data,1.img");
  EXPECT_EQ(config.disks[2].backend_type, "qdisk");
  EXPECT_TRUE(config.disks[2].direct_io_safe);
  ASSERT_EQ(config.vifs.size(), 2u);
  EXPECT_TRUE(config.vifs[0].options.empty());
  EXPECT_EQ(config.vifs[1].index, 1u);
  EXPECT_EQ(config.serial, "/dev/ttyS0");
  EXPECT_TRUE(config.keys.contains("usbdevice"));
  EXPECT_TRUE(config.keys.contains("vtpm"));
}

TEST(XlConfig, ALaterAssignmentCounts) {
  auto config = parse_xl_config("name=\"a\"\ndisk=[\"/dev/vg/a,,xvda,w\"]\nname=\"b\"\ndisk=[]\n", "f");
  ASSERT_OK(config);
  EXPECT_EQ(config.value().name, "b");
  EXPECT_TRUE(config.value().disks.empty());
}

TEST(XlConfig, MistakesNameFileAndCause) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"disk = [", "syntax error"},
      {"name = \"x", "lexical error"},
      {"disk = \"/dev/vg/a,,xvda,w\"", "'disk' is no list"},
      {"disk = [ [\"a\"] ]", "is no text"},
      {"disk = [\"phy:/dev/x,xvda,q\"]", "unknown value for access"},
      {"disk = [\"format=nonsense,vdev=xvda,access=rw,target=/x\"]", "format"},
      {"vif = [\"bridge\"]", "not key=value"},
      {"vif = [\"devid=x\"]", "no number"},
      {"vif = [\"devid=-1\"]", "no number"},
      {std::string("name = \"a\0b\"", 12), "NUL"},
      {"# " + std::string(1 << 20, 'x'), "longer than"}};
  for (const auto& [text, cause] : cases) {
    auto config = parse_xl_config(text, "/etc/xen/pos1.cfg");
    ASSERT_FAILS(config, Errc::configuration) << text.substr(0, 80);
    EXPECT_THAT(config.error().message, AllOf(HasSubstr("'/etc/xen/pos1.cfg'"), HasSubstr(cause)));
  }
}

TEST(XlConfig, TooManyDevicesAreAnError) {
  std::string text = "vif = [";
  for (int i = 0; i < 300; ++i) text += "\"\",";
  EXPECT_FAILS(parse_xl_config(text + "]", "f"), Errc::configuration);
}

TEST(VmConfigOf, DisksAndInterfaces) {
  auto config = to_vm_config(golden("hvm.cfg"), VmName::parse("pos2").value(), "/etc/xen/pos2.cfg");
  ASSERT_OK(config);
  EXPECT_EQ(config.value().file, "/etc/xen/pos2.cfg");
  EXPECT_EQ(config.value().uuid->text(), "c9b6b98a-3c36-4755-9996-dcd160236d48");
  const auto& disks = config.value().disks;
  ASSERT_EQ(disks.size(), 3u);
  EXPECT_EQ(disks[0].volume, (Volume{VolumeFormat::qcow2, "/var/lib/xen/images/pos2.qcow2"}));
  EXPECT_TRUE(disks[0].writable);
  EXPECT_FALSE(disks[1].writable);
  EXPECT_EQ(disks[2].volume.format, VolumeFormat::raw);
  ASSERT_EQ(config.value().vifs.size(), 2u);
  EXPECT_EQ(config.value().vifs[0].backend, "0");
  EXPECT_EQ(config.value().vifs[1].backend, "znetdd");
  EXPECT_EQ(config.value().vifs[1].bridge, "xenbr1");
}

TEST(VmConfigOf, AnInterfacesOwnName) {
  auto config = vm_config(R"(vif = ["vifname=till-lan", "bridge=xenbr0", "vifname=no name", "vifname=till-emu", "vifname=longer-than-a-kernel-takes"])");
  ASSERT_OK(config);
  std::vector<std::string> names;
  for (const VmVif& vif : config.value().vifs) names.push_back(vif.interface);
  EXPECT_THAT(names, ElementsAre("till-lan", "", "", "", ""));
}

TEST(VmConfigOf, EveryWayToNameAVolume) {
  auto config = vm_config(R"(disk = ["phy:/dev/vg0/a,xvda,w", "phy:vg0/b,xvdb,w", "/dev/mapper/vg0-c,,xvdc,w", "file:/images/d.img,xvdd,w",
                                     "tap:qcow2:/images/e.qcow2,xvde,w", "format=raw,vdev=xvdf,devtype=cdrom,access=ro,target="])");
  ASSERT_OK(config);
  std::vector<std::string> volumes;
  for (const VmDisk& disk : config.value().disks)
    volumes.push_back(disk.device + " " + std::string(to_string(disk.volume.format)) + " " + disk.volume.path);
  EXPECT_THAT(volumes, ElementsAre("xvda lvm-thin /dev/vg0/a", "xvdb lvm-thin /dev/vg0/b", "xvdc lvm-thin /dev/mapper/vg0-c",
                                   "xvdd raw /images/d.img", "xvde qcow2 /images/e.qcow2"));
  EXPECT_FALSE(config.value().uuid.has_value());
}

TEST(VmConfigOf, WritableDisksOfWhichNoCopyCanBeMadeAreRefused) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"vdev=xvda,access=rw,script=block-drbd,target=r0", "script 'block-drbd'"},
      {"drbd:r0,xvda,w", "script 'block-drbd'"},
      {"vdev=xvda,access=rw,backend=zstoragedd,target=/dev/vg0/a", "domain 'zstoragedd'"},
      {"format=vhd,vdev=xvda,access=rw,target=/images/a.vhd", "format is vhd"},
      {"format=qcow2,vdev=xvda,access=rw,target=images/a.qcow2", "not absolute"}};
  for (const auto& [disk, cause] : cases) {
    auto config = vm_config("disk = [\"" + disk + "\"]\n");
    ASSERT_FAILS(config, Errc::configuration) << disk;
    EXPECT_THAT(config.error().message, AllOf(HasSubstr(cause), HasSubstr("'xvda'"), HasSubstr("/etc/xen/pos1.cfg")));
    EXPECT_EQ(config.error().place, "/etc/xen/pos1.cfg");
  }
  EXPECT_OK(vm_config("disk = [\"format=vhd,vdev=xvda,access=ro,target=/images/a.vhd\"]\n"));
}

TEST(VmConfigOf, AnotherVmsFileIsRefused) {
  auto config = vm_config("", "pos2");
  ASSERT_FAILS(config, Errc::configuration);
  EXPECT_THAT(config.error().message, AllOf(HasSubstr("VM 'pos2'"), HasSubstr("name 'pos1'")));
  EXPECT_FAILS(vm_config("uuid = \"no uuid\"\n"), Errc::configuration);
}

}  // namespace
}  // namespace zynclone::broker::xen
