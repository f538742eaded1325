#include "system/peer_credentials.hpp"

#include <gtest/gtest.h>

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "system/descriptor.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone {
namespace {

TEST(PeerCredentials, AreThoseOfWhoConnected) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Descriptor first(ends[0]);
  Descriptor second(ends[1]);
  auto peer = peer_credentials(first.get());
  ASSERT_OK(peer);
  EXPECT_EQ(peer.value().process, ::getpid());
  EXPECT_EQ(peer.value().user, ::geteuid());
  EXPECT_EQ(peer.value().group, ::getegid());
}

TEST(PeerCredentials, OfNoSocketIsAnError) {
  EXPECT_FAILS(peer_credentials(-1), Errc::system);
}

TEST(UserName, OfRootAndOfNobodyInTheDatabase) {
  EXPECT_EQ(user_name(0), "root");
  EXPECT_EQ(user_name(4'000'000'123), "uid 4000000123");
}

TEST(IsInGroup, ByPrimaryGroupOfTheProcess) {
  const group* root = ::getgrgid(0);
  ASSERT_NE(root, nullptr);
  auto member = is_in_group({.process = 1, .user = 4'000'000'123, .group = 0}, root->gr_name);
  ASSERT_OK(member);
  EXPECT_TRUE(member.value());
}

TEST(IsInGroup, ByTheDatabase) {
  // The user's own group by the passwd database, although the process runs with another.
  auto member = is_in_group({.process = 1, .user = 0, .group = 12345}, "root");
  ASSERT_OK(member);
  EXPECT_TRUE(member.value());
}

TEST(IsInGroup, NotWithoutMembershipOrGroupOrUser) {
  for (const PeerCredentials& peer : {PeerCredentials{1, 65534, 65534}, PeerCredentials{1, 4'000'000'123, 4'000'000'123}}) {
    auto root = is_in_group(peer, "root");
    ASSERT_OK(root);
    EXPECT_FALSE(root.value());
  }
  auto none = is_in_group({.process = 1, .user = 0, .group = 0}, "no-such-group-of-zynclone");
  ASSERT_OK(none);
  EXPECT_FALSE(none.value());
}

}  // namespace
}  // namespace zynclone
