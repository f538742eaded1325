// The hooks that the agent's package brings, each in a folder that stands for the guest's root.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "system/process.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

namespace fs = std::filesystem;

const fs::path k_hooks = fs::path(TEST_SOURCE_DIR) / "installer/hooks/apply-identity";
constexpr const char* k_generation = "0A1B2C3D-0000-4000-8000-abcdef012345";
constexpr const char* k_machine_id = "0a1b2c3d000040008000abcdef012345";

class HookFilesTest : public ::testing::Test {
 protected:
  HookFilesTest() {
    environment = {{"ZYNCLONE_ROOT", root().string()},
                   {"ZYNCLONE_GENERATION_ID", k_generation},
                   {"ZYNCLONE_HOSTNAME", "pos_1.west-upgrade-1"},
                   {"ZYNCLONE_MACS", "0=00:16:3e:01:02:03"}};
  }
  fs::path root() const { return folder.path(); }
  void write(const fs::path& file, const std::string& text) {
    fs::create_directories((root() / file).parent_path());
    std::ofstream(root() / file) << text;
  }
  std::string read(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(root() / file).rdbuf();
    return text.str();
  }
  ProcessOutput hook(const std::string& name) {
    ProcessOptions options;
    options.environment = environment;
    std::vector<std::string> arguments{(k_hooks / name).string()};
    auto ran = tests::run(run_process(std::move(arguments), std::move(options)));
    EXPECT_OK(ran);
    return ran ? ran.value() : ProcessOutput{.status = -1, .output = {}, .errors = {}};
  }
  std::string said(const std::string& name) {
    const ProcessOutput ran = hook(name);
    EXPECT_EQ(ran.status, 0) << ran.output << ran.errors;
    EXPECT_EQ(ran.errors, "");
    return ran.output;
  }

  TemporaryFolder folder;
  std::map<std::string, std::string> environment;
};

TEST_F(HookFilesTest, EachIsContentWithAGuestThatHasNothing) {
  unsigned count = 0;
  for (const auto& file : fs::directory_iterator(k_hooks)) {
    ++count;
    const ProcessOutput ran = hook(file.path().filename().string());
    EXPECT_EQ(ran.status, 0) << file.path() << ": " << ran.output << ran.errors;
    EXPECT_NE(ran.output, "") << file.path() << " says nothing";
  }
  EXPECT_EQ(count, 6u);
}

TEST_F(HookFilesTest, NoneRunsWithoutBeingToldWhoThisIs) {
  environment = {{"ZYNCLONE_ROOT", root().string()}};
  for (const std::string name : {"10-random-seed", "20-machine-id", "30-ssh-host-keys", "40-hostname", "50-dhcp-client-id", "60-mac-and-addresses"}) {
    const ProcessOutput ran = hook(name);
    EXPECT_NE(ran.status, 0) << name;
    EXPECT_NE(ran.errors.find("is not set"), std::string::npos) << name << ": " << ran.errors;
  }
}

TEST_F(HookFilesTest, TheSeedOfTheNextBootIsNew) {
  write("var/lib/systemd/random-seed", "seed");
  EXPECT_NE(said("10-random-seed").find("pretended"), std::string::npos);
  EXPECT_EQ(read("var/lib/systemd/random-seed").size(), 512u);
  EXPECT_EQ(fs::status(root() / "var/lib/systemd/random-seed").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(fs::exists(root() / "var/lib/urandom/random-seed")) << "none where there was none";
}

TEST_F(HookFilesTest, TheMachineIdFollowsFromTheGenerationId) {
  write("etc/machine-id", "11111111111111111111111111111111\n");
  fs::create_directories(root() / "var/lib/dbus");
  fs::create_symlink("../../../etc/machine-id", root() / "var/lib/dbus/machine-id");
  said("20-machine-id");
  EXPECT_EQ(read("etc/machine-id"), std::string(k_machine_id) + "\n");
  EXPECT_TRUE(fs::is_symlink(root() / "var/lib/dbus/machine-id"));
  EXPECT_NE(said("20-machine-id").find("is this clone's already"), std::string::npos);
  EXPECT_EQ(read("etc/machine-id"), std::string(k_machine_id) + "\n");

  write("etc/machine-id", "22222222222222222222222222222222\n");
  fs::remove(root() / "var/lib/dbus/machine-id");
  write("var/lib/dbus/machine-id", "11111111111111111111111111111111\n");
  said("20-machine-id");
  EXPECT_EQ(read("var/lib/dbus/machine-id"), std::string(k_machine_id) + "\n") << "a file of its own, too";
}

TEST_F(HookFilesTest, WhatIsNoGenerationIdMakesNoMachineId) {
  write("etc/machine-id", "11111111111111111111111111111111\n");
  for (const std::string id : {"1234", "0a1b2c3d-0000-4000-8000-abcdef01234z", "0a1b2c3d-0000-4000-8000-abcdef0123456"}) {
    environment["ZYNCLONE_GENERATION_ID"] = id;
    EXPECT_EQ(hook("20-machine-id").status, 1) << id;
  }
  EXPECT_EQ(read("etc/machine-id"), "11111111111111111111111111111111\n");
}

TEST_F(HookFilesTest, HostKeysAreNewOnceForEachCopy) {
  write("etc/ssh/ssh_host_ed25519_key", "old");
  write("etc/ssh/ssh_host_ed25519_key.pub", "old");
  write("etc/ssh/ssh_host_ecdsa_key", "old");
  if (!fs::exists("/usr/bin/ssh-keygen")) GTEST_SKIP() << "no ssh-keygen here";
  const std::string first = said("30-ssh-host-keys");
  EXPECT_NE(first.find("2 new host keys in /etc/ssh"), std::string::npos) << first;
  EXPECT_NE(first.find("pretended: would restart ssh"), std::string::npos) << first;
  const std::string key = read("etc/ssh/ssh_host_ed25519_key");
  EXPECT_EQ(key.rfind("-----BEGIN OPENSSH PRIVATE KEY-----", 0), 0u);
  EXPECT_EQ(read("etc/ssh/ssh_host_ed25519_key.pub").rfind("ssh-ed25519 ", 0), 0u);
  EXPECT_EQ(read("etc/ssh/ssh_host_ecdsa_key.pub").rfind("ecdsa-", 0), 0u);
  EXPECT_EQ(fs::status(root() / "etc/ssh/ssh_host_ed25519_key").permissions(), fs::perms::owner_read | fs::perms::owner_write);
  EXPECT_FALSE(fs::exists(root() / "etc/ssh/ssh_host_ed25519_key.new"));
  EXPECT_FALSE(fs::exists(root() / "etc/ssh/ssh_host_rsa_key")) << "of the types that there were";

  EXPECT_NE(said("30-ssh-host-keys").find("are this clone's already"), std::string::npos);
  EXPECT_EQ(read("etc/ssh/ssh_host_ed25519_key"), key);
  environment["ZYNCLONE_GENERATION_ID"] = "11111111-0000-4000-8000-abcdef012345";
  said("30-ssh-host-keys");
  EXPECT_NE(read("etc/ssh/ssh_host_ed25519_key"), key) << "a copy of the copy";
}

TEST_F(HookFilesTest, AKeyThatCannotBeMadeFailsAndLeavesTheOldOne) {
  if (!fs::exists("/usr/bin/ssh-keygen")) GTEST_SKIP() << "no ssh-keygen here";
  write("etc/ssh/ssh_host_nonsense_key", "old");
  const ProcessOutput ran = hook("30-ssh-host-keys");
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.output.find("cannot make "), std::string::npos) << ran.output;
  EXPECT_EQ(read("etc/ssh/ssh_host_nonsense_key"), "old");
}

