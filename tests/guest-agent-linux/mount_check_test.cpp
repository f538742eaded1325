#include "guest-agent-linux/mount_check.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

using agent::MountCheck;

TEST(MountCheck, AFolderIsNoMountPoint) {
  const TemporaryFolder folder;
  const auto refused = MountCheck({})(folder.path().string());
  ASSERT_FAILS(refused, Errc::configuration);
  EXPECT_NE(refused.error().message.find("it is no mount point"), std::string::npos);
}

TEST(MountCheck, WhatIsNotThereIsNoMountPoint) { EXPECT_FAILS(MountCheck({})("/no/such/mount"), Errc::configuration); }

TEST(MountCheck, AMountPointMayBeFrozenUnlessTheAgentWritesThere) {
  EXPECT_OK(MountCheck({"/proc/self"})("/sys"));
  const auto refused = MountCheck({"/sys/kernel"})("/sys");
  ASSERT_FAILS(refused, Errc::configuration);
  EXPECT_NE(refused.error().message.find("the agent writes to '/sys/kernel'"), std::string::npos);
}

TEST(MountCheck, TheRootIsRefusedWhereTheAgentsStateIsOnIt) {
  EXPECT_FAILS(MountCheck({"/no-such-folder/state"})("/"), Errc::configuration);
  struct stat log {};
  if (::fstat(STDERR_FILENO, &log) == 0 && S_ISREG(log.st_mode)) GTEST_SKIP() << "this test's log is a file, which may be on it, too";
  EXPECT_OK(MountCheck({"/proc/state"})("/"));
}

}  // namespace
}  // namespace zynclone::tests
