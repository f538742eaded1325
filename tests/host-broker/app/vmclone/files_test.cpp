// The commands of vmclone that read the host's files by themselves.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <sstream>

#include "host-broker/journal/sql_journal.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

// Has a table these three cells in one row?
bool has_row(const std::string& table, const std::string& key, const std::string& value, const std::string& place) {
  std::istringstream lines(table);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string first, second, third;
    if (words >> first >> second >> third && first == key && second == value && third == place) return true;
  }
  return false;
}

class VmcloneFiles : public ::testing::Test {
 protected:
  VmcloneFiles() {
    std::filesystem::create_directories(folder / "policy.d");
    std::filesystem::create_directories(folder / "clone/guest");
    std::filesystem::create_directories(folder / "state");
    const std::string base = folder.path().string();
    write("broker.conf", "policy_dir=" + base + "/policy.d\nclone_dir=" + base + "/clone\nstate_dir=" + base + "/state\nxl_dir=" + base + "\n");
    write("pos1.cfg", "name = \"pos1\"\nuuid = \"0b5a6c1e-9d52-4b11-8c0d-2f6e8a417b90\"\nmemory = 512\n"
                      "disk = [\"format=raw,vdev=xvda,access=rw,target=/dev/vg0/pos1-root\"]\n");
    write("clone/guest/pos1.conf", "clones=3\n");
    write("policy.d/10-pos.policy", "clone.create pos* allow clones=2\nclone.* pos* ask hours=06:00-22:00\n* * deny\n");
  }
  // Only root's own files are trusted, whatever the umask of who runs the test.
  void write(const std::string& name, const std::string& text) const {
    folder.write(name, text);
    ::chmod((folder / name).c_str(), 0644);
  }
  ProgramRun start(std::vector<std::string> arguments) const {
    return ProgramRun("vmclone", std::move(arguments), {{"ZYNCLONE_BROKER_CONF", folder / "broker.conf"}});
  }
  std::string path(const std::string& name) const { return folder / name; }

  TemporaryFolder folder;
};

TEST_F(VmcloneFiles, ConfigShowSaysWhereEachValueComesFrom) {
  auto guest = start({"config", "show", "pos1"});
  EXPECT_EQ(guest.finish(), 0) << guest.errors();
  EXPECT_TRUE(has_row(guest.output(), "clones", "3", path("clone/guest/pos1.conf") + ":1")) << guest.output();
  EXPECT_TRUE(has_row(guest.output(), "quiesce_timeout", "10s", "default")) << guest.output();

  auto json = start({"config", "show", "pos1", "--json"});
  EXPECT_EQ(json.finish(), 0);
  EXPECT_TRUE(json.output().starts_with("{\"vm\":\"pos1\",\"values\":[")) << json.output();
  EXPECT_NE(json.output().find("{\"key\":\"clones\",\"value\":\"3\",\"place\":\"" + path("clone/guest/pos1.conf") + ":1\"}"), std::string::npos);

  auto broker = start({"config", "show"});
  EXPECT_EQ(broker.finish(), 0);
  EXPECT_NE(broker.output().find(path("broker.conf") + ":1\n"), std::string::npos) << broker.output();
}

TEST_F(VmcloneFiles, ConfigShowOfAVmThatIsNotEnabled) {
  auto run = start({"config", "show", "pos2"});
  EXPECT_EQ(run.finish(), 3);
  EXPECT_NE(run.errors().find("pos2"), std::string::npos);
}

TEST_F(VmcloneFiles, ConfigCheckNamesFileAndLineOfEveryMistake) {
  auto right = start({"config", "check"});
  EXPECT_EQ(right.finish(), 0) << right.errors();
  EXPECT_EQ(right.output(), "no mistakes in broker.conf and 1 VM\n");
  auto missing = start({"config", "check", "--broker-conf", path("other.conf")});
  EXPECT_EQ(missing.finish(), 1);
  EXPECT_NE(missing.errors().find("other.conf': no such file (configuration at "), std::string::npos) << missing.errors();

  write("clone/guest/pos1.conf", "clones=3\nclones_most=4\n");
  write("clone/base.json", "{\n  \"quiesce_timeout\": \"soon\"\n}\n");
  auto wrong = start({"config", "check"});
  EXPECT_EQ(wrong.finish(), 1);
  EXPECT_NE(wrong.errors().find("(configuration at " + path("clone/guest/pos1.conf") + ":2)"), std::string::npos) << wrong.errors();
  EXPECT_NE(wrong.errors().find("(configuration at " + path("clone/base.json") + ":2)"), std::string::npos) << wrong.errors();

  auto json = start({"config", "check", "--json"});
  EXPECT_EQ(json.finish(), 1);
  EXPECT_NE(json.output().find("\"place\":\"" + path("clone/guest/pos1.conf") + ":2\""), std::string::npos) << json.output();
}

