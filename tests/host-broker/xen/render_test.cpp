#include "host-broker/xen/render.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "host-broker/ports/family.hpp"
#include "system/file.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::broker::xen {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string golden_file(const std::string& name) { return std::string(TEST_SOURCE_DIR) + "/tests/host-broker/xen/golden/" + name; }
std::string golden_text(const std::string& name) { return read_file(golden_file(name), 1 << 20).value(); }

Result<std::string> render(const std::string& original_text, const CloneDomain& clone) {
  TRY(const auto original, parse_xl_config(original_text, "original"));
  return render_clone(original_text, original, clone);
}

CloneDomain pv_clone() {
  return {.original_file = "/etc/xen/pos1.cfg",
          .name = "pos1.upgrade-1",
          .uuid = Uuid::parse("0b6a3b0e-6f4e-8b1c-9d0d-5f2f6f0d2c11").value(),
          .disks = {{"xvda", {VolumeFormat::lvm_thin, "/dev/vg0/pos1-root.01copy"}, true}, {"xvdb", {VolumeFormat::lvm_thin, "/dev/vg0/catalogue"}, false}},
          .vifs = {{.index = 0, .mac = "00:16:3e:11:22:33", .bridge = "xenbr0", .backend = "0", .interface = "zc0b6a3b.0"}}};
}

CloneDomain hvm_clone() {
  return {.original_file = "/etc/xen/pos2.cfg",
          .name = "pos2.test",
          .uuid = Uuid::parse("7c6a3b0e-6f4e-8b1c-9d0d-5f2f6f0d2c22").value(),
          .disks = {{"xvda", {VolumeFormat::qcow2, "/var/lib/xen/images/pos2.qcow2.01copy"}, true},
                    {"hdc", {VolumeFormat::raw, "/var/lib/xen/images/drivers.iso"}, false},
                    {"xvdb", {VolumeFormat::raw, "/var/lib/xen/images/pos2 data,1.img.01copy"}, true}},
          .vifs = {{.index = 0, .mac = "00:16:3e:11:22:44", .bridge = "", .backend = "0", .interface = "zc7c6a3b.0"},
                   {.index = 1, .mac = "00:16:3e:11:22:55", .bridge = "xenbr1", .backend = "znetdd", .interface = "zc7c6a3b.1"}}};
}

// To write them anew after a change that is meant: ZYNCLONE_WRITE_GOLDEN=1.
void expect_golden(const std::string& name, const std::string& text) {
  if (std::getenv("ZYNCLONE_WRITE_GOLDEN") != nullptr) {
    ASSERT_OK(write_file_whole(golden_file(name), text, 0644));
  }
  EXPECT_EQ(text, golden_text(name));
}

TEST(Render, APvClone) {
  auto text = render(golden_text("pv.cfg"), pv_clone());
  ASSERT_OK(text);
  expect_golden("pv.clone.cfg", text.value());
}

// A live clone has its own copy of a shared volume, which is in no configuration.
TEST(Render, ADiskOfItsOwnThatTheOriginalsFileDoesNotName) {
  CloneDomain clone = pv_clone();
  clone.disks.push_back({"xvds", {VolumeFormat::qcow2, "/images/sales.qcow2.01copy"}, true});
  auto text = render(golden_text("pv.cfg"), clone);
  ASSERT_OK(text);
  EXPECT_THAT(text.value(), HasSubstr("\"format=qcow2,vdev=xvds,access=rw,target=/images/sales.qcow2.01copy\""));
}

TEST(Render, AnHvmClone) {
  auto text = render(golden_text("hvm.cfg"), hvm_clone());
  ASSERT_OK(text);
  expect_golden("hvm.clone.cfg", text.value());
}

