// What core may rely on of Grants, whichever it has: run on the fake and on the real one.

#include <gtest/gtest.h>

#include "tests/host-broker/journal/journal_file.hpp"
#include "tests/support/fake_grants.hpp"
#include "tests/support/run.hpp"

namespace zynclone::broker::journal {
namespace {

using protocol::GrantView;

struct MemoryGrants {
  asio::io_context context;
  tests::FakeGrants kept;
  Grants& grants() { return kept; }
  void restart() {}
};

struct SqlGrants : tests::JournalFile {
  Grants& grants() { return *kept; }
};

const VmName k_pos1 = VmName::parse("pos1").value();
const VmName k_pos2 = VmName::parse("pos2").value();
const Timestamp k_granted{std::chrono::milliseconds(1'700'000'000'123)};

GrantView grant(unsigned number, const VmName& vm = k_pos1, std::uint64_t times = 1) {
  const Timestamp created = k_granted + std::chrono::milliseconds(number);
  return {.id = make_operation_id(created), .vm = vm, .operations = "cutover.*", .created = created, .until = k_granted + std::chrono::hours(1),
          .times = times, .by = "admin:anna"};
}

template <class Subject>
class GrantsContract : public ::testing::Test {
 protected:
  Result<void> add(const GrantView& grant) { return tests::run_on(subject_.context, subject_.grants().add_grant(grant)); }
  std::vector<GrantView> usable(std::optional<VmName> vm = {}, Timestamp now = k_granted) {
    auto grants = tests::run_on(subject_.context, subject_.grants().usable_grants(std::move(vm), now));
    EXPECT_OK(grants);
    return grants ? grants.value() : std::vector<GrantView>();
  }
  Result<void> use(const OperationId& id) { return tests::run_on(subject_.context, subject_.grants().use_grant(id)); }
  Result<GrantView> revoke(const OperationId& id) { return tests::run_on(subject_.context, subject_.grants().revoke_grant(id)); }

