#include "tests/host-broker/xen/store/contract_store.hpp"

namespace zynclone::xenstore {
namespace {

using Transactions = Contract;

TEST_F(Transactions, AllIsWrittenAtOnce) {
  Store other = open();
  ASSERT_TRUE(store.transact([&](Transaction& transaction) -> Result<void> {
    TRY(transaction.write(root + "/a", "1"));
    TRY(transaction.write(root + "/b", "2"));
    EXPECT_EQ(transaction.read(root + "/a").value(), "1");
    EXPECT_EQ(transaction.directory(root).value().size(), 2u);
    EXPECT_EQ(other.read(root + "/a").value(), std::nullopt) << "not seen outside before the commit";
    return outcome::success();
  }));
  EXPECT_EQ(other.read(root + "/a").value(), "1");
  EXPECT_EQ(other.read(root + "/b").value(), "2");
}

TEST_F(Transactions, AnErrorOfTheWorkUndoesIt) {
  ASSERT_TRUE(store.write(root + "/a", "before"));
  const auto done = store.transact([&](Transaction& transaction) -> Result<void> {
    TRY(transaction.write(root + "/a", "inside"));
    return fail(Errc::conflict, "cannot go on");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::conflict);
  EXPECT_EQ(store.read(root + "/a").value(), "before");
}

TEST_F(Transactions, RemovalInsideIsRemovalAfterwards) {
  ASSERT_TRUE(store.write(root + "/a/b", "value"));
  ASSERT_TRUE(store.transact([&](Transaction& transaction) -> Result<void> {
    TRY(transaction.remove(root + "/a"));
    EXPECT_EQ(transaction.read(root + "/a/b").value(), std::nullopt);
    TRY(transaction.remove(root + "/nothing"));
    return outcome::success();
  }));
  EXPECT_EQ(store.read(root + "/a").value(), std::nullopt);
}

TEST_F(Transactions, OneThatConflictsIsDoneAgain) {
  Store other = open();
  ASSERT_TRUE(store.write(root + "/count", "1"));
  int runs = 0;
  ASSERT_TRUE(store.transact([&](Transaction& transaction) -> Result<void> {
    ++runs;
    TRY(const auto count, transaction.read(root + "/count"));
    if (runs == 1) {
      TRY(other.write(root + "/count", "10"));
    }
    return transaction.write(root + "/count", *count + "1");
  }));
  EXPECT_EQ(runs, 2);
  EXPECT_EQ(store.read(root + "/count").value(), "101");
}

TEST_F(Transactions, OneThatAlwaysConflictsGivesUp) {
  Store other = open();
  int runs = 0;
  const auto done = store.transact([&](Transaction& transaction) -> Result<void> {
    TRY([[maybe_unused]] const auto before, transaction.read(root + "/a"));
    TRY(other.write(root + "/a", std::to_string(++runs)));
    return transaction.write(root + "/b", "value");
  });
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Errc::busy) << done.error().message;
  EXPECT_EQ(runs, 20);
  EXPECT_EQ(store.read(root + "/b").value(), std::nullopt);
}

TEST_F(Transactions, ManyAfterEachOtherLeaveNoneOpen) {
  for (int number = 0; number < 50; ++number) {
    ASSERT_FALSE(store.transact([](Transaction&) -> Result<void> { return fail(Errc::conflict, "no"); }));
    ASSERT_TRUE(store.transact([&](Transaction& transaction) { return transaction.write(root + "/a", std::to_string(number)); }));
  }
  EXPECT_EQ(store.read(root + "/a").value(), "49");
}

}  // namespace
}  // namespace zynclone::xenstore
