#include "host-broker/configuration/file_configuration.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/file.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::configuration {
namespace {

namespace fs = std::filesystem;

class FileConfigurationTest : public ::testing::Test {
 protected:
  FileConfigurationTest() { fs::create_directory(folder_.path() / "guest"); }

  void write(const std::string& name, std::string_view text, mode_t mode = 0644) {
    ASSERT_OK(write_file_whole(folder_.path() / name, text, mode));
  }
  std::string place(const std::string& name, unsigned line) const { return (folder_.path() / name).string() + ":" + std::to_string(line); }

  // "place: message" of each, with the folder's own name taken out.
  std::vector<std::string> mistakes(const std::map<VmName, std::vector<VmDisk>>& disks = {}) {
    std::vector<std::string> list;
    for (const Error& error : configuration_.check(disks)) {
      std::string line = error.place + ": " + error.message;
      for (auto at = line.find(folder_.path().string()); at != std::string::npos; at = line.find(folder_.path().string())) {
        line.erase(at, folder_.path().string().size() + 1);
      }
      list.push_back(line);
    }
    return list;
  }

  // A file that stands for a volume; gives its path.
  std::string volume(const std::string& name) {
    write(name, "volume");
    return (folder_.path() / name).string();
  }

  tests::TemporaryFolder folder_;
  FileConfiguration configuration_{folder_.path(), "/etc/xen"};
  const VmName vm_ = VmName::parse("pos1").value();
};

TEST_F(FileConfigurationTest, AVmWithoutAFileIsRefused) {
  write("base.json", "{}");
  EXPECT_FAILS(configuration_.guest(vm_), Errc::refused);
  EXPECT_FAILS(configuration_.explain(vm_), Errc::refused);
  EXPECT_TRUE(configuration_.guests().value().empty());
}

TEST_F(FileConfigurationTest, AnEmptyFileEnablesWithDefaults) {
  write("guest/pos1.conf", "");
  auto config = configuration_.guest(vm_);
  ASSERT_OK(config);
  EXPECT_EQ(config.value().vm, vm_);
  EXPECT_EQ(config.value().xl_config, "/etc/xen/pos1.cfg");
  EXPECT_EQ(config.value().most_clones, 4u);
  EXPECT_EQ(config.value().clone_vif_mask.value, 0u);
  EXPECT_EQ(config.value().channel, "vchan");
}

TEST_F(FileConfigurationTest, TheGuestsFileOverridesBase) {
  write("base.json",
        "{\n"
        "  \"mac\": \"original\",\n"
        "  \"clones\": 2,\n"
        "  \"clone_vif_mask\": \"0x3\",\n"
        "  \"original_vif_mask\": 5,\n"
        "  \"clone_vif_mode\": \"locked\",\n"
        "  \"clone_ipv4\": [\"192.0.2.7\", \"192.0.2.8\"],\n"
        "  \"quiesce_timeout\": \"5s\",\n"
        "  \"disks\": [\"xvda\", \"xvdb\"]\n"
        "}\n");
  write("guest/pos1.conf",
        "config = /etc/xen/shop/pos1.cfg\n"
        "clones = 3\n"
        "clone_ipv6 = 2001:DB8:0::1\n"
        "channel = mailbox\n"
        "shutdown_timeout = 2m\n"
        "storage = 20GiB\n"
        "disks = xvda\n");
  auto read = configuration_.guest(vm_);
  ASSERT_OK(read);
  const GuestConfig& config = read.value();
  EXPECT_EQ(config.xl_config, "/etc/xen/shop/pos1.cfg");
  EXPECT_EQ(config.macs, MacRule::original);
  EXPECT_EQ(config.most_clones, 3u);
  EXPECT_EQ(config.most_storage, 20ull << 30);
  EXPECT_EQ(config.clone_vif_mask.value, 3u);
  EXPECT_EQ(config.original_vif_mask.value, 5u);
  EXPECT_EQ(config.clone_allowance.mode, protocol::VifMode::locked);
  EXPECT_EQ(config.clone_allowance.ipv4, (std::vector<std::string>{"192.0.2.7", "192.0.2.8"}));
  EXPECT_EQ(config.clone_allowance.ipv6, (std::vector<std::string>{"2001:db8::1"}));
  EXPECT_EQ(config.original_allowance.mode, protocol::VifMode::unlocked);
  EXPECT_EQ(config.quiesce_timeout, std::chrono::seconds(5));
  EXPECT_EQ(config.shutdown_timeout, std::chrono::minutes(2));
  EXPECT_EQ(config.channel, "mailbox");
  EXPECT_EQ(config.disks, std::vector<std::string>{"xvda"});
  EXPECT_EQ(config.disks_place, place("guest/pos1.conf", 7));
}

TEST_F(FileConfigurationTest, ExplainSaysWhereEachValueCameFrom) {
  write("base.json", "{\n \"clones\": 2,\n \"mac\": \"original\"\n}");
  write("guest/pos1.conf", "# pos1\nclones=3\n");
  auto values = configuration_.explain(vm_);
  ASSERT_OK(values);
  std::map<std::string, std::pair<std::string, std::string>> by_key;
  for (const ConfigValue& value : values.value()) by_key[value.key] = {value.value, value.place};
  EXPECT_EQ(by_key.size(), 22u);
  EXPECT_EQ(by_key["clones"], (std::pair<std::string, std::string>{"3", place("guest/pos1.conf", 2)}));
  EXPECT_EQ(by_key["mac"], (std::pair<std::string, std::string>{"original", place("base.json", 3)}));
  EXPECT_EQ(by_key["quiesce_timeout"], (std::pair<std::string, std::string>{"10s", "default"}));
  EXPECT_EQ(by_key["original_vif_mask"], (std::pair<std::string, std::string>{"all", "default"}));
  EXPECT_EQ(by_key["clone_vif_mask"], (std::pair<std::string, std::string>{"0x0", "default"}));
  EXPECT_EQ(by_key["config"], (std::pair<std::string, std::string>{"/etc/xen/pos1.cfg", "default"}));
}

TEST_F(FileConfigurationTest, AMistakeInEitherFileIsAnErrorWithItsPlace) {
  write("base.json", "{\n\"clone\": 2\n}");
  write("guest/pos1.conf", "");
  auto read = configuration_.guest(vm_);
  ASSERT_FAILS(read, Errc::configuration);
  EXPECT_EQ(read.error().place, place("base.json", 2));
  EXPECT_NE(read.error().message.find("did you mean 'clones'?"), std::string::npos) << read.error().message;

  write("base.json", "{}");
  write("guest/pos1.conf", "clones=2\nclones=3\n");
  read = configuration_.guest(vm_);
  ASSERT_FAILS(read, Errc::configuration);
  EXPECT_EQ(read.error().place, place("guest/pos1.conf", 2));
}

TEST_F(FileConfigurationTest, CheckGivesEveryMistakeOfEveryFileOnce) {
  write("base.json", "{\n\"clone\": 2,\n\"clones\": \"two\",\n\"config\": \"/x\",\n\"mac\": \"orignal\"\n}");
  write("guest/kds.conf", "nonsense\n");
  write("guest/pos1.conf", "clonez=2\nquiesce_timeout=5\nclone_ipv4=192.0.2.300\n");
  write("guest/-bad.conf", "");
  write("guest/README", "nothing to read here");
  const std::vector<std::string> expected_starts = {
      "base.json:2: cannot use key 'clone': did you mean 'clones'?",
      "base.json:3: cannot use clones: a number is allowed, not a text",
      "base.json:4: cannot use key 'config' here: it is allowed in guest/<vm>.conf",
      "base.json:5: cannot use mac 'orignal': did you mean 'original'? allowed are fresh, original",
      "guest/-bad.conf: ",
      "guest/kds.conf:1: cannot read line 'nonsense'",
      "guest/pos1.conf:1: cannot use key 'clonez': did you mean 'clones'?",
      "guest/pos1.conf:2: cannot use quiesce_timeout '5': a duration from 100ms to 10m is allowed",
      "guest/pos1.conf:3: cannot use clone_ipv4 '192.0.2.300': '192.0.2.300' is no address",
  };
  const auto found = mistakes();
  ASSERT_EQ(found.size(), expected_starts.size());
  for (std::size_t at = 0; at < found.size(); ++at) {
    EXPECT_TRUE(found[at].starts_with(expected_starts[at])) << found[at];
  }
}

TEST_F(FileConfigurationTest, CheckNamesDisksThatTheVmDoesNotHave) {
  write("base.json", "{}");
  write("guest/pos1.conf", "clones=1\ndisks=xvda, xvdc\n");
  write("guest/pos2.conf", "disks=xvdz\n");
  const auto found = mistakes({{vm_, {VmDisk{.device = "xvda"}, VmDisk{.device = "xvdb"}}}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], "guest/pos1.conf:2: cannot use disks 'xvdc': VM 'pos1' has no such disk; did you mean 'xvda'? allowed are xvda, xvdb");
  EXPECT_TRUE(mistakes({{vm_, {VmDisk{.device = "xvda"}, VmDisk{.device = "xvdc"}}}}).empty());
}

TEST_F(FileConfigurationTest, EachKeyChecksItsValue) {
  struct Case {
    std::string line;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"config=pos1.cfg", "absolute path"},
      {"config=/etc/../x", "absolute path"},
      {"config=/etc/xen/", "absolute path"},
      {"mac=random", "allowed are fresh, original"},
      {"original_vif_mask=-1", "64 bits"},
      {"original_vif_mask=0x", "64 bits"},
      {"clone_vif_mask=18446744073709551616", "64 bits"},
      {"clone_vif_mode=lock", "did you mean 'locked'?"},
      {"clone_vif_mode=locked", "clone_ipv4 or clone_ipv6 must list some"},
      {"original_vif_mode=locked", "original_ipv4"},
      {"clone_ipv4=192.0.2.1,", "none of them empty"},
      {"clone_ipv4=192.0.2.1, 192.0.2.1", "twice"},
      {"clone_ipv4=2001:db8::1", "is no address"},
      {"clone_ipv6=192.0.2.1", "is no address"},
      {"clone_ipv4=192.0.2.0/24", "without prefix length"},
      {"clones=1001", "from 0 to 1000"},
      {"clones=", "from 0 to 1000"},
      {"quiesce_timeout=99ms", "from 100ms to 10m"},
      {"shutdown_timeout=2h", "from 1s to 1h"},
      {"channel=tcp", "allowed are vchan, mailbox, none"},
      {"disks=xvda;xvdb", "is no device"},
      {"disks=/dev/sda", "is no device"},
      {"disks=xvda,xvda", "twice"},
      {"release_timeout=999ms", "from 1s to 10m"},
      {"health_timeout=2h", "from 1s to 1h"},
      {"probation=31d", "from 10s to 30d"}, {"probation=9s", "from 10s"},
      {"probation=never", "a duration"},
      {"after_probation=keep", "allowed are undo, commit"},
      {"after_probation=comit", "did you mean 'commit'?"},
      {"announce=192.0.2.1/24", "no address of one machine"},
      {"announce=0.0.0.0", "no address of one machine"},
      {"announce=224.0.0.1", "no address of one machine"},
      {"announce=::", "no address of one machine"},
      {"announce=ff02::1", "no address of one machine"},
      {"announce=192.0.2.1,192.0.2.1", "twice"},
      {"peripheral.printer=", "usb,<vendor>:<product>[:<serial number>], usb,<port's path> or pci,<address> is allowed"},
      {"peripheral.printer=usb", "usb,<vendor>:<product>"},
      {"peripheral.printer=usb,", "'' is no USB device"},
      {"peripheral.printer=usb,04b8", "'04b8' is no USB device; <vendor>:<product>, such as 04b8:0202"},
      {"peripheral.printer=usb,04b8:020g", "is no USB device"},
      {"peripheral.printer=usb,04b8:0202:", "is no USB device"},
      {"peripheral.printer=usb,04b8:0202:a,b", "is no USB device"},
      {"peripheral.printer=usb,1-", "'1-' is no USB device"},
      {"peripheral.printer=usb,1-1..2", "is no USB device"},
      {"peripheral.printer=usb,0-1", "is no USB device"},
      {"peripheral.printer=usb,1-1/../..", "is no USB device"},
      {"peripheral.printer=pci,03:00", "'03:00' is no PCI address; [<domain>:]<bus>:<slot>.<function>"},
      {"peripheral.printer=pci,0000:03:00.8", "is no PCI address"},
      {"peripheral.printer=scsi,1", "is allowed, such as usb,04b8:0202"},
      {"peripheral.-a=usb,1-1", "cannot read key 'peripheral.-a'"},
      {"shared_volume.sales=", "<device>,<format>,<path>[,<file system>] is allowed"},
      {"shared_volume.sales=xvds,raw", "<device>,<format>,<path>[,<file system>] is allowed"},
      {"shared_volume.sales=xvds,raw,/a,ext4,more", "<device>,<format>,<path>[,<file system>] is allowed"},
      {"shared_volume.sales=xvds,raw,,ext4", "<device>,<format>,<path>[,<file system>] is allowed"},
      {"shared_volume.sales=sda,raw,/a", "'sda' is no device for a shared volume; xvda to xvdz are allowed"},
      {"shared_volume.sales=xvds1,raw,/a", "xvda to xvdz are allowed"},
      {"shared_volume.sales=xvdS,raw,/a", "xvda to xvdz are allowed"},
      {"shared_volume.sales=xvds,lvm,/a", "allowed are lvm-thin, qcow2, raw"},
      {"shared_volume.sales=xvds,raw,a", "'a' is no path; an absolute path is allowed"},
      {"shared_volume.sales=xvds,raw,/a/../b", "an absolute path is allowed"},
      {"shared_volume.sales=xvds,raw,/a,ext 4", "'ext 4' is no file system"},
      {"shared_volume.sales=xvds,raw,/a,EXT4", "a word such as ext4, xfs, ntfs is allowed, or none"},
      {"shared_volume.-sales=xvds,raw,/a", "cannot read key 'shared_volume.-sales'"},
      {"shared_volume=xvds,raw,/a", "shared_volume.<name>"},
      {"shared_volumes.sales=xvds,raw,/a", "shared_volume.<name>"},
  };
  for (const Case& c : cases) {
    const auto errors = check_guest_text("\n" + c.line + "\n");
    ASSERT_EQ(errors.size(), 1u) << c.line;
    EXPECT_EQ(errors[0].place, "guest.conf:2") << c.line;
    EXPECT_NE(errors[0].message.find(c.says), std::string::npos) << errors[0].message;
  }
}

