#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/host-broker/storage/storage_contract.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone::tests {
namespace {

using broker::Snapshot;
using broker::SnapshotRequest;
using broker::SourceUse;

class StorageContract : public testing::TestWithParam<StorageKind> {
 protected:
  void SetUp() override {
    if (const char* reason = GetParam().missing()) GTEST_SKIP() << reason;
    under_test_ = GetParam().make();
  }
  broker::Storage& storage() { return under_test_->storage(); }
  SnapshotRequest request(const std::string& name = "copy-1") {
    return {.source = under_test_->source(), .name = name, .use = SourceUse::idle};
  }
  Result<Snapshot> snapshot(const SnapshotRequest& wanted) { return run_on(context_, storage().snapshot(wanted)); }
  Result<std::optional<Snapshot>> find(const SnapshotRequest& wanted) { return run_on(context_, storage().find_snapshot(wanted)); }
  Result<void> remove(const SnapshotRequest& wanted) { return run_on(context_, storage().remove(wanted)); }

  asio::io_context context_{1};
  std::unique_ptr<StorageUnderTest> under_test_;
};

TEST_P(StorageContract, ACopyIsFoundOnceItIsMade) {
  auto before = find(request());
  ASSERT_OK(before);
  EXPECT_FALSE(before.value().has_value());
  auto made = snapshot(request());
  ASSERT_OK(made);
  EXPECT_NE(made.value().volume.path, under_test_->source().path);
  EXPECT_EQ(made.value().volume.format, under_test_->source().format);
  EXPECT_EQ(made.value().size, 64u << 20);
  EXPECT_FALSE(made.value().kind.empty());
  EXPECT_FALSE(made.value().source_needs_switch);
  auto found = find(request());
  ASSERT_OK(found);
  ASSERT_TRUE(found.value().has_value());
  EXPECT_EQ(found.value()->volume, made.value().volume);
  EXPECT_EQ(found.value()->size, made.value().size);
}

TEST_P(StorageContract, ACopyHoldsWhatTheSourceHeldThen) {
  under_test_->write(under_test_->source(), 0x11);
  auto made = snapshot(request());
  ASSERT_OK(made);
  under_test_->write(under_test_->source(), 0x22);
  const auto first = under_test_->read(made.value().volume);
  if (!first) GTEST_SKIP() << "volumes without bytes";
  EXPECT_EQ(*first, 0x11);
  under_test_->write(made.value().volume, 0x33);
  EXPECT_EQ(under_test_->read(under_test_->source()), 0x22);
  EXPECT_EQ(under_test_->read(made.value().volume), 0x33);
}

TEST_P(StorageContract, MadeTwiceIsTheSameCopy) {
  under_test_->write(under_test_->source(), 0x11);
  auto first = snapshot(request());
  ASSERT_OK(first);
  under_test_->write(under_test_->source(), 0x22);
  auto second = snapshot(request());
  ASSERT_OK(second);
  EXPECT_EQ(first.value().volume, second.value().volume);
  if (auto byte = under_test_->read(second.value().volume)) {
    EXPECT_EQ(*byte, 0x11);
  }
}

TEST_P(StorageContract, CopiesOfOneSourceAreIndependent) {
  under_test_->write(under_test_->source(), 0x11);
  auto first = snapshot(request("copy-1"));
  ASSERT_OK(first);
  under_test_->write(under_test_->source(), 0x22);
  auto second = snapshot(request("copy-2"));
  ASSERT_OK(second);
  EXPECT_NE(first.value().volume, second.value().volume);
  ASSERT_OK(remove(request("copy-1")));
  auto gone = find(request("copy-1"));
  ASSERT_OK(gone);
  EXPECT_FALSE(gone.value().has_value());
  if (auto byte = under_test_->read(second.value().volume)) {
    EXPECT_EQ(*byte, 0x22);
    EXPECT_EQ(under_test_->read(under_test_->source()), 0x22);
  }
}

TEST_P(StorageContract, RemovedIsGoneAndTheSourceUnharmed) {
  under_test_->write(under_test_->source(), 0x11);
  ASSERT_OK(snapshot(request()));
  ASSERT_OK(remove(request()));
  auto found = find(request());
  ASSERT_OK(found);
  EXPECT_FALSE(found.value().has_value());
  if (auto byte = under_test_->read(under_test_->source())) {
    EXPECT_EQ(*byte, 0x11);
  }
  EXPECT_OK(remove(request()));
}

TEST_P(StorageContract, MadeAnewAfterRemovalItIsOfTheNewInstant) {
  under_test_->write(under_test_->source(), 0x11);
  ASSERT_OK(snapshot(request()));
  under_test_->write(under_test_->source(), 0x22);
  ASSERT_OK(remove(request()));
  auto made = snapshot(request());
  ASSERT_OK(made);
  if (auto byte = under_test_->read(made.value().volume)) {
    EXPECT_EQ(*byte, 0x22);
  }
}

TEST_P(StorageContract, WhatWasNeverMadeIsRemovedWithoutError) { EXPECT_OK(remove(request("never-made"))); }

TEST_P(StorageContract, AMissingSourceIsNotFound) {
  SnapshotRequest wanted = request();
  wanted.source = under_test_->missing();
  EXPECT_FAILS(snapshot(wanted), Errc::not_found);
  EXPECT_FAILS(run_on(context_, storage().check_room(wanted.source, SourceUse::idle)), Errc::not_found);
  EXPECT_FAILS(run_on(context_, storage().size_of(wanted.source)), Errc::not_found);
  auto found = find(wanted);
  ASSERT_OK(found);
  EXPECT_FALSE(found.value().has_value());
}

TEST_P(StorageContract, RoomAndSizeAreKnown) {
  EXPECT_OK(run_on(context_, storage().check_room(under_test_->source(), SourceUse::idle)));
  auto size = run_on(context_, storage().size_of(under_test_->source()));
  ASSERT_OK(size);
  EXPECT_EQ(size.value(), 64u << 20);
}

INSTANTIATE_TEST_SUITE_P(Kinds, StorageContract, testing::ValuesIn(storage_kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace zynclone::tests
