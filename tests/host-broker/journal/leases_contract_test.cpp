// What core may rely on of Leases, whichever it has: run on the fake and on the real one.

#include <gtest/gtest.h>

#include "tests/host-broker/journal/journal_file.hpp"
#include "tests/support/fake_leases.hpp"
#include "tests/support/run.hpp"

namespace zynclone::broker::journal {
namespace {

struct MemoryLeases {
  asio::io_context context;
  tests::FakeLeases kept;
  Leases& leases() { return kept; }
  void restart() {}
};

struct SqlLeases : tests::JournalFile {
  Leases& leases() { return *kept; }
};

const Uuid k_a = Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001").value();
const Uuid k_b = Uuid::parse("bbbbbbbb-0000-4000-8000-000000000001").value();

template <class Subject>
class LeasesContract : public ::testing::Test {
 protected:
  Lease find(const std::string& resource) {
    auto found = tests::run_on(subject_.context, subject_.leases().find_lease(resource));
    EXPECT_OK(found);
    return found ? found.value() : Lease{};
  }
  Result<Lease> pass(const std::string& resource, std::uint64_t token, std::optional<Uuid> holder) {
    return tests::run_on(subject_.context, subject_.leases().pass_lease(resource, token, std::move(holder)));
  }
  Subject subject_;
  const std::string production_ = production_of(k_a);
};

using LeaseSubjects = ::testing::Types<MemoryLeases, SqlLeases>;
TYPED_TEST_SUITE(LeasesContract, LeaseSubjects);

TYPED_TEST(LeasesContract, WhatWasNeverGivenHasTokenZeroAndNoHolder) {
  const Lease lease = this->find(this->production_);
  EXPECT_EQ(lease.resource, this->production_);
  EXPECT_EQ(lease.holder, std::nullopt);
  EXPECT_EQ(lease.token, 0u);
}

TYPED_TEST(LeasesContract, EachPassGivesTheNextToken) {
  const auto first = this->pass(this->production_, 0, k_a);
  ASSERT_OK(first);
  EXPECT_EQ(first.value().resource, this->production_);
  EXPECT_EQ(first.value().holder, k_a);
  EXPECT_EQ(first.value().token, 1u);
  ASSERT_OK(this->pass(this->production_, 1, std::nullopt));
  EXPECT_EQ(this->find(this->production_).holder, std::nullopt);
  EXPECT_EQ(this->find(this->production_).token, 2u);
  const auto third = this->pass(this->production_, 2, k_b);
  ASSERT_OK(third);
  EXPECT_EQ(third.value().token, 3u);
  EXPECT_EQ(this->find(this->production_).holder, k_b);
}

TYPED_TEST(LeasesContract, ToTheSameHolderTheTokenGrowsToo) {
  ASSERT_OK(this->pass(this->production_, 0, k_a));
  const auto again = this->pass(this->production_, 1, k_a);
  ASSERT_OK(again);
  EXPECT_EQ(again.value().token, 2u);
}

TYPED_TEST(LeasesContract, AnotherTokenThanItHasIsAConflictAndChangesNothing) {
  ASSERT_OK(this->pass(this->production_, 0, k_a));
  ASSERT_OK(this->pass(this->production_, 1, k_b));
  for (const std::uint64_t token : {0u, 1u, 3u}) {
    const auto refused = this->pass(this->production_, token, k_a);
    ASSERT_FAILS(refused, Errc::conflict);
    EXPECT_EQ(refused.error().message, "cannot pass lease '" + this->production_ + "': '" + k_b.text() + "' holds it with token 2, not " +
                                           std::to_string(token));
  }
  EXPECT_EQ(this->find(this->production_).holder, k_b);
  EXPECT_EQ(this->find(this->production_).token, 2u);

  ASSERT_OK(this->pass(this->production_, 2, std::nullopt));
  const auto refused = this->pass(this->production_, 2, k_a);
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("nobody holds it with token 3"), std::string::npos) << refused.error().message;
}

TYPED_TEST(LeasesContract, WhatWasNeverGivenIsPassedWithTokenZeroOnly) {
  EXPECT_FAILS(this->pass(this->production_, 1, k_a), Errc::conflict);
  EXPECT_EQ(this->find(this->production_).token, 0u);
}

TYPED_TEST(LeasesContract, ResourcesAreApart) {
  const std::string sales = volume_of(k_a, VolumeName::parse("sales").value());
  const std::string stock = volume_of(k_a, VolumeName::parse("stock").value());
  const std::string others = volume_of(k_b, VolumeName::parse("sales").value());
  ASSERT_OK(this->pass(sales, 0, k_a));
  ASSERT_OK(this->pass(sales, 1, k_b));
  ASSERT_OK(this->pass(stock, 0, k_a));
  EXPECT_EQ(this->find(sales).token, 2u);
  EXPECT_EQ(this->find(stock).token, 1u);
  EXPECT_EQ(this->find(stock).holder, k_a);
  EXPECT_EQ(this->find(others).token, 0u);
  EXPECT_EQ(this->find(this->production_).token, 0u);
}

TYPED_TEST(LeasesContract, TheyOutliveARestart) {
  ASSERT_OK(this->pass(this->production_, 0, k_a));
  ASSERT_OK(this->pass(this->production_, 1, k_b));
  this->subject_.restart();
  EXPECT_EQ(this->find(this->production_).holder, k_b);
  EXPECT_EQ(this->find(this->production_).token, 2u);
  EXPECT_FAILS(this->pass(this->production_, 1, k_a), Errc::conflict);
}

TEST(FakeLeases, AnOrderedFailureChangesNothing) {
  asio::io_context context;
  tests::FakeLeases leases;
  const std::string resource = production_of(k_a);
  leases.fails = [](const std::string&) { return Error{Errc::no_space, "the disk is full"}; };
  EXPECT_FAILS(tests::run_on(context, leases.pass_lease(resource, 0, k_a)), Errc::no_space);
  EXPECT_TRUE(leases.leases.empty());
  EXPECT_EQ(leases.calls, std::vector<std::string>{"pass_lease " + resource + " 0 " + k_a.text()});
}

}  // namespace
}  // namespace zynclone::broker::journal