TEST_F(VmcloneFiles, ConfigCheckNoticesADiskThatTheVmHasNot) {
  write("clone/guest/pos1.conf", "clones=3\ndisks=xvda,xvdb\n");
  auto run = start({"config", "check"});
  EXPECT_EQ(run.finish(), 1);
  EXPECT_NE(run.errors().find("'xvdb'"), std::string::npos) << run.errors();
  EXPECT_NE(run.errors().find("(configuration at " + path("clone/guest/pos1.conf") + ":2)"), std::string::npos) << run.errors();
}

TEST_F(VmcloneFiles, ConfigCheckNoticesAVmWithoutUuid) {
  write("pos1.cfg", "name = \"pos1\"\nmemory = 512\ndisk = [\"format=raw,vdev=xvda,access=rw,target=" + path("root.img") + "\"]\n");
  auto run = start({"config", "check"});
  EXPECT_EQ(run.finish(), 1);
  EXPECT_NE(run.errors().find("has no uuid"), std::string::npos) << run.errors();
  EXPECT_NE(run.errors().find("(configuration at " + path("pos1.cfg") + ")"), std::string::npos) << run.errors();
}

TEST_F(VmcloneFiles, SharedVolumesAreShownAndChecked) {
  write("sales.img", "volume");
  write("pos1.cfg", "name = \"pos1\"\nuuid = \"0b5a6c1e-9d52-4b11-8c0d-2f6e8a417b90\"\nmemory = 512\n"
                    "disk = [\"format=raw,vdev=xvda,access=rw,target=" + path("root.img") + "\"]\n");
  write("clone/guest/pos1.conf", "clones=3\nshared_volume.sales=xvds,raw," + path("sales.img") + ",ext4\n");
  auto right = start({"config", "check"});
  EXPECT_EQ(right.finish(), 0) << right.errors();
  auto show = start({"config", "show", "pos1"});
  EXPECT_EQ(show.finish(), 0) << show.errors();
  EXPECT_TRUE(has_row(show.output(), "shared_volume.sales", "xvds,raw," + path("sales.img") + ",ext4", path("clone/guest/pos1.conf") + ":2"))
      << show.output();

  write("clone/guest/pos1.conf", "shared_volume.sales=xvda,raw," + path("sales.img") + "\n");
  auto taken = start({"config", "check"});
  EXPECT_EQ(taken.finish(), 1);
  EXPECT_NE(taken.errors().find("it is a disk of the VM's own (" + path("pos1.cfg") + ")"), std::string::npos) << taken.errors();
  EXPECT_NE(taken.errors().find("(configuration at " + path("clone/guest/pos1.conf") + ":1)"), std::string::npos) << taken.errors();
}

TEST_F(VmcloneFiles, ConfigCheckNoticesAVmWithoutOrWithABrokenConfigurationOfItsOwn) {
  write("clone/guest/pos2.conf", "");
  write("clone/guest/pos3.conf", "");
  write("pos3.cfg", "name = \"pos3\"\ndisk = [\n");
  auto run = start({"config", "check"});
  EXPECT_EQ(run.finish(), 1);
  EXPECT_NE(run.errors().find("(configuration at " + path("pos2.cfg") + ")"), std::string::npos) << run.errors();
  EXPECT_NE(run.errors().find(path("pos3.cfg")), std::string::npos) << run.errors();
}