TEST_F(FileConfigurationTest, ACutoverIsConfigured) {
  write("base.json", "{\n \"release_timeout\": \"20s\",\n \"probation\": \"2h\",\n \"announce\": [\"192.0.2.9\"]\n}");
  write("guest/pos1.conf",
        "health_timeout=1m\nafter_probation=commit\nprobation=30m\nannounce = 192.0.2.1, 2001:DB8:0::1\n"
        "shared_volume.sales = xvds,lvm-thin,/dev/vg0/pos1-sales,ext4\nshared_volume.Stock-2 = xvdt, raw, /srv/stock.img\n");
  auto read = configuration_.guest(vm_);
  ASSERT_OK(read);
  const GuestConfig& config = read.value();
  EXPECT_EQ(config.release_timeout, std::chrono::seconds(20));
  EXPECT_EQ(config.health_timeout, std::chrono::minutes(1));
  EXPECT_EQ(config.probation, std::chrono::minutes(30));
  EXPECT_EQ(config.after_probation, protocol::AfterProbation::commit);
  EXPECT_EQ(config.announce, (std::vector<std::string>{"192.0.2.1", "2001:db8::1"}));
  ASSERT_EQ(config.shared_volumes.size(), 2u);
  EXPECT_EQ(config.shared_volumes[0].name.text(), "sales");
  EXPECT_EQ(config.shared_volumes[0].device, "xvds");
  EXPECT_EQ(config.shared_volumes[0].volume, (Volume{VolumeFormat::lvm_thin, "/dev/vg0/pos1-sales"}));
  EXPECT_EQ(config.shared_volumes[0].filesystem, "ext4");
  EXPECT_EQ(config.shared_volumes[1].name.text(), "Stock-2");
  EXPECT_EQ(config.shared_volumes[1].volume, (Volume{VolumeFormat::raw, "/srv/stock.img"}));
  EXPECT_EQ(config.shared_volumes[1].filesystem, "");

  auto values = configuration_.explain(vm_);
  ASSERT_OK(values);
  std::map<std::string, std::pair<std::string, std::string>> by_key;
  for (const ConfigValue& value : values.value()) by_key[value.key] = {value.value, value.place};
  using Shown = std::pair<std::string, std::string>;
  EXPECT_EQ(by_key["shared_volume.sales"], (Shown{"xvds,lvm-thin,/dev/vg0/pos1-sales,ext4", place("guest/pos1.conf", 5)}));
  EXPECT_EQ(by_key["shared_volume.Stock-2"], (Shown{"xvdt,raw,/srv/stock.img", place("guest/pos1.conf", 6)}));
  EXPECT_EQ(by_key["release_timeout"], (Shown{"20s", place("base.json", 2)}));
  EXPECT_EQ(by_key["probation"], (Shown{"30m", place("guest/pos1.conf", 3)}));
  EXPECT_EQ(by_key["after_probation"], (Shown{"commit", place("guest/pos1.conf", 2)}));
  EXPECT_EQ(by_key["announce"], (Shown{"192.0.2.1, 2001:db8::1", place("guest/pos1.conf", 4)}));
}

