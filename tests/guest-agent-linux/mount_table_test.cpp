#include "guest-agent-linux/mount_table.hpp"

#include <algorithm>
#include <sys/sysmacros.h>

#include "tests/support/result_matchers.hpp"

namespace zynclone::agent {
namespace {

TEST(MountTable, ReadsLines) {
  const auto table = parse_mount_table(
      "36 35 202:5120 / /srv/sales rw,nosuid,nodev,relatime shared:1 - ext4 /dev/xvds rw\n"
      "37 35 0:44 /sub /srv/with\\040blank\\134and rw,relatime master:1 propagate_from:2 - btrfs /dev/xvdt rw,subvol=/sub\n"
      "38 35 0:45 / /run rw - tmpfs tmpfs rw\n");
  ASSERT_EQ(table.size(), 3u);
  EXPECT_EQ(table[0].device, makedev(202, 5120));
  EXPECT_EQ(table[0].mount_point, "/srv/sales");
  EXPECT_EQ(table[0].filesystem, "ext4");
  EXPECT_EQ(table[0].source, "/dev/xvds");
  EXPECT_EQ(table[1].mount_point, "/srv/with blank\\and");
  EXPECT_EQ(table[1].filesystem, "btrfs");
  EXPECT_EQ(table[1].source, "/dev/xvdt");
  EXPECT_EQ(table[2].filesystem, "tmpfs");
}

TEST(MountTable, LinesThatCannotBeReadAreLeftOut) {
  const auto table = parse_mount_table(
      "\n"
      "36 35 98:0 / /a rw\n"
      "36 35 x:0 / /b rw - ext4 /dev/b rw\n"
      "36 35 980 / /c rw - ext4 /dev/c rw\n"
      "36 35 98:0 / /d rw - ext4\n"
      "36 35 98:0 / /e\\04 rw - ext4 /dev/e rw");
  ASSERT_EQ(table.size(), 1u);
  EXPECT_EQ(table[0].mount_point, "/e\\04");
}

TEST(MountTable, ThisMachinesOwnHasARoot) {
  const auto table = read_mount_table("self");
  ASSERT_OK(table);
  EXPECT_TRUE(std::any_of(table.value().begin(), table.value().end(), [](const MountEntry& entry) { return entry.mount_point == "/"; }));
  EXPECT_FAILS(read_mount_table("0"), Errc::not_found);
}

}  // namespace
}  // namespace zynclone::agent