TEST_F(VmcloneFiles, ConfigCheckInTheSandbox) {
  const std::string base = folder.path().string();
  write("broker.conf", "policy_dir=" + base + "/policy.d\nclone_dir=" + base + "/clone\nxl_dir=" + base + "\ntoolstack=sandbox\nsandbox_dir=" + base + "\n");
  write("pos1.cfg", "uuid=0b5a6c1e-9d52-4b11-8c0d-2f6e8a417b90\ndisk0=xvda,qcow2," + base + "/pos1.qcow2\n");
  auto right = start({"config", "check"});
  EXPECT_EQ(right.finish(), 0) << right.errors();
  write("clone/guest/pos1.conf", "disks=xvdz\n");
  auto wrong = start({"config", "check"});
  EXPECT_EQ(wrong.finish(), 1);
}

TEST_F(VmcloneFiles, ConfigCheckReadsBrokerConf) {
  write("broker.conf", "journal=/tmp\n");
  auto run = start({"config", "check"});
  EXPECT_EQ(run.finish(), 1);
  EXPECT_NE(run.errors().find(path("broker.conf") + ":1)"), std::string::npos) << run.errors();
}

TEST_F(VmcloneFiles, PolicyCheck) {
  auto right = start({"policy", "check"});
  EXPECT_EQ(right.finish(), 0) << right.errors();
  EXPECT_EQ(right.output(), "policy in " + path("policy.d") + ": 3 rules, no mistakes\n");

  write("policy.d/20-more.policy", "clone.create pos1 alow\n");
  auto wrong = start({"policy", "check"});
  EXPECT_EQ(wrong.finish(), 1);
  EXPECT_NE(wrong.errors().find("'alow'"), std::string::npos) << wrong.errors();
  EXPECT_NE(wrong.errors().find(path("policy.d/20-more.policy") + ":1:"), std::string::npos) << wrong.errors();
  EXPECT_NE(wrong.output().find("everything is denied"), std::string::npos);
}

TEST_F(VmcloneFiles, PolicyExplain) {
  auto open = start({"policy", "explain", "pos1", "clone.remove", "--at", "2026-11-21 08:00"});
  EXPECT_EQ(open.finish(), 0) << open.errors();
  EXPECT_TRUE(open.output().starts_with("clone.remove of pos1: ask by " + path("policy.d/10-pos.policy") + ":2\n")) << open.output();

  auto closed = start({"policy", "explain", "pos1", "clone.remove", "--at", "2026-11-21 23:00"});
  EXPECT_EQ(closed.finish(), 0);
  EXPECT_TRUE(closed.output().starts_with("clone.remove of pos1: deny by " + path("policy.d/10-pos.policy") + ":3\n")) << closed.output();
  EXPECT_NE(closed.output().find("outside hours 06:00-22:00"), std::string::npos);

  EXPECT_NE(closed.output().find("at Sat 23:00, outside hours 06:00-22:00"), std::string::npos) << closed.output();
  EXPECT_EQ(closed.output().find("not enabled"), std::string::npos);

  auto unknown = start({"policy", "explain", "pos9", "clone.remove"});
  EXPECT_EQ(unknown.finish(), 0);
  EXPECT_NE(unknown.output().find("but pos9 is not enabled for clones: it has no file in " + path("clone/guest")), std::string::npos) << unknown.output();

  for (const char* operation : {"clone.protect", "clone.unprotect", "cutover.start", "cutover.commit", "cutover.undo", "volume.switch"}) {
    auto run = start({"policy", "explain", "pos1", operation, "--at", "2026-11-21T08:00"});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_TRUE(run.output().starts_with(std::string(operation) + " of pos1: ")) << run.output();
  }

  auto json = start({"policy", "explain", "pos1", "clone.create", "--json"});
  EXPECT_EQ(json.finish(), 0);
  EXPECT_NE(json.output().find("\"decision\":\"allow\",\"place\":\"" + path("policy.d/10-pos.policy") + ":1\""), std::string::npos) << json.output();
}

TEST_F(VmcloneFiles, PolicyExplainRefusesWhatItDoesNotKnow) {
  auto operation = start({"policy", "explain", "pos1", "clone.crate"});
  EXPECT_EQ(operation.finish(), 2);
  EXPECT_NE(operation.errors().find("did you mean 'clone.create'?"), std::string::npos) << operation.errors();
  auto time = start({"policy", "explain", "pos1", "clone.create", "--at", "tomorrow"});
  EXPECT_EQ(time.finish(), 2);
  EXPECT_NE(time.errors().find("YYYY-MM-DDTHH:MM, local time"), std::string::npos) << time.errors();
  EXPECT_NE(time.errors().find("(invalid-argument at --at)"), std::string::npos) << time.errors();
  auto vm = start({"policy", "explain", "../pos1", "clone.create"});
  EXPECT_EQ(vm.finish(), 2);
}