TEST_F(FileConfigurationTest, DefaultsOfACutover) {
  write("guest/pos1.conf", "");
  const GuestConfig config = configuration_.guest(vm_).value();
  EXPECT_EQ(config.release_timeout, std::chrono::seconds(45));
  EXPECT_EQ(config.health_timeout, std::chrono::seconds(30));
  EXPECT_EQ(config.probation, std::chrono::hours(1));
  EXPECT_EQ(config.after_probation, protocol::AfterProbation::undo);
  EXPECT_TRUE(config.announce.empty());
  EXPECT_TRUE(config.shared_volumes.empty());
}

TEST_F(FileConfigurationTest, TheOriginalsAddressesAreAnnouncedWhereNothingElseIsSaid) {
  write("guest/pos1.conf", "original_ipv4=192.0.2.1, 0.0.0.0\noriginal_ipv6=fe80::1, 2001:db8::1\n");
  EXPECT_EQ(configuration_.guest(vm_).value().announce, (std::vector<std::string>{"192.0.2.1", "fe80::1", "2001:db8::1"})) << "0.0.0.0 is of nobody";
  write("guest/pos1.conf", "original_ipv4=192.0.2.1\nannounce=\n");
  EXPECT_TRUE(configuration_.guest(vm_).value().announce.empty()) << "nothing is something else";
}

