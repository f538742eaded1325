#include "host-broker/sandbox/store/tree.hpp"

#include <gtest/gtest.h>

#include "host-broker/sandbox/store/limits.hpp"

namespace zynclone::sandbox {
namespace {

using namespace std::string_literals;

constexpr Actor k_host{k_host_domain};
constexpr Actor k_guest{DomainId{5}};
constexpr Actor k_other{DomainId{6}};

class Tree : public ::testing::Test {
 protected:
  Tree() {
    tree.add_domain({5});
    tree.add_domain({6});
  }

  // A node with these permissions, as the host makes it.
  void make(const std::string& path, const std::string& permissions, const std::string& value = "") {
    ASSERT_TRUE(tree.write(k_host, path, value));
    ASSERT_TRUE(tree.set_permissions(k_host, path, parse_permissions(permissions).value()));
  }

  std::string value(Actor actor, const std::string& path) {
    const auto node = tree.read(actor, path);
    return node ? node.value()->value : "error";
  }

  StoreTree tree;
};

std::vector<std::string> paths_of(const Changes& changes) {
  std::vector<std::string> paths;
  for (const auto& change : changes) paths.push_back(change.path);
  return paths;
}

TEST_F(Tree, WriteMakesWhatIsMissingAbove) {
  ASSERT_TRUE(tree.write(k_host, "/a/b/c", "x"));
  EXPECT_EQ(value(k_host, "/a/b/c"), "x");
  EXPECT_EQ(tree.read(k_host, "/a").value()->children, (std::set<std::string>{"b"}));
  EXPECT_EQ(value(k_host, "/a/b"), "");
}

TEST_F(Tree, ValuesMayHoldAnything) {
  ASSERT_TRUE(tree.write(k_host, "/a", "x\0\xff"s));
  EXPECT_EQ(value(k_host, "/a"), "x\0\xff"s);
}

TEST_F(Tree, MakeLeavesWhatIsThere) {
  ASSERT_TRUE(tree.write(k_host, "/a", "x"));
  const auto again = tree.make(k_host, "/a");
  ASSERT_TRUE(again);
  EXPECT_TRUE(again.value().empty()) << "nothing changed, so no watch fires";
  EXPECT_EQ(value(k_host, "/a"), "x");
}

TEST_F(Tree, BadPathsAreInvalid) {
  EXPECT_EQ(tree.write(k_host, "/a//b", "").error(), StoreError::invalid);
  EXPECT_EQ(tree.read(k_host, "a").error(), StoreError::invalid);
  EXPECT_EQ(tree.remove(k_host, "/a/").error(), StoreError::invalid);
}

TEST_F(Tree, NewNodesInheritPermissionsAndBelongToTheGuestThatMadeThem) {
  make("/home", "r5\0b6\0"s);
  ASSERT_TRUE(tree.write(k_host, "/home/by-host", ""));
  EXPECT_EQ(to_strings(tree.read(k_host, "/home/by-host").value()->permissions), "r5\0b6\0"s);
  ASSERT_TRUE(tree.write(k_other, "/home/by-other", ""));
  EXPECT_EQ(to_strings(tree.read(k_host, "/home/by-other").value()->permissions), "r6\0b6\0"s);
}

TEST_F(Tree, ADomainWithoutPermissionDoesNotLearnWhatIsThere) {
  make("/secret", "n0\0"s, "x");
  EXPECT_EQ(tree.read(k_guest, "/secret").error(), StoreError::no_access);
  EXPECT_EQ(tree.read(k_guest, "/nothing").error(), StoreError::no_access) << "the same as for what is there";
  EXPECT_EQ(tree.read(k_guest, "/secret/below").error(), StoreError::no_access);
  EXPECT_EQ(tree.write(k_guest, "/secret", "y").error(), StoreError::no_access);
  EXPECT_EQ(tree.remove(k_guest, "/secret").error(), StoreError::no_access);
  EXPECT_EQ(value(k_host, "/secret"), "x");
}

TEST_F(Tree, AReaderIsToldThatNothingIsThere) {
  make("/shared", "n0\0r5\0"s, "x");
  EXPECT_EQ(value(k_guest, "/shared"), "x");
  EXPECT_EQ(tree.read(k_guest, "/shared/nothing").error(), StoreError::no_entry);
  EXPECT_EQ(tree.write(k_guest, "/shared", "y").error(), StoreError::no_access);
  EXPECT_EQ(tree.write(k_guest, "/shared/new", "y").error(), StoreError::no_access);
}

TEST_F(Tree, ANodeMayBeOpenInsideAClosedOne) {
  make("/closed", "n0\0"s);
  make("/closed/open", "n0\0b5\0"s);
  EXPECT_TRUE(tree.write(k_guest, "/closed/open", "x"));
  EXPECT_EQ(value(k_guest, "/closed/open"), "x");
}

TEST_F(Tree, RemoveTakesAllBelowAndTellsChildrenExactly) {
  ASSERT_TRUE(tree.write(k_host, "/a/b/c", "x"));
  ASSERT_TRUE(tree.write(k_host, "/a/d", "x"));
  const auto changes = tree.remove(k_host, "/a");
  ASSERT_TRUE(changes);
  const auto paths = paths_of(changes.value());
  EXPECT_EQ(paths.back(), "/a") << "children before their parents";
  EXPECT_EQ(std::set<std::string>(paths.begin(), paths.end()), (std::set<std::string>{"/a", "/a/b", "/a/b/c", "/a/d"}));
  for (const auto& change : changes.value()) EXPECT_EQ(change.exact, change.path != "/a") << change.path;
  EXPECT_EQ(tree.read(k_host, "/a/b/c").error(), StoreError::no_entry);
  EXPECT_TRUE(tree.read(k_host, "/").value()->children.empty());
}

TEST_F(Tree, RemoveOfNothingIsFineWhereTheParentIs) {
  EXPECT_TRUE(tree.remove(k_host, "/nothing"));
  EXPECT_EQ(tree.remove(k_host, "/nothing/below").error(), StoreError::no_entry);
  EXPECT_EQ(tree.remove(k_host, "/").error(), StoreError::invalid);
}

TEST_F(Tree, OnlyTheOwnerSetsPermissionsAndCannotGiveTheNodeAway) {
  make("/home", "n5\0b6\0"s);
  EXPECT_EQ(tree.set_permissions(k_other, "/home", parse_permissions("b6\0"s).value()).error(), StoreError::no_access);
  EXPECT_EQ(tree.set_permissions(k_guest, "/home", parse_permissions("n6\0"s).value()).error(), StoreError::not_permitted);
  EXPECT_TRUE(tree.set_permissions(k_guest, "/home", parse_permissions("r5\0"s).value()));
  EXPECT_EQ(to_strings(tree.read(k_host, "/home").value()->permissions), "r5\0"s);
  EXPECT_EQ(tree.set_permissions(k_host, "/home", parse_permissions("n99\0"s).value()).error(), StoreError::no_entry);
}

TEST_F(Tree, WatchersMayKnowByOldAndNewPermissions) {
  make("/home", "n0\0r5\0"s);
  const auto changes = tree.set_permissions(k_host, "/home", parse_permissions("n0\0r6\0"s).value());
  ASSERT_EQ(changes.value().size(), 1u);
  std::set<std::uint32_t> may_know;
  for (const auto& permissions : changes.value()[0].readable_by)
    for (const std::uint32_t domain : {5u, 6u})
      if ((permissions.access_of({domain}) & k_may_read) != 0) may_know.insert(domain);
  EXPECT_EQ(may_know, (std::set<std::uint32_t>{5, 6}));
}

TEST_F(Tree, AGuestHasSoManyNodesAndNoMore) {
  make("/home", "n5\0"s);
  for (int number = 1; tree.nodes_owned_by({5}) < k_most_nodes; ++number) {
    const std::string path = "/home/" + std::to_string(number % 50) + "/" + std::to_string(number);
    ASSERT_TRUE(tree.write(k_guest, path, "")) << path;
  }
  EXPECT_EQ(tree.write(k_guest, "/home/more", "").error(), StoreError::no_space);
  EXPECT_TRUE(tree.write(k_guest, "/home/1", "still")) << "no new node";
  EXPECT_TRUE(tree.write(k_host, "/home/more", "")) << "the host is exempt";
  ASSERT_TRUE(tree.remove(k_host, "/home/more"));
  ASSERT_TRUE(tree.remove(k_guest, "/home/1"));
  EXPECT_TRUE(tree.write(k_guest, "/home/more", ""));
}

TEST_F(Tree, OverTheQuotaNothingIsMadeByHalves) {
  make("/home", "n5\0"s);
  for (int number = 0; tree.nodes_owned_by({5}) < k_most_nodes - 2; ++number)
    ASSERT_TRUE(tree.write(k_guest, "/home/" + std::to_string(number % 40) + "/" + std::to_string(number), ""));
  EXPECT_EQ(tree.write(k_guest, "/home/x/y/z", "").error(), StoreError::no_space);
  EXPECT_EQ(tree.read(k_guest, "/home/x").error(), StoreError::no_entry);
  EXPECT_EQ(tree.nodes_owned_by({5}), k_most_nodes - 2);
}

TEST_F(Tree, AGuestsNodeHasASize) {
  make("/home", "n5\0"s);
  EXPECT_TRUE(tree.write(k_guest, "/home/x", std::string(2048 - 20 - 8 - 1, 'a')));
  EXPECT_EQ(tree.write(k_guest, "/home/x", std::string(2048 - 20 - 8, 'a')).error(), StoreError::no_space);
  EXPECT_TRUE(tree.write(k_host, "/home/x", std::string(4000, 'a')));
  EXPECT_EQ(tree.write(k_guest, "/home/" + std::string(2030, 'n'), "").error(), StoreError::no_space) << "names of children count";
}

TEST_F(Tree, AGuestsNodeHasFewPermissions) {
  make("/home", "n5\0"s);
  EXPECT_TRUE(tree.set_permissions(k_guest, "/home", parse_permissions("n5\0r1\0r2\0r3\0r4\0"s).value()));
  EXPECT_EQ(tree.set_permissions(k_guest, "/home", parse_permissions("n5\0r1\0r2\0r3\0r4\0r6\0"s).value()).error(), StoreError::no_space);
}

TEST_F(Tree, WithADomainGoWhatItOwnedAndWhatItWasGranted) {
  make("/home", "n5\0r6\0"s);
  make("/home/of-host", "n0\0"s);
  make("/shared", "n0\0r5\0"s, "secret");
  const auto changes = tree.remove_domain({5});
  EXPECT_EQ(paths_of(changes), (std::vector<std::string>{"/home/of-host", "/home"}));
  EXPECT_EQ(tree.nodes_owned_by({5}), 0u);
  tree.add_domain({5});
  EXPECT_EQ(tree.read(k_guest, "/shared").error(), StoreError::no_access) << "another domain with the same number";
}

TEST_F(Tree, AGrantToADomainThatIsNotThereYetGivesNothingLater) {
  make("/shared", "n0\0r9\0"s, "x");
  tree.add_domain({9});
  EXPECT_EQ(tree.read({DomainId{9}}, "/shared").error(), StoreError::no_access);
}

}  // namespace
}  // namespace zynclone::sandbox