TEST_F(VmcloneFiles, PolicyExplainOfAPolicyWithMistakes) {
  write("policy.d/10-pos.policy", "nonsense\n");
  auto run = start({"policy", "explain", "pos1", "clone.create"});
  EXPECT_EQ(run.finish(), 1);
  EXPECT_TRUE(run.output().starts_with("clone.create of pos1: deny by " + path("policy.d/10-pos.policy") + ":1")) << run.output();
}

TEST_F(VmcloneFiles, AuditVerify) {
  auto absent = start({"audit", "verify"});
  EXPECT_EQ(absent.finish(), 6) << absent.errors();

  FakeClock clock;
  {
    auto journal = broker::journal::SqlJournal::open(folder / "state/journal.db", clock);
    ASSERT_OK(journal);
    for (const char* event : {"requested", "allowed", "started"}) {
      EXPECT_OK(run(journal.value()->append("pos1/pos1", event, "", "")));
    }
  }
  auto right = start({"audit", "verify"});
  EXPECT_EQ(right.finish(), 0) << right.errors();
  EXPECT_TRUE(right.output().starts_with("the audit log is right up to entry 3; mark 3:")) << right.output();

  const std::string mark = right.output().substr(right.output().find("3:"), 2 + 64);
  auto same = start({"audit", "verify", "--mark", mark, "--json"});
  EXPECT_EQ(same.finish(), 0) << same.errors();
  EXPECT_EQ(same.output(), "{\"right\":true,\"last\":3,\"mark\":\"" + mark + "\"}\n");

  auto other = start({"audit", "verify", "--mark", "3:" + std::string(64, '0')});
  EXPECT_EQ(other.finish(), 1);
  EXPECT_TRUE(other.errors().starts_with("vmclone: cannot trust ")) << other.errors();

  for (const char* wrong : {"3", "x:y", "3:abc", ":", "0:"}) {
    auto usage = start({"audit", "verify", "--mark", wrong});
    EXPECT_EQ(usage.finish(), 2) << wrong;
  }
}

TEST_F(VmcloneFiles, ConfigCheckWarnsOfAMaskForAnInterfaceThatIsNotThere) {
  write("pos1.cfg", "name = \"pos1\"\nuuid = \"0b5a6c1e-9d52-4b11-8c0d-2f6e8a417b90\"\nvif = [\"mac=00:16:3e:00:00:01,bridge=xenbr0\"]\n");
  write("clone/guest/pos1.conf", "clones=3\nclone_vif_mask=0x1\n");
  auto right = start({"config", "check"});
  EXPECT_EQ(right.finish(), 0) << right.errors();
  EXPECT_EQ(right.errors(), "");
  write("clone/guest/pos1.conf", "clones=3\nclone_vif_mask=0x3\n");
  auto warned = start({"config", "check"});
  EXPECT_EQ(warned.finish(), 0) << "no mistake";
  EXPECT_NE(warned.errors().find("warning: clone_vif_mask allows interface 1, which " + path("pos1.cfg") + " does not have"), std::string::npos) << warned.errors();
  EXPECT_NE(warned.errors().find(path("clone/guest/pos1.conf") + ":2"), std::string::npos) << warned.errors();
}