TEST_F(FileConfigurationTest, ASharedVolumeStandsInTheGuestsFileOnly) {
  const auto errors = check_base_text("{\n\"shared_volume.sales\": \"xvds,raw,/a\"\n}");
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(errors[0].place, "base.json:2");
  EXPECT_EQ(errors[0].message, "cannot use key 'shared_volume.sales' here: it is allowed in guest/<vm>.conf");
}

TEST_F(FileConfigurationTest, AVolumeIsSharedOnce) {
  const std::string sales = volume("sales.img");
  std::filesystem::create_symlink(sales, folder_.path() / "link.img");
  write("guest/pos1.conf", "shared_volume.a=xvds,raw," + sales + "\nshared_volume.b=xvds,raw," + volume("other.img") +
                               "\nshared_volume.c=xvdt,raw," + (folder_.path() / "link.img").string() + "\n");
  const auto found = mistakes();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], "guest/pos1.conf:2: cannot use shared_volume.b 'xvds': shared_volume.a has this device");
  EXPECT_EQ(found[1], "guest/pos1.conf:3: cannot use shared_volume.c 'link.img': shared_volume.a is the same volume");
  EXPECT_FAILS(configuration_.guest(vm_), Errc::configuration);
  EXPECT_FAILS(configuration_.explain(vm_), Errc::configuration);
}