// What xl's own parser makes of the text.
TEST(Render, XlReadsTheCloneAndNothingExclusiveOfTheOriginal) {
  auto text = render(golden_text("hvm.cfg"), hvm_clone());
  ASSERT_OK(text);
  auto config = parse_xl_config(text.value(), "clone");
  ASSERT_OK(config);
  EXPECT_EQ(config.value().name, "pos2.test");
  EXPECT_EQ(config.value().uuid, "7c6a3b0e-6f4e-8b1c-9d0d-5f2f6f0d2c22");
  ASSERT_EQ(config.value().disks.size(), 3u);
  EXPECT_EQ(config.value().disks[0].path, "/var/lib/xen/images/pos2.qcow2.01copy");
  EXPECT_EQ(config.value().disks[0].format, "qcow2");
  EXPECT_TRUE(config.value().disks[0].writable);
  EXPECT_TRUE(config.value().disks[1].cdrom);
  EXPECT_FALSE(config.value().disks[1].writable);
  EXPECT_EQ(config.value().disks[2].path, "/var/lib/xen/images/pos2 data,1.img.01copy");
  EXPECT_EQ(config.value().disks[2].backend_type, "qdisk");
  EXPECT_TRUE(config.value().disks[2].direct_io_safe);
  ASSERT_EQ(config.value().vifs.size(), 2u);
  EXPECT_EQ(config.value().vifs[1].get("vifname"), "zc7c6a3b.1");
  EXPECT_EQ(config.value().vifs[1].get("mac"), "00:16:3e:11:22:55");
  EXPECT_EQ(config.value().vifs[1].get("model"), "e1000");
  EXPECT_EQ(config.value().serial, "pty");
  EXPECT_THAT(config.value().usb_devices, testing::ElementsAre("tablet"));
  for (const char* gone : {"host:04b8", "/dev/ttyS0", "pos2.sock", "2f8-2ff", "/srv/share", "vtpm2"})
    EXPECT_THAT(text.value().substr(golden_text("hvm.cfg").size()), Not(HasSubstr(gone)));
}

// Devices of the host can be one domain's only; controllers are virtual, and a peripheral needs one to be given to the clone.
TEST(Render, DevicesOfTheHostAreNoClonesButUsbControllersAre) {
  const std::string original = golden_text("pv.cfg") + "pci = [\"0000:03:00.0,permissive=1\", \"04:00.0\"]\nusbctrl = [\"type=qusb,version=2,ports=8\"]\n"
                               "usbdev = [\"type=hostdev,hostbus=1,hostaddr=3\"]\ndtdev = [\"/soc/usb\"]\nusbdevice = \"host:04b8:0202\"\n";
  const auto before = parse_xl_config(original, "original");
  ASSERT_OK(before);
  EXPECT_THAT(before.value().passed_pci, testing::ElementsAre("0000:03:00.0,permissive=1", "04:00.0"));
  EXPECT_THAT(before.value().passed_usb, testing::ElementsAre("type=hostdev,hostbus=1,hostaddr=3"));
  auto text = render(original, pv_clone());
  ASSERT_OK(text);
  const auto config = parse_xl_config(text.value(), "clone");
  ASSERT_OK(config);
  EXPECT_THAT(config.value().passed_pci, testing::IsEmpty());
  EXPECT_THAT(config.value().passed_usb, testing::IsEmpty());
  EXPECT_THAT(config.value().usb_devices, testing::IsEmpty());
  EXPECT_THAT(config.value().usb_controllers, testing::ElementsAre("type=qusb,version=2,ports=8"));
  EXPECT_THAT(text.value(), HasSubstr("dtdev = []\n"));
}

TEST(Render, InterfacesOfTheOriginalThatTheCloneLacksAreGone) {
  CloneDomain clone = hvm_clone();
  clone.vifs.clear();
  clone.disks.clear();
  auto text = render(golden_text("hvm.cfg"), clone);
  ASSERT_OK(text);
  auto config = parse_xl_config(text.value(), "clone");
  ASSERT_OK(config);
  EXPECT_TRUE(config.value().vifs.empty());
  EXPECT_TRUE(config.value().disks.empty());
}

