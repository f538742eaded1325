// Shared volumes on loop devices with small file systems. Needs root and loop devices; skipped elsewhere.

#include <csignal>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-agent-linux/filesystem_mounter.hpp"
#include "guest-agent-linux/mount_table.hpp"
#include "guest-agent-linux/volume_mounts.hpp"
#include "system/descriptor.hpp"
#include "system/process.hpp"
#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class VolumeMountsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    fs::create_directory(folder / "dev");
    attach("first");
    if (loops.empty()) GTEST_SKIP() << "no loop devices";
  }
  void TearDown() override {
    for (const std::string& mount : {place().mount_point, other_mount()}) {
      while (::umount2(mount.c_str(), MNT_DETACH) == 0) {
      }
    }
    for (const std::string& loop : loops) (void)output_of({"losetup", "-d", loop});
  }
  std::optional<std::string> output_of(std::vector<std::string> arguments) {
    const auto output = run(context, run_process(std::move(arguments)));
    if (!output || output.value().status != 0) return std::nullopt;
    return output.value().output;
  }
  // A new disk with a file system becomes the device, as the backend would.
  void attach(const std::string& image) {
    const std::string file = folder.write(image, "");
    ASSERT_EQ(::truncate(file.c_str(), 16 << 20), 0);
    ASSERT_TRUE(output_of({"mkfs.ext4", "-q", "-F", file}));
    auto loop = output_of({"losetup", "--find", "--show", file});
    if (!loop) return;
    loop->pop_back();
    loops.push_back(*loop);
    std::error_code ignored;
    fs::remove(folder / "dev" / "xvds", ignored);
    fs::create_symlink(*loop, folder / "dev" / "xvds");
  }
  void detach() { fs::remove(folder / "dev" / "xvds"); }
  VolumePlace place() { return VolumePlace{VolumeName::parse("sales").value(), "xvds", (folder / "srv/sales").string()}; }
  std::string other_mount() { return (folder / "elsewhere").string(); }
  void mount_by_hand(const std::string& at, const std::string& device = "") {
    fs::create_directories(at);
    ASSERT_EQ(::mount((device.empty() ? mounter.path_of("xvds") : device).c_str(), at.c_str(), "ext4", 0, nullptr), 0);
  }
  Result<void> mount() { return run(context, mounter.mount(place(), "ext4")); }
  Result<void> unmount() { return run(context, mounter.unmount(place())); }
  bool is_mounted() {
    const auto mounted = run(context, mounter.is_mounted(place()));
    EXPECT_OK(mounted);
    return mounted && mounted.value();
  }
  void write(const std::string& name, const std::string& text) { folder.write("srv/sales/" + name, text); }

  asio::io_context context;
  TemporaryFolder folder;
  std::vector<std::string> loops;
  FilesystemMounter mounter{folder / "dev", 10s};
};

TEST_F(VolumeMountsTest, MountsAndUnmounts) {
  EXPECT_FALSE(is_mounted());
  ASSERT_OK(mount());
  EXPECT_TRUE(is_mounted());
  write("1", "a sale");
  ASSERT_OK(unmount());
  EXPECT_FALSE(is_mounted());
  EXPECT_EQ(folder.read("srv/sales/1"), "");
  ASSERT_OK(mount());
  EXPECT_EQ(folder.read("srv/sales/1"), "a sale");
}

TEST_F(VolumeMountsTest, NeverTwice) {
  ASSERT_OK(mount());
  ASSERT_OK(mount());
  ASSERT_OK(unmount());
  EXPECT_FALSE(is_mounted()) << "nothing lies below";
  EXPECT_OK(unmount()) << "what is not mounted is no error";
}

TEST_F(VolumeMountsTest, AMountPointThatIsALinkIsFound) {
  fs::create_directories(folder / "real");
  fs::create_directory_symlink(folder / "real", folder / "srv");
  ASSERT_OK(mount());
  EXPECT_TRUE(is_mounted());
  ASSERT_OK(mount());
  ASSERT_OK(unmount());
  EXPECT_FALSE(is_mounted());
}