// What the VM's own file gives the original at each start, and what USB needs there.
TEST_F(VmcloneFiles, ConfigCheckComparesPeripheralsWithTheVmsOwnFile) {
  const std::string head = "name = \"pos1\"\nuuid = \"0b5a6c1e-9d52-4b11-8c0d-2f6e8a417b90\"\n";
  const std::string own = path("pos1.cfg");
  const std::string place = path("clone/guest/pos1.conf");
  write("clone/guest/pos1.conf", "clones=3\nperipheral.card=pci,03:00.0\nperipheral.printer=usb,04B8:0202\n");
  write("pos1.cfg", head + "passthrough = \"enabled\"\nusbctrl = [\"type=qusb,version=2,ports=8\"]\n");
  auto right = start({"config", "check"});
  EXPECT_EQ(right.finish(), 0) << right.errors();
  EXPECT_EQ(right.errors(), "");

  write("pos1.cfg", head + "disk = [\"format=raw,vdev=xvda,access=rw,target=/dev/vg0/pos1-root\", \"format=raw,vdev=xvdb,access=rw,target=/srv/b.raw\"]\n");
  auto no_qemu = start({"config", "check"});
  EXPECT_EQ(no_qemu.finish(), 0) << no_qemu.errors();
  EXPECT_NE(no_qemu.errors().find("warning: peripheral.printer is a USB device, and " + own + " gives the VM no QEMU"), std::string::npos) << no_qemu.errors();
  EXPECT_NE(no_qemu.errors().find(place + ":3"), std::string::npos) << no_qemu.errors();
  for (const char* with_qemu : {"type = \"hvm\"\n", "vfb = [\"vnc=1\"]\n", "disk = [\"format=qcow2,vdev=xvdb,access=rw,target=/srv/b.qcow2\"]\n"}) {
    write("pos1.cfg", head + with_qemu);
    auto has_one = start({"config", "check"});
    (void)has_one.finish();
    EXPECT_EQ(has_one.errors().find("QEMU"), std::string::npos) << has_one.errors();
  }

  for (const char* same : {"03:00.0", "0000:03:00.0,permissive=1", "bdf=03:00.0", "03:00.*@5"}) {
    write("pos1.cfg", head + "passthrough = \"enabled\"\nusbctrl = [\"type=qusb\"]\npci = [\"" + same + "\"]\n");
    auto twice = start({"config", "check"});
    EXPECT_EQ(twice.finish(), 1) << same;
    EXPECT_NE(twice.errors().find("cannot use peripheral.card 'pci,0000:03:00.0': " + own + " has the device too, in pci"), std::string::npos) << twice.errors();
    EXPECT_NE(twice.errors().find(place + ":2"), std::string::npos) << twice.errors();
    EXPECT_EQ(twice.errors().find("warning"), std::string::npos) << twice.errors();
  }
  write("pos1.cfg", head + "type = \"hvm\"\nusb = 1\nusbdevice = [\"tablet\", \"host:04b8:0202\"]\n");
  auto printer = start({"config", "check"});
  EXPECT_EQ(printer.finish(), 1);
  EXPECT_NE(printer.errors().find("cannot use peripheral.printer 'usb,04b8:0202': " + own + " has the device too, in usbdevice"), std::string::npos) << printer.errors();

  // Not known to be the same: by bus and address nobody can tell.
  write("pos1.cfg", head + "usbctrl = [\"type=qusb\"]\nusbdev = [\"hostbus=1,hostaddr=3\"]\npci = [\"04:00.0\"]\n");
  auto others = start({"config", "check"});
  EXPECT_EQ(others.finish(), 0) << others.errors();
  EXPECT_NE(others.errors().find("warning: usbdev 'hostbus=1,hostaddr=3' in " + own + " is the original's at each start"), std::string::npos) << others.errors();
  EXPECT_NE(others.errors().find("warning: pci '04:00.0' in " + own), std::string::npos) << others.errors();
  EXPECT_NE(others.errors().find("warning: peripheral.card is a PCI device, and " + own + " does not prepare the VM for it; add passthrough = \"enabled\" there, and for Linux e820_host = 1"),
            std::string::npos)
      << others.errors();
  for (const auto& [more, told] : {std::pair{"type = \"hvm\"\n", "add passthrough = \"enabled\" there ("}, {"type = \"pvh\"\npassthrough = \"enabled\"\n", "makes the VM a PVH guest"},
                                   {"passthrough = \"disabled\"\n", "does not prepare the VM for it"}}) {
    write("pos1.cfg", head + "usbctrl = [\"type=qusb\"]\n" + more);
    auto unprepared = start({"config", "check"});
    EXPECT_EQ(unprepared.finish(), 0);
    EXPECT_NE(unprepared.errors().find(told), std::string::npos) << unprepared.errors();
  }
  write("clone/guest/pos1.conf", "clones=3\n");
  auto without = start({"config", "check"});
  EXPECT_EQ(without.finish(), 0) << without.errors();
  EXPECT_EQ(without.errors(), "") << "a VM without peripherals may have what it likes";
}

}  // namespace
}  // namespace zynclone::tests