TEST(Render, ACopyOfAnotherFormatIsNamedByItsOwn) {
  CloneDomain clone = pv_clone();
  clone.disks[0].volume = {VolumeFormat::qcow2, "/images/copy.qcow2"};
  auto text = render(golden_text("pv.cfg"), clone);
  ASSERT_OK(text);
  EXPECT_THAT(text.value(), HasSubstr("\"format=qcow2,vdev=xvda,access=rw,target=/images/copy.qcow2\""));
}

// Nothing that is put in may end its quotes, its entry or its line.
TEST(Render, HostileValuesAreRefused) {
  const std::vector<std::string> hostile = {"a\"b", "a'b", "a\\b", "a\nb", std::string("a\0b", 3), "a\x1b[2Jb", "a\x7f", "\xc3\xa4", "a\rb", "a\tb"};
  const auto expect_refused = [](const CloneDomain& clone, const std::string& value) {
    EXPECT_FAILS(render(golden_text("pv.cfg"), clone), Errc::configuration) << value;
  };
  for (const std::string& value : hostile) {
    CloneDomain clone = pv_clone();
    clone.disks[0].volume.path = "/dev/vg0/" + value;
    expect_refused(clone, value);
    clone = pv_clone();
    clone.vifs[0].bridge = value;
    expect_refused(clone, value);
    clone = pv_clone();
    clone.vifs[0].backend = value;
    expect_refused(clone, value);
    clone = pv_clone();
    clone.disks[0].device = value;
    expect_refused(clone, value);
  }
}

TEST(Render, HostileNamesAreRefused) {
  for (const std::string& value : {std::string(), std::string("a b"), std::string("a\"\nname=\"Domain-0"), std::string("-a"), std::string(128, 'x')}) {
    CloneDomain clone = pv_clone();
    clone.name = value;
    EXPECT_FAILS(render(golden_text("pv.cfg"), clone), Errc::invalid_argument) << value;
    clone = pv_clone();
    clone.vifs[0].interface = value;
    EXPECT_FAILS(render(golden_text("pv.cfg"), clone), Errc::invalid_argument) << value;
    clone = pv_clone();
    clone.vifs[0].mac = value;
    EXPECT_FAILS(render(golden_text("pv.cfg"), clone), Errc::invalid_argument) << value;
  }
  CloneDomain clone = pv_clone();
  clone.uuid = Uuid();
  EXPECT_FAILS(render(golden_text("pv.cfg"), clone), Errc::invalid_argument);
}

TEST(Render, OptionsCannotBeSlippedIn) {
  for (const std::string value : {"xenbr0,script=/tmp/evil", "xenbr0 script=x", "a=b"}) {
    CloneDomain clone = pv_clone();
    clone.vifs[0].bridge = value;
    EXPECT_FAILS(render(golden_text("pv.cfg"), clone), Errc::configuration) << value;
  }
}

TEST(Render, ADiskThatTheOriginalLacksIsRefused) {
  CloneDomain clone = pv_clone();
  clone.disks[1].device = "xvdz";
  auto text = render(golden_text("pv.cfg"), clone);
  ASSERT_FAILS(text, Errc::configuration);
  EXPECT_THAT(text.error().message, HasSubstr("'xvdz'"));
}

// What the original's SPICE display is but its port, stays: address, password, agent.
TEST(Render, ASpiceDisplayHasItsOwnPort) {
  const std::string original_text = "type = \"hvm\"\nname = \"pos2\"\nspice = 1\nspicehost = \"10.0.0.1\"\nspiceport = 6000\nspicetls_port = 6001\n"
                                    "spicepasswd = \"secret\"\nspicedisable_ticketing = 0\nspicevdagent = 1\n";
  const auto original = parse_xl_config(original_text, "original").value();
  EXPECT_TRUE(original.has_spice);
  EXPECT_EQ(original.spice_port, 6000u);
  EXPECT_EQ(original.spice_tls_port, 6001u);
  CloneDomain clone = hvm_clone();
  clone.disks.clear();
  const auto text = render_clone(original_text, original, clone, HostParts{.spice = SpicePorts{.plain = 5931, .tls = 5932}});
  ASSERT_OK(text);
  const auto again = parse_xl_config(text.value(), "clone").value();
  EXPECT_TRUE(again.has_spice);
  EXPECT_EQ(again.spice_port, 5931u) << "a later line replaces an earlier one";
  EXPECT_EQ(again.spice_tls_port, 5932u);
  for (const char* kept : {"spicehost = \"10.0.0.1\"", "spicepasswd = \"secret\"", "spicedisable_ticketing = 0", "spicevdagent = 1"}) {
    EXPECT_THAT(text.value(), HasSubstr(kept));
  }
  EXPECT_THAT(text.value(), Not(HasSubstr("spice = 0")));
}

