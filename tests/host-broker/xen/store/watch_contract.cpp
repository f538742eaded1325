#include <boost/asio/thread_pool.hpp>

#include "tests/host-broker/xen/store/contract_store.hpp"

namespace zynclone::xenstore {
namespace {

using Watches = Contract;

TEST_F(Watches, OneFiresOnceOnRegistration) {
  ASSERT_TRUE(store.watch(root, "token"));
  EXPECT_EQ(next(store), root + " token");
}

TEST_F(Watches, OneSeesWhatIsAtAndBelowIt) {
  Store other = open();
  ASSERT_TRUE(store.watch(root + "/a", "token"));
  ASSERT_EQ(next(store), root + "/a token");
  ASSERT_TRUE(other.write(root + "/a", "value"));
  EXPECT_EQ(next(store), root + "/a token");
  ASSERT_TRUE(other.write(root + "/a/b/c", "value"));
  EXPECT_EQ(next(store), root + "/a/b/c token");
  ASSERT_TRUE(other.write(root + "/ab", "not below"));
  ASSERT_TRUE(other.remove(root + "/a/b"));
  EXPECT_EQ(next(store), root + "/a/b token");
}

TEST_F(Watches, OneSeesItsNodeGoWithTheParent) {
  ASSERT_TRUE(store.write(root + "/a/b", "value"));
  ASSERT_TRUE(store.watch(root + "/a/b", "token"));
  ASSERT_EQ(next(store), root + "/a/b token");
  ASSERT_TRUE(store.remove(root + "/a"));
  EXPECT_EQ(next(store), root + "/a/b token");
  EXPECT_EQ(store.read(root + "/a/b").value(), std::nullopt);
}

TEST_F(Watches, ATransactionIsSeenWhenItIsCommitted) {
  Store other = open();
  ASSERT_TRUE(store.watch(root + "/a", "token"));
  ASSERT_EQ(next(store), root + "/a token");
  ASSERT_TRUE(other.transact([&](Transaction& transaction) -> Result<void> {
    TRY(transaction.write(root + "/a", "inside"));
    return store.write(root + "/b", "not watched");
  }));
  EXPECT_EQ(next(store), root + "/a token");
  EXPECT_EQ(store.read(root + "/a").value(), "inside");
}

TEST_F(Watches, PermissionsAreAChangeToo) {
  ASSERT_TRUE(store.write(root + "/a", "value"));
  ASSERT_TRUE(store.watch(root + "/a", "token"));
  ASSERT_EQ(next(store), root + "/a token");
  ASSERT_TRUE(store.write(root + "/a", "value", {.owner = {0}, .readers = {k_guest}}));
  EXPECT_EQ(next(store), root + "/a token");
}

TEST_F(Watches, EachHasItsToken) {
  ASSERT_TRUE(store.watch(root + "/a", "first"));
  ASSERT_TRUE(store.watch(root + "/b", "second"));
  EXPECT_EQ(next(store), root + "/a first");
  EXPECT_EQ(next(store), root + "/b second");
  ASSERT_TRUE(store.write(root + "/b", "value"));
  EXPECT_EQ(next(store), root + "/b second");
  const auto again = store.watch(root + "/a", "first");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().code, Errc::already_exists);
}

TEST_F(Watches, UnwatchEndsOne) {
  ASSERT_TRUE(store.watch(root + "/a", "first"));
  ASSERT_TRUE(store.watch(root + "/b", "second"));
  ASSERT_EQ(next(store), root + "/a first");
  ASSERT_EQ(next(store), root + "/b second");
  ASSERT_TRUE(store.write(root + "/a", "queued, and dropped by unwatch"));
  ASSERT_TRUE(store.unwatch(root + "/a", "first"));
  ASSERT_TRUE(store.write(root + "/a", "value"));
  ASSERT_TRUE(store.write(root + "/b", "value"));
  EXPECT_EQ(next(store), root + "/b second");
  EXPECT_EQ(store.unwatch(root + "/a", "first").error().code, Errc::not_found);
}

TEST_F(Watches, DomainsComingAndGoingCanBeWatched) {
  ASSERT_TRUE(store.watch("@introduceDomain", "in"));
  EXPECT_EQ(next(store), "@introduceDomain in");
  ASSERT_TRUE(store.watch("@releaseDomain", "out"));
  EXPECT_EQ(next(store), "@releaseDomain out");
}

TEST_F(Watches, AWaitThatIsGivenUpLosesNothing) {
  ASSERT_TRUE(store.watch(root + "/a", "token"));
  ASSERT_EQ(next(store), root + "/a token");
  const auto nothing = run(with_timeout(store.next_event(), std::chrono::milliseconds(1), "nothing"));
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().code, Errc::timed_out);
  ASSERT_TRUE(store.write(root + "/a", "value"));
  EXPECT_EQ(next(store), root + "/a token");
}

TEST_F(Watches, OneIsAwaitedWhileAnotherThreadWrites) {
  asio::thread_pool pool(1);
  ASSERT_TRUE(store.watch(root + "/a", "token"));
  ASSERT_EQ(next(store), root + "/a token");
  for (int number = 0; number < 50; ++number) {
    asio::post(pool, [&] { EXPECT_TRUE(store.write(root + "/a", std::to_string(number))); });
    ASSERT_EQ(next(store), root + "/a token");
  }
  pool.join();
}

// Only a xenstored of our own may be ended.
class SandboxOnly : public Contract {
 protected:
  void SetUp() override {
    if (is_real_host()) GTEST_SKIP() << "this host's xenstored cannot be ended";
  }
};

TEST_F(SandboxOnly, TheEndOfXenstoredEndsTheWait) {
  ASSERT_TRUE(store.watch(root, "token"));
  ASSERT_EQ(next(store), root + " token");
  stop_sandbox();
  EXPECT_EQ(next(store), "unavailable");
  EXPECT_EQ(store.read(root).error().code, Errc::unavailable);
  const auto opened = Store::open(context.get_executor());
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, Errc::unavailable);
  EXPECT_NE(opened.error().message.find("cannot open XenStore at '"), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace zynclone::xenstore
