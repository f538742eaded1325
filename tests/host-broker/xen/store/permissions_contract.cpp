#include "tests/host-broker/xen/store/contract_store.hpp"

namespace zynclone::xenstore {
namespace {

using NodePermissions = Contract;

const Permissions k_host_only{.owner = {0}, .readers = {}};
const Permissions k_guest_may_read{.owner = {0}, .readers = {k_guest}};
const std::string k_guests_data = "/local/domain/" + std::to_string(k_guest.value) + "/data";

// Of a request that should fail: the error's name.
template <class T>
std::string outcome_of(const Result<T>& result) {
  return result ? "success" : std::string(to_string(result.error().code));
}

TEST_F(NodePermissions, AreAsTheyWereSet) {
  ASSERT_TRUE(store.write(root + "/a", "value", k_guest_may_read));
  EXPECT_EQ(permissions_of(root + "/a"), "n0 rguest");
  EXPECT_EQ(store.read(root + "/a").value(), "value");
  ASSERT_TRUE(store.write(root + "/a", "value", {.owner = {0}, .readers = {k_guest, {6}}}));
  EXPECT_EQ(permissions_of(root + "/a"), "n0 rguest r6");
  ASSERT_TRUE(store.write(root + "/a", "value"));
  EXPECT_EQ(permissions_of(root + "/a"), "n0 rguest r6") << "a write leaves them";
}

TEST_F(NodePermissions, OfANewNodeAreItsParents) {
  ASSERT_TRUE(store.write(root, "", k_guest_may_read));
  ASSERT_TRUE(store.write(root + "/a/b", "value"));
  EXPECT_EQ(permissions_of(root + "/a/b"), "n0 rguest");
  ASSERT_TRUE(store.write(root + "/c", "value", k_host_only));
  EXPECT_EQ(permissions_of(root + "/c"), "n0");
}

TEST_F(NodePermissions, AreSetTogetherWithTheNode) {
  ASSERT_TRUE(store.write(root, "", k_guest_may_read));
  ASSERT_TRUE(store.transact([&](Transaction& transaction) -> Result<void> {
    TRY(transaction.write(root + "/a", "value", k_host_only));
    EXPECT_EQ(permissions_of(root + "/a"), "") << "nobody sees the node before";
    return outcome::success();
  }));
  EXPECT_EQ(permissions_of(root + "/a"), "n0");
}

// What a guest may do. Where there is no guest to ask, all that can be seen is that the permissions are there.
TEST_F(NodePermissions, KeepAGuestOut) {
  ASSERT_TRUE(store.write(root, "", k_host_only));
  ASSERT_TRUE(store.write(root + "/secret", "value"));
  ASSERT_TRUE(store.write(root + "/shared", "value", k_guest_may_read));
  ASSERT_EQ(permissions_of(root + "/secret"), "n0");
  ASSERT_EQ(permissions_of(root + "/shared"), "n0 rguest");
  if (!can_act_as_guest()) return;

  Store guest = open_as_guest();
  EXPECT_EQ(guest.read(root + "/shared").value(), "value");
  EXPECT_EQ(outcome_of(guest.write(root + "/shared", "theirs")), "refused");
  EXPECT_EQ(outcome_of(guest.remove(root + "/shared")), "refused");
  EXPECT_EQ(outcome_of(guest.write(root + "/shared", "theirs", k_guest_may_read)), "refused");
  EXPECT_EQ(outcome_of(guest.read(root + "/secret")), "refused");
  // oxenstored tells a guest which names there are not, below a node that it may not read; C xenstored does not.
  if (!is_real_host()) {
    EXPECT_EQ(outcome_of(guest.read(root + "/nothing")), "refused") << "the same as for what is there";
  }
  EXPECT_EQ(outcome_of(guest.directory(root)), "refused");
  EXPECT_EQ(store.read(root + "/shared").value(), "value");
}

TEST_F(NodePermissions, LetAGuestWriteItsOwn) {
  if (!can_act_as_guest()) GTEST_SKIP() << "no guest to act as is named in ZYNCLONE_XENSTORE_GUEST; KeepAGuestOut reads permissions back there";
  Store guest = open_as_guest();
  ASSERT_TRUE(guest.write("data/x", "value"));
  EXPECT_EQ(store.read(k_guests_data + "/x").value(), "value");
  EXPECT_EQ(permissions_of(k_guests_data + "/x"), "nguest");
  // What the host writes there is the guest's too, unless permissions come with it.
  ASSERT_TRUE(store.write(k_guests_data + "/by-host", "value"));
  EXPECT_TRUE(guest.write("data/by-host", "theirs"));
  ASSERT_TRUE(store.write(k_guests_data + "/answer", "value", k_guest_may_read));
  EXPECT_EQ(guest.read("data/answer").value(), "value");
  EXPECT_EQ(outcome_of(guest.write("data/answer", "theirs")), "refused");
  EXPECT_TRUE(guest.remove("data/x"));
  EXPECT_TRUE(store.remove(k_guests_data + "/by-host"));
  EXPECT_TRUE(store.remove(k_guests_data + "/answer"));
}

TEST_F(NodePermissions, DecideWhatAGuestsWatchSees) {
  if (!can_act_as_guest()) GTEST_SKIP() << "no guest to act as is named in ZYNCLONE_XENSTORE_GUEST";
  ASSERT_TRUE(store.write(root, "", k_host_only));
  Store guest = open_as_guest();
  ASSERT_TRUE(guest.watch(root, "token"));
  ASSERT_EQ(next(guest), root + " token");
  ASSERT_TRUE(store.write(root + "/secret", "value"));
  ASSERT_TRUE(store.write(root + "/shared", "value", k_guest_may_read));
  EXPECT_EQ(next(guest), root + "/shared token") << "not of the secret";
}

TEST_F(NodePermissions, AGuestHasQuotas) {
  if (!can_act_as_guest()) GTEST_SKIP() << "no guest to act as is named in ZYNCLONE_XENSTORE_GUEST";
  Store guest = open_as_guest();
  const auto large = guest.write("data/large", std::string(3000, 'x'));
  ASSERT_FALSE(large);
  EXPECT_EQ(large.error().code, Errc::limit_exceeded) << large.error().message;
  if (is_real_host()) return;  // of too many watches its kernel tells the guest something else
  Result<void> watched = outcome::success();
  int watches = 0;
  while (watched && watches < 1000) watched = guest.watch("data", "token-" + std::to_string(watches++));
  EXPECT_EQ(watched.error().code, Errc::limit_exceeded);
  EXPECT_LT(watches, 200);
}

}  // namespace
}  // namespace zynclone::xenstore