TEST_F(HookFilesTest, TheHostNameIsKeptUnlessConfigured) {
  write("etc/hostname", "till\n");
  write("etc/hosts", "127.0.0.1 localhost\n127.0.1.1 till.shop till\n");
  EXPECT_EQ(said("40-hostname"), "the host name is kept\n");
  write("etc/zynclone/identity.conf", "# hostname = clone\nhostname = keep\n");
  EXPECT_EQ(said("40-hostname"), "the host name is kept\n");
  EXPECT_EQ(read("etc/hostname"), "till\n");

  write("etc/zynclone/identity.conf", "hostname=clone\n");
  said("40-hostname");
  EXPECT_EQ(read("etc/hostname"), "pos-1-west-upgrade-1\n") << "what may stand in a host name";
  EXPECT_EQ(read("etc/hosts"), "127.0.0.1 localhost\n127.0.1.1 till.shop till pos-1-west-upgrade-1\n");
  EXPECT_NE(said("40-hostname").find("already"), std::string::npos);
  EXPECT_EQ(read("etc/hosts"), "127.0.0.1 localhost\n127.0.1.1 till.shop till pos-1-west-upgrade-1\n");

  write("etc/zynclone/identity.conf", "hostname = random\n");
  const ProcessOutput ran = hook("40-hostname");
  EXPECT_EQ(ran.status, 1);
  EXPECT_NE(ran.output.find("allowed are keep and clone"), std::string::npos) << ran.output;
}

TEST_F(HookFilesTest, LeasesOfTheOriginalGoOnce) {
  for (const std::string file : {"var/lib/dhcp/dhclient.eth0.leases", "var/lib/NetworkManager/secret_key", "run/systemd/netif/leases/2", "var/lib/dhcpcd/duid"})
    write(file, "old");
  write("var/lib/dhcp/keep.me", "x");
  const std::string text = said("50-dhcp-client-id");
  EXPECT_NE(text.find("4 files of DHCP clients are removed"), std::string::npos) << text;
  EXPECT_FALSE(fs::exists(root() / "var/lib/dhcp/dhclient.eth0.leases"));
  EXPECT_TRUE(fs::exists(root() / "var/lib/dhcp/keep.me"));
  write("var/lib/dhcp/dhclient.eth0.leases", "its own");
  EXPECT_NE(said("50-dhcp-client-id").find("already"), std::string::npos);
  EXPECT_TRUE(fs::exists(root() / "var/lib/dhcp/dhclient.eth0.leases"));
}

TEST_F(HookFilesTest, InterfacesAreFoundByTheirNumber) {
  write("sys/bus/xen/devices/vif-1/net/enX1/address", "00:16:3e:09:00:0b\n");
  environment["ZYNCLONE_MACS"] = "0=00:16:3e:01:02:03 1=00:16:3e:01:02:04";
  const std::string text = said("60-mac-and-addresses");
  EXPECT_NE(text.find("interface 0 is not in use here"), std::string::npos) << text;
  EXPECT_NE(text.find("would give enX1 00:16:3e:01:02:04 (it has 00:16:3e:09:00:0b)"), std::string::npos) << text;
}

TEST_F(HookFilesTest, WhatIsNoInterfaceOrAddressIsRefused) {
  for (const std::string macs : {"eth0=00:16:3e:01:02:03", "0=00:16:3e:01:02", "0", "=00:16:3e:01:02:03", "0=00:16:3e:01:02:03;reboot"}) {
    environment["ZYNCLONE_MACS"] = macs;
    EXPECT_EQ(hook("60-mac-and-addresses").status, 1) << macs;
  }
}

}  // namespace
}  // namespace zynclone::tests