TEST_F(VolumeMountsTest, OneThatIsBusyStaysAndItsUserIsNamed) {
  ASSERT_OK(mount());
  const Descriptor open(::creat((place().mount_point + "/open").c_str(), 0644));
  const auto refused = unmount();
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("it is used by " + std::to_string(::getpid()) + " (agent_linux_tes"), std::string::npos)
      << refused.error().message;
  EXPECT_TRUE(is_mounted());
}

TEST_F(VolumeMountsTest, WhatIsMountedOnItIsNamed) {
  ASSERT_OK(mount());
  const std::string inner = place().mount_point + "/inner";
  ::mkdir(inner.c_str(), 0755);
  ASSERT_EQ(::mount("none", inner.c_str(), "tmpfs", 0, nullptr), 0);
  const auto refused = unmount();
  ::umount2(inner.c_str(), 0);
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("'" + inner + "' is mounted on it"), std::string::npos) << refused.error().message;
}

TEST_F(VolumeMountsTest, AnotherMountOfTheDeviceKeepsItInUse) {
  ASSERT_OK(mount());
  mount_by_hand(other_mount());
  const auto refused = unmount();
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("mounted at '" + other_mount() + "'"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(is_mounted()) << "as before";
  ASSERT_EQ(::umount2(other_mount().c_str(), 0), 0);
  EXPECT_OK(unmount());
}

TEST_F(VolumeMountsTest, WhatIsMountedElsewhereByHandIsNotMountedTwice) {
  mount_by_hand(other_mount());
  EXPECT_FALSE(is_mounted());
  const auto refused = mount();
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("mounted at '" + other_mount() + "'"), std::string::npos) << refused.error().message;
  EXPECT_FAILS(unmount(), Errc::conflict);
}

TEST_F(VolumeMountsTest, SomethingElseAtItsMountPointIsLeftAlone) {
  fs::create_directories(place().mount_point);
  ASSERT_EQ(::mount("none", place().mount_point.c_str(), "tmpfs", 0, nullptr), 0);
  EXPECT_FAILS(mount(), Errc::conflict);
  EXPECT_FAILS(unmount(), Errc::conflict);
  EXPECT_FAILS(run(context, mounter.is_mounted(place())), Errc::conflict);
}

// A process with a copy of the mounts, as a service with PrivateTmp= has it; here one that no unmounting reaches.
TEST_F(VolumeMountsTest, AMountInAnotherNamespaceKeepsItInUse) {
  ASSERT_OK(mount());
  int ready[2];
  ASSERT_EQ(::pipe2(ready, O_CLOEXEC), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const bool done = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    (void)!::write(ready[1], done ? "y" : "n", 1);
    ::pause();
    ::_exit(0);
  }
  char is_ready = 0;
  ASSERT_EQ(::read(ready[0], &is_ready, 1), 1);
  const auto refused = unmount();
  const bool is_back = is_mounted();
  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  ::close(ready[0]);
  ::close(ready[1]);
  ASSERT_EQ(is_ready, 'y');
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("in the mount namespace of " + std::to_string(other)), std::string::npos) << refused.error().message;
  EXPECT_TRUE(is_back);
  EXPECT_OK(unmount());
}

