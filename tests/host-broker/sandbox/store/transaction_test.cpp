#include <gtest/gtest.h>

#include "host-broker/sandbox/store/limits.hpp"
#include "host-broker/sandbox/store/tree.hpp"

namespace zynclone::sandbox {
namespace {

using namespace std::string_literals;

constexpr Actor k_by_host{k_host_domain};
constexpr DomainId k_guest_domain{5};

class Transaction : public ::testing::Test {
 protected:
  Transaction() {
    tree.add_domain(k_guest_domain);
    EXPECT_TRUE(tree.write(k_by_host, "/home", ""));
    EXPECT_TRUE(tree.set_permissions(k_by_host, "/home", parse_permissions("n5\0"s).value()));
    EXPECT_TRUE(tree.write(k_by_host, "/home/x", "old"));
  }

  std::string value(Actor actor, const std::string& path) {
    const auto node = tree.read(actor, path);
    return node ? node.value()->value : "error";
  }

  StoreTree tree;
  StoreTransaction transaction;
  Actor inside{k_host_domain, &transaction};
};

TEST_F(Transaction, ChangesAreSeenInsideOnlyUntilTheCommit) {
  const auto changes = tree.write(inside, "/home/x", "new");
  ASSERT_TRUE(changes);
  EXPECT_TRUE(changes.value().empty()) << "watches wait for the commit";
  EXPECT_EQ(value(inside, "/home/x"), "new");
  EXPECT_EQ(value(k_by_host, "/home/x"), "old");
  const auto committed = tree.commit(k_host_domain, transaction);
  ASSERT_TRUE(committed);
  ASSERT_EQ(committed.value().size(), 1u);
  EXPECT_EQ(committed.value()[0].path, "/home/x");
  EXPECT_EQ(value(k_by_host, "/home/x"), "new");
}

TEST_F(Transaction, OneThatIsDroppedLeavesNothing) {
  ASSERT_TRUE(tree.write(inside, "/home/y/z", "new"));
  ASSERT_TRUE(tree.remove(inside, "/home/x"));
  transaction = {};
  EXPECT_EQ(value(k_by_host, "/home/x"), "old");
  EXPECT_EQ(tree.read(k_by_host, "/home/y").error(), StoreError::no_entry);
  EXPECT_EQ(tree.nodes_owned_by(k_guest_domain), 2u);
}

TEST_F(Transaction, ReadsStayAsTheyWere) {
  EXPECT_EQ(value(inside, "/home/x"), "old");
  ASSERT_TRUE(tree.write(k_by_host, "/home/x", "new"));
  EXPECT_EQ(value(inside, "/home/x"), "old");
}

TEST_F(Transaction, ConflictsWithAWriteOfWhatWasRead) {
  EXPECT_EQ(value(inside, "/home/x"), "old");
  ASSERT_TRUE(tree.write(inside, "/home/y", "new"));
  ASSERT_TRUE(tree.write(k_by_host, "/home/x", "old")) << "the same value, but written";
  EXPECT_EQ(tree.commit(k_host_domain, transaction).error(), StoreError::conflict);
  EXPECT_EQ(tree.read(k_by_host, "/home/y").error(), StoreError::no_entry);
}

TEST_F(Transaction, ConflictsWithTheCreationOfWhatWasNotThere) {
  EXPECT_EQ(tree.read(inside, "/home/y").error(), StoreError::no_entry);
  ASSERT_TRUE(tree.write(k_by_host, "/home/y", "theirs"));
  EXPECT_EQ(tree.commit(k_host_domain, transaction).error(), StoreError::conflict);
}

TEST_F(Transaction, ConflictsWithAnotherThatMadeASibling) {
  StoreTransaction other;
  ASSERT_TRUE(tree.write(inside, "/home/mine", ""));
  ASSERT_TRUE(tree.write({k_host_domain, &other}, "/home/theirs", ""));
  ASSERT_TRUE(tree.commit(k_host_domain, other));
  EXPECT_EQ(tree.commit(k_host_domain, transaction).error(), StoreError::conflict) << "both changed the parent's children";
}

TEST_F(Transaction, ConflictsWithRemovalAndPermissions) {
  ASSERT_TRUE(tree.write(inside, "/home/x", "new"));
  ASSERT_TRUE(tree.remove(k_by_host, "/home/x"));
  EXPECT_EQ(tree.commit(k_host_domain, transaction).error(), StoreError::conflict);

  StoreTransaction second;
  ASSERT_TRUE(tree.read({k_host_domain, &second}, "/home"));
  ASSERT_TRUE(tree.set_permissions(k_by_host, "/home", parse_permissions("r5\0"s).value()));
  EXPECT_EQ(tree.commit(k_host_domain, second).error(), StoreError::conflict);
}

TEST_F(Transaction, DoesNotConflictWithWhatItDidNotLookAt) {
  ASSERT_TRUE(tree.write(inside, "/home/x", "new"));
  ASSERT_TRUE(tree.write(k_by_host, "/elsewhere", ""));
  ASSERT_TRUE(tree.write(k_by_host, "/home", "the parent's value is not the child's"));
  EXPECT_TRUE(tree.commit(k_host_domain, transaction));
}

TEST_F(Transaction, RemovalIsCommittedAndToldWithItsOldPermissions) {
  ASSERT_TRUE(tree.write(k_by_host, "/home/x/below", ""));
  ASSERT_TRUE(tree.remove(inside, "/home/x"));
  EXPECT_EQ(tree.read(inside, "/home/x").error(), StoreError::no_entry);
  const auto changes = tree.commit(k_host_domain, transaction);
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes.value().size(), 2u);
  for (const auto& change : changes.value()) {
    EXPECT_EQ(change.exact, change.path != "/home/x");
    ASSERT_FALSE(change.readable_by.empty());
    EXPECT_NE(change.readable_by[0].access_of(k_guest_domain) & k_may_read, 0u);
  }
  EXPECT_EQ(tree.read(k_by_host, "/home/x").error(), StoreError::no_entry);
  EXPECT_EQ(tree.nodes_owned_by(k_guest_domain), 1u);
}

TEST_F(Transaction, MadeAndRemovedInsideLeavesNothing) {
  ASSERT_TRUE(tree.write(inside, "/home/y", ""));
  ASSERT_TRUE(tree.remove(inside, "/home/y"));
  ASSERT_TRUE(tree.commit(k_host_domain, transaction));
  EXPECT_EQ(tree.read(k_by_host, "/home/y").error(), StoreError::no_entry);
  EXPECT_EQ(tree.read(k_by_host, "/home").value()->children, (std::set<std::string>{"x"}));
}

TEST_F(Transaction, OwnersAreCountedAtTheCommit) {
  const Actor guest{k_guest_domain, &transaction};
  ASSERT_TRUE(tree.write(guest, "/home/a/b", ""));
  EXPECT_EQ(tree.nodes_owned_by(k_guest_domain), 2u);
  ASSERT_TRUE(tree.commit(k_guest_domain, transaction));
  EXPECT_EQ(tree.nodes_owned_by(k_guest_domain), 4u);
}

TEST_F(Transaction, AGuestsTransactionHasASize) {
  const Actor guest{k_guest_domain, &transaction};
  StoreResult<NodePointer> read = nullptr;
  std::size_t looked_at = 0;
  while (read || read.error() == StoreError::no_entry) read = tree.read(guest, "/home/" + std::to_string(++looked_at));
  EXPECT_EQ(read.error(), StoreError::no_space);
  EXPECT_LE(looked_at, k_most_transaction_nodes + 1);
  EXPECT_EQ(tree.commit(k_guest_domain, transaction).error(), StoreError::no_memory);
}

TEST_F(Transaction, SiblingsThatAreMadeOneAfterTheOtherDoNotConflict) {
  ASSERT_TRUE(tree.write(inside, "/home/first", ""));
  ASSERT_TRUE(tree.commit(k_host_domain, transaction));
  StoreTransaction second;
  ASSERT_TRUE(tree.write({k_host_domain, &second}, "/home/second", ""));
  EXPECT_TRUE(tree.commit(k_host_domain, second));
}

}  // namespace
}  // namespace zynclone::sandbox
