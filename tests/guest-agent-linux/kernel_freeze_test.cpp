// FIFREEZE and FITHAW for real, on a small file system in a loop device. Needs root and loop devices; skipped elsewhere.

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "guest-agent-linux/filesystem_freezer.hpp"
#include "guest-agent-linux/mount_check.hpp"
#include "system/descriptor.hpp"
#include "system/process.hpp"
#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

using namespace std::chrono_literals;

class KernelFreeze : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    const std::string image = folder.write("image", "");
    ASSERT_EQ(::truncate(image.c_str(), 16 << 20), 0);
    mount = (folder / "mount").string();
    ::mkdir(mount.c_str(), 0755);
    if (!succeeds({"mkfs.ext4", "-q", image}) || !succeeds({"mount", "-o", "loop", image, mount})) GTEST_SKIP() << "no loop devices";
    mounted = true;
  }
  void TearDown() override {
    if (!mounted) return;
    (void)kernel_freeze_calls().thaw(mount);
    EXPECT_TRUE(succeeds({"umount", mount}));
  }
  bool succeeds(std::vector<std::string> arguments) {
    const auto output = run(context, run_process(std::move(arguments)));
    return output && output.value().status == 0;
  }

  asio::io_context context;
  TemporaryFolder folder;
  std::string mount;
  bool mounted = false;
};

TEST_F(KernelFreeze, HoldsWritesUntilTheThaw) {
  FilesystemFreezer freezer(context.get_executor(), {mount}, MountCheck({}));
  ASSERT_OK(run(context, freezer.freeze(10s, 60s)));
  EXPECT_EQ(kernel_freeze_calls().freeze(mount), EBUSY) << "it is frozen";
  EXPECT_EQ(::access(mount.c_str(), R_OK), 0) << "reading goes on";
  const auto thawed = run(context, freezer.thaw({mount}));
  ASSERT_OK(thawed);
  EXPECT_EQ(thawed.value(), Thaw::held);
  EXPECT_EQ(kernel_freeze_calls().thaw(mount), EINVAL) << "it is not frozen any more";
  const Descriptor written(::creat((mount + "/file").c_str(), 0644));
  EXPECT_GE(written.get(), 0);
}

TEST_F(KernelFreeze, ThawsByItself) {
  FilesystemFreezer freezer(context.get_executor(), {mount}, MountCheck({}));
  ASSERT_OK(run(context, freezer.freeze(10s, 50ms)));
  // Ends only when it is thawed; nobody but the freezer's own thread does that.
  const int file = ::creat((mount + "/file").c_str(), 0644);
  EXPECT_GE(file, 0);
  ::close(file);
  EXPECT_EQ(run(context, freezer.thaw({mount})).value(), Thaw::lost);
}

TEST_F(KernelFreeze, OneThatIsFrozenAlreadyIsLeftAlone) {
  ASSERT_EQ(kernel_freeze_calls().freeze(mount), 0);
  FilesystemFreezer freezer(context.get_executor(), {mount}, MountCheck({}));
  EXPECT_FAILS(run(context, freezer.freeze(10s, 60s)), Errc::conflict);
  EXPECT_EQ(kernel_freeze_calls().thaw(mount), 0) << "it is still frozen";
}

TEST_F(KernelFreeze, WhatTheAgentWritesToIsNeverFrozen) {
  EXPECT_OK(MountCheck({folder.path().string()})(mount));
  EXPECT_FAILS(MountCheck({mount + "/run/zynclone"})(mount), Errc::configuration);
  EXPECT_FAILS(MountCheck({mount})(mount), Errc::configuration);
  ::mkdir((mount + "/folder").c_str(), 0755);
  EXPECT_FAILS(MountCheck({})(mount + "/folder"), Errc::configuration) << "it is no mount point";
}

}  // namespace
}  // namespace zynclone::tests