// Two families would each have a lease of it.
TEST_F(FileConfigurationTest, AVolumeBelongsToOneVm) {
  const std::string sales = volume("sales.img");
  std::filesystem::create_symlink(sales, folder_.path() / "link.img");
  write("guest/pos1.conf", "shared_volume.sales=xvds,raw," + sales + "\n");
  write("guest/pos2.conf", "clones=1\nshared_volume.sales=xvds,raw," + (folder_.path() / "link.img").string() + "\n");
  const auto found = mistakes();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0], "guest/pos1.conf:1: cannot use shared_volume.sales 'sales.img': VM 'pos2' names it too (guest/pos2.conf:2); a volume belongs to "
                      "one VM and its clones");
  EXPECT_TRUE(found[1].starts_with("guest/pos2.conf:2: cannot use shared_volume.sales 'link.img': VM 'pos1' names it too (guest/pos1.conf:1)")) << found[1];
  auto read = configuration_.guest(vm_);
  ASSERT_FAILS(read, Errc::configuration);
  EXPECT_EQ(read.error().place, place("guest/pos1.conf", 1));

  // Names that are the same in two families mean two volumes.
  write("guest/pos2.conf", "shared_volume.sales=xvds,raw," + volume("sales2.img") + "\n");
  EXPECT_TRUE(mistakes().empty());
  EXPECT_OK(configuration_.guest(vm_));
}