  Subject subject_;
};

using GrantSubjects = ::testing::Types<MemoryGrants, SqlGrants>;
TYPED_TEST_SUITE(GrantsContract, GrantSubjects);

TYPED_TEST(GrantsContract, WhatIsAddedIsThereWhole) {
  EXPECT_TRUE(this->usable().empty());
  const GrantView added = grant(1, k_pos1, 3);
  ASSERT_OK(this->add(added));
  const auto grants = this->usable();
  ASSERT_EQ(grants.size(), 1u);
  EXPECT_EQ(grants[0].id, added.id);
  EXPECT_EQ(grants[0].vm, k_pos1);
  EXPECT_EQ(grants[0].operations, "cutover.*");
  EXPECT_EQ(grants[0].created, added.created);
  EXPECT_EQ(grants[0].until, added.until);
  EXPECT_EQ(grants[0].times, 3u);
  EXPECT_EQ(grants[0].used, 0u);
  EXPECT_EQ(grants[0].by, "admin:anna");
}

TYPED_TEST(GrantsContract, OneVmsOrAll) {
  ASSERT_OK(this->add(grant(1, k_pos1)));
  ASSERT_OK(this->add(grant(2, k_pos2)));
  ASSERT_OK(this->add(grant(3, k_pos1)));
  const auto all = this->usable();
  ASSERT_EQ(all.size(), 3u);
  EXPECT_LT(all[0].created, all[1].created);
  EXPECT_LT(all[1].created, all[2].created);
  EXPECT_EQ(this->usable(k_pos1).size(), 2u);
  ASSERT_EQ(this->usable(k_pos2).size(), 1u);
  EXPECT_EQ(this->usable(k_pos2)[0].id, all[1].id);
  EXPECT_TRUE(this->usable(VmName::parse("pos3").value()).empty());
}

TYPED_TEST(GrantsContract, ItIsUsableUntilItsTimeIsOver) {
  const GrantView added = grant(1);
  ASSERT_OK(this->add(added));
  EXPECT_EQ(this->usable({}, added.until - std::chrono::milliseconds(1)).size(), 1u);
  EXPECT_TRUE(this->usable({}, added.until).empty());
  EXPECT_TRUE(this->usable(k_pos1, added.until).empty());
}

TYPED_TEST(GrantsContract, EachUseCountsAndTheLastUsesItUp) {
  const GrantView added = grant(1, k_pos1, 2);
  ASSERT_OK(this->add(added));
  ASSERT_OK(this->use(added.id));
  ASSERT_EQ(this->usable().size(), 1u);
  EXPECT_EQ(this->usable()[0].used, 1u);
  ASSERT_OK(this->use(added.id));
  EXPECT_TRUE(this->usable().empty());
  const auto refused = this->use(added.id);
  ASSERT_FAILS(refused, Errc::not_found);
  EXPECT_EQ(refused.error().message, "cannot use grant '" + added.id.text() + "': there is none, or none any more");
}

TYPED_TEST(GrantsContract, ARevokedOneIsGivenAsItWasAndGone) {
  const GrantView added = grant(1, k_pos1, 2);
  const GrantView other = grant(2);
  ASSERT_OK(this->add(added));
  ASSERT_OK(this->add(other));
  ASSERT_OK(this->use(added.id));
  const auto revoked = this->revoke(added.id);
  ASSERT_OK(revoked);
  EXPECT_EQ(revoked.value().id, added.id);
  EXPECT_EQ(revoked.value().used, 1u);
  EXPECT_EQ(revoked.value().times, 2u);
  EXPECT_EQ(revoked.value().until, added.until);
  ASSERT_EQ(this->usable().size(), 1u);
  EXPECT_EQ(this->usable()[0].id, other.id);
  EXPECT_FAILS(this->use(added.id), Errc::not_found);
  EXPECT_OK(this->revoke(added.id)) << "who could not do the rest of it does it again";
}

TYPED_TEST(GrantsContract, WhatIsUnknownIsNotFound) {
  const OperationId unknown = grant(1).id;
  EXPECT_FAILS(this->use(unknown), Errc::not_found);
  const auto revoked = this->revoke(unknown);
  ASSERT_FAILS(revoked, Errc::not_found);
  EXPECT_EQ(revoked.error().message, "cannot revoke grant '" + unknown.text() + "': there is none");
}

TYPED_TEST(GrantsContract, TheyOutliveARestart) {
  const GrantView added = grant(1, k_pos1, 2);
  ASSERT_OK(this->add(added));
  ASSERT_OK(this->use(added.id));
  this->subject_.restart();
  ASSERT_EQ(this->usable().size(), 1u);
  EXPECT_EQ(this->usable()[0].used, 1u);
}

TEST(SqlGrants, OldOnesAreForgottenWithOldOperations) {
  SqlGrants sql;
  GrantView used_up = grant(1);
  const GrantView over = grant(2);
  GrantView recent = grant(3);
  recent.until = k_granted + std::chrono::hours(3);
  used_up.until = recent.until;
  for (const GrantView& added : {used_up, over, recent}) ASSERT_OK(tests::run_on(sql.context, sql.kept->add_grant(added)));
  ASSERT_OK(tests::run_on(sql.context, sql.kept->use_grant(used_up.id)));
  const auto forgotten = tests::run_on(sql.context, sql.kept->forget(k_granted + std::chrono::hours(2)));
  ASSERT_OK(forgotten);
  EXPECT_EQ(forgotten.value(), 0u);  // operations
  EXPECT_OK(tests::run_on(sql.context, sql.kept->revoke_grant(used_up.id))) << "what it has allowed may still wait for a second person";
  EXPECT_FAILS(tests::run_on(sql.context, sql.kept->revoke_grant(over.id)), Errc::not_found);
  EXPECT_OK(tests::run_on(sql.context, sql.kept->revoke_grant(recent.id)));
}

}  // namespace
}  // namespace zynclone::broker::journal