// As in a unit with PrivateTmp=: nobody else would see the mount.
TEST_F(VolumeMountsTest, AnAgentWithMountsOfItsOwnDoesNotMount) {
  EXPECT_FALSE(has_own_mount_namespace());
  const VolumeMount volume{mounter.path_of("xvds"), place().mount_point};
  int answer[2];
  ASSERT_EQ(::pipe2(answer, O_CLOEXEC), 0);
  const pid_t other = ::fork();
  if (other == 0) {
    const bool is_apart = ::unshare(CLONE_NEWNS) == 0 && has_own_mount_namespace();
    const auto refused = mount_volume(volume, "ext4");
    const std::string text = is_apart && !refused ? refused.error().message : "it mounts";
    (void)!::write(answer[1], text.data(), text.size());
    ::_exit(0);
  }
  char text[1024];
  const ssize_t count = ::read(answer[0], text, sizeof text);
  ::waitpid(other, nullptr, 0);
  ::close(answer[0]);
  ::close(answer[1]);
  const std::string said(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  EXPECT_NE(said.find("this agent has a mount namespace of its own"), std::string::npos) << said;
  EXPECT_FALSE(is_mounted());
}

TEST_F(VolumeMountsTest, OneCallAtATimeForADevice) {
  std::optional<Result<void>> first;
  start(context, mounter.mount(place(), "ext4"), [&](Result<void> result) { first = std::move(result); });
  const auto second = mount();
  ASSERT_TRUE(run_until(context, [&] { return first.has_value(); }));
  EXPECT_OK(*first);
  EXPECT_FAILS(second, Errc::busy);
  EXPECT_OK(unmount());
}

TEST_F(VolumeMountsTest, WhatRemainsOfADeviceThatIsGoneIsNoMount) {
  ASSERT_OK(mount());
  write("1", "old");
  detach();
  EXPECT_FALSE(is_mounted());
  EXPECT_OK(unmount()) << "there is nothing to write out to";
  attach("second");
  ASSERT_OK(mount());
  EXPECT_EQ(folder.read("srv/sales/1"), "") << "the new disk's";
  EXPECT_TRUE(is_mounted());
}

TEST_F(VolumeMountsTest, ANewDiskBehindTheOldOnesMountIsMountedInItsPlace) {
  ASSERT_OK(mount());
  write("1", "old");
  attach("second");
  EXPECT_FALSE(is_mounted()) << "another disk of the same name";
  ASSERT_OK(mount());
  EXPECT_EQ(folder.read("srv/sales/1"), "");
  ASSERT_OK(unmount());
  EXPECT_FALSE(fs::exists(folder / "srv/sales/lost+found")) << "nothing lies below";
}

TEST_F(VolumeMountsTest, AWrongFileSystemSaysSo) {
  const auto wrong = run(context, mounter.mount(place(), "xfs"));
  ASSERT_FAILS(wrong, Errc::system);
  EXPECT_TRUE(wrong.error().message.ends_with("it holds no xfs file system, or a damaged one") ||
              wrong.error().message.ends_with("this kernel has no file system 'xfs'"))
      << wrong.error().message;
  EXPECT_FAILS(run(context, mounter.mount(place(), "nosuchfs")), Errc::system);
  EXPECT_FALSE(is_mounted());
}

TEST_F(VolumeMountsTest, AHooksVolumeIsFreeWhenNobodyHoldsIt) {
  VolumePlace raw = place();
  raw.mount_point.clear();
  EXPECT_OK(run(context, mounter.unmount(raw)));
  {
    const Descriptor writer(::open(mounter.path_of("xvds").c_str(), O_RDWR | O_CLOEXEC));
    const auto refused = run(context, mounter.unmount(raw));
    ASSERT_FAILS(refused, Errc::conflict);
    EXPECT_NE(refused.error().message.find(std::to_string(::getpid())), std::string::npos) << refused.error().message;
  }
  mount_by_hand(other_mount());
  EXPECT_FAILS(run(context, mounter.unmount(raw)), Errc::conflict);
}

TEST_F(VolumeMountsTest, TheDeviceIsWaitedFor) {
  EXPECT_OK(run(context, mounter.wait_for_device("xvds", 10s)));
  const std::string loop = loops.front();
  detach();
  EXPECT_FAILS(run(context, mounter.wait_for_device("xvds", 10ms)), Errc::timed_out);
  folder.write("dev/xvds", "no device");
  EXPECT_FAILS(run(context, mounter.wait_for_device("xvds", 10ms)), Errc::timed_out);
  detach();
  std::optional<Result<void>> waited;
  start(context, mounter.wait_for_device("xvds", 10s), [&](Result<void> result) { waited = std::move(result); });
  settle(context);
  EXPECT_FALSE(waited);
  fs::create_symlink(loop, folder / "dev" / "xvds");
  ASSERT_TRUE(run_until(context, [&] { return waited.has_value(); }));
  EXPECT_OK(*waited);
}

}  // namespace
}  // namespace zynclone::tests