TEST_F(FileConfigurationTest, ASharedVolumeIsThere) {
  write("guest/pos1.conf", "shared_volume.a=xvds,raw," + (folder_.path() / "none.img").string() + "\nshared_volume.b=xvdt,lvm-thin," +
                               volume("file.img") + "\nshared_volume.c=xvdu,qcow2," + folder_.path().string() + "\n");
  const auto found = mistakes();
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0], "guest/pos1.conf:1: cannot use shared_volume.a 'none.img': there is nothing of this name");
  EXPECT_EQ(found[1], "guest/pos1.conf:2: cannot use shared_volume.b 'file.img': it is no block device, as lvm-thin says; qcow2 and raw are files");
  EXPECT_TRUE(found[2].ends_with(": it is no file")) << found[2];
}

TEST_F(FileConfigurationTest, ASharedVolumeIsNoDiskOfAVmsOwn) {
  const std::string sales = volume("sales.img");
  const VmName other = VmName::parse("kds").value();
  write("guest/pos1.conf", "shared_volume.sales=xvdb,raw," + sales + "\n");
  const VmDisk root{.device = "xvda", .volume = {VolumeFormat::raw, volume("root.img")}};
  EXPECT_TRUE(mistakes({{vm_, {root}}, {other, {VmDisk{.device = "xvdb", .volume = {VolumeFormat::raw, volume("kds.img")}}}}}).empty())
      << "another VM's device names are its own";

  auto found = mistakes({{vm_, {VmDisk{.device = "xvdb", .volume = root.volume}}}});
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0], "guest/pos1.conf:1: cannot use shared_volume.sales 'xvdb': it is a disk of the VM's own (/etc/xen/pos1.cfg)");
  for (const VmName& owner : {vm_, other}) {
    found = mistakes({{owner, {VmDisk{.device = "xvdc", .volume = {VolumeFormat::raw, sales}}}}});
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0], "guest/pos1.conf:1: cannot use shared_volume.sales 'sales.img': it is the own disk xvdc of VM '" + owner.text() +
                            "'; take it out of that VM's own configuration, for the broker attaches it");
  }
}