// libxl attaches a disk that has a script to dom0 before a bootloader may read it.
TEST(Render, OurBlockScriptIsForDisksThatOnlyTheBackendOpens) {
  const HostParts host{.block_script = "/usr/libexec/zynclone/zynclone-block"};
  const auto rendered = [&](const std::string& original_text, const CloneDomain& clone) {
    return render_clone(original_text, parse_xl_config(original_text, "original").value(), clone, host).value();
  };
  const std::string direct = "name = \"pos1\"\nkernel = \"/boot/vmlinuz\"\ndisk = [ \"phy:/dev/vg0/pos1-root,xvda,w\", \"phy:/dev/vg0/catalogue,xvdb,r\" ]\n";
  CloneDomain clone = pv_clone();
  clone.vifs.clear();
  const std::string text = rendered(direct, clone);
  EXPECT_THAT(text, HasSubstr("vdev=xvda,access=rw,script=/usr/libexec/zynclone/zynclone-block,target=/dev/vg0/pos1-root.01copy\""));
  EXPECT_THAT(text, HasSubstr("vdev=xvdb,access=ro,target=/dev/vg0/catalogue\"")) << "what it shares is attached as the original's";
  EXPECT_THAT(rendered("bootloader = \"pygrub\"\n" + direct, clone), Not(HasSubstr("script=")));
  EXPECT_THAT(rendered("type = \"hvm\"\n" + direct, clone), Not(HasSubstr("script=")));
  EXPECT_THAT(rendered("type = \"pvh\"\n" + direct, clone), HasSubstr("script="));
  for (const char* other : {"backendtype=qdisk", "specification=virtio"}) {
    const std::string text_of_other = "name = \"pos1\"\nkernel = \"/boot/vmlinuz\"\ndisk = [ \"" + std::string(other) +
                                      ",vdev=xvda,access=rw,target=/dev/vg0/pos1-root\", \"phy:/dev/vg0/catalogue,xvdb,r\" ]\n";
    EXPECT_THAT(rendered(text_of_other, clone), Not(HasSubstr("script="))) << other;
  }
  clone.disks[0].volume = {VolumeFormat::qcow2, "/images/pos1.qcow2.01copy"};
  EXPECT_THAT(rendered(direct, clone), HasSubstr("target=/images/pos1.qcow2.01copy\"")) << "a file has no script";
  EXPECT_THAT(rendered(direct, clone).substr(0, rendered(direct, clone).find("pos1.qcow2")), Not(HasSubstr("script=")));
}

TEST(Render, AnInterfaceOnTheIsolatedNetworkHasXensOwnScript) {
  CloneDomain clone = pv_clone();
  clone.disks.clear();
  const std::string original = "name = \"pos1\"\nvif = [ \"mac=00:16:3e:00:00:01,bridge=ovsbr0,script=vif-openvswitch,gatewaydev=eth0,rate=10Mb/s\" ]\n";
  EXPECT_THAT(render(original, clone).value(), HasSubstr("vifname=zc0b6a3b.0,script=vif-openvswitch,gatewaydev=eth0"));
  clone.vifs[0].bridge = isolated_bridge(clone.uuid);
  EXPECT_THAT(render(original, clone).value(), HasSubstr("bridge=" + clone.vifs[0].bridge + ",backend=0,vifname=zc0b6a3b.0,rate=10Mb/s\""));
}

}  // namespace
}  // namespace zynclone::broker::xen