TEST_F(FileConfigurationTest, BaseChecksTypes) {
  for (std::string_view text : {"[]", "1", "{\"clones\": true}", "{\"clones\": [4]}", "{\"clones\": 4.5}", "{\"clones\": -1}",
                                "{\"clones\": null}", "{\"mac\": 1}", "{\"disks\": [1]}", "{\"disks\": [\"xvda,xvdb\"]}",
                                "{\"disks\": [\"\"]}", "{\"disks\": {}}", "{\"clones\": 1, \"clones\": 2}", "{,}"}) {
    const auto errors = check_base_text(text);
    ASSERT_EQ(errors.size(), 1u) << text;
    EXPECT_EQ(errors[0].code, Errc::configuration);
    EXPECT_EQ(errors[0].place, "base.json:1");
  }
  EXPECT_TRUE(check_base_text("{\"disks\": [], \"clone_vif_mask\": \"all\", \"original_vif_mask\": \"none\"}").empty());
}

TEST_F(FileConfigurationTest, FilesThatOthersMayWriteAreRefused) {
  write("guest/pos1.conf", "clones=1\n", 0666);
  auto read = configuration_.guest(vm_);
  ASSERT_FAILS(read, Errc::configuration);
  EXPECT_NE(read.error().message.find("chmod go-w"), std::string::npos);
  EXPECT_EQ(mistakes().size(), 1u);

  write("guest/pos1.conf", "clones=1\n");
  EXPECT_OK(configuration_.guest(vm_));
  write("base.json", "{}", 0664);
  EXPECT_FAILS(configuration_.guest(vm_), Errc::configuration);
}

TEST_F(FileConfigurationTest, GuestsListsAlsoThoseWithMistakes) {
  write("guest/pos2.conf", "clones=1\n");
  write("guest/pos1.conf", "nonsense");
  write("guest/pos3.conf~", "");
  write("guest/notes.txt", "");
  auto guests = configuration_.guests();
  ASSERT_OK(guests);
  ASSERT_EQ(guests.value().size(), 2u);
  EXPECT_EQ(guests.value()[0].text(), "pos1");
  EXPECT_EQ(guests.value()[1].text(), "pos2");
}

TEST_F(FileConfigurationTest, StorageIsASizeOrUnlimited) {
  write("base.json", R"({"storage": "5GiB"})");
  write("guest/pos1.conf", "");
  EXPECT_EQ(configuration_.guest(vm_).value().most_storage, 5ull << 30);
  write("guest/pos1.conf", "storage=unlimited\n");
  EXPECT_EQ(configuration_.guest(vm_).value().most_storage, std::nullopt);
  write("guest/pos1.conf", "storage=much\n");
  EXPECT_FAILS(configuration_.guest(vm_), Errc::configuration);
}

TEST_F(FileConfigurationTest, AChangeCountsAtOnce) {
  write("guest/pos1.conf", "clones=1\n");
  EXPECT_EQ(configuration_.guest(vm_).value().most_clones, 1u);
  write("guest/pos1.conf", "clones=2\n");
  EXPECT_EQ(configuration_.guest(vm_).value().most_clones, 2u);
  ASSERT_OK(remove_file(folder_.path() / "guest/pos1.conf"));
  EXPECT_FAILS(configuration_.guest(vm_), Errc::refused);
}

TEST_F(FileConfigurationTest, AMissingFolderHasNoGuests) {
  FileConfiguration none("/nonexistent");
  EXPECT_TRUE(none.guests().value().empty());
  EXPECT_TRUE(none.check().empty());
  EXPECT_FAILS(none.guest(vm_), Errc::refused);
}

}  // namespace
}  // namespace zynclone::broker::configuration
