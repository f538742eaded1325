// What core may rely on of a Journal and AuditLog, whichever it has: run on the fake and on the real one.

#include <gtest/gtest.h>

#include "host-broker/journal/audit_chain.hpp"
#include "tests/host-broker/journal/example_operation.hpp"
#include "tests/host-broker/journal/journal_file.hpp"
#include "tests/support/fake_journal.hpp"
#include "tests/support/run.hpp"

namespace zynclone::broker::journal {
namespace {

using protocol::OperationState;
using protocol::StepState;

// The io_context is older than the journal and outlives it: its thread may still be handing a result over when run() has it already.
struct MemoryJournals {
  asio::io_context context;
  tests::FakeClock clock;
  tests::FakeJournal kept{clock};
  Journal& journal() { return kept; }
  AuditLog& audit() { return kept; }
  void restart() {}
};

struct SqlJournals : tests::JournalFile {
  Journal& journal() { return *kept; }
  AuditLog& audit() { return *kept; }
};

template <class Subject>
class JournalContract : public ::testing::Test {
 protected:
  Journal& journal() { return subject_.journal(); }
  AuditLog& audit() { return subject_.audit(); }
  std::optional<OperationRecord> find(const OperationRecord& operation) {
    auto found = run(journal().find(operation.id));
    EXPECT_OK(found);
    return found.value();
  }
  std::vector<std::string> list(OperationFilter filter) {
    std::vector<std::string> ids;
    const auto listed = run(journal().list(filter));
    EXPECT_OK(listed);
    for (const OperationRecord& operation : listed.value()) ids.push_back(operation.id.text());
    return ids;
  }
  template <class T>
  T run(asio::awaitable<T> work) {
    return tests::run_on(subject_.context, std::move(work));
  }
  Subject subject_;
};

using JournalSubjects = ::testing::Types<MemoryJournals, SqlJournals>;
TYPED_TEST_SUITE(JournalContract, JournalSubjects);

TYPED_TEST(JournalContract, KeepsEveryField) {
  const OperationRecord operation = tests::full_operation(1);
  ASSERT_OK(this->run(this->journal().insert(operation)));
  this->subject_.restart();
  const auto found = this->find(operation);
  ASSERT_TRUE(found);
  tests::expect_same(*found, operation);
}

TYPED_TEST(JournalContract, KeepsAbsentAsAbsent) {
  const OperationRecord operation = tests::plain_operation(1);
  ASSERT_OK(this->run(this->journal().insert(operation)));
  const auto found = this->find(operation);
  ASSERT_TRUE(found);
  tests::expect_same(*found, operation);
  EXPECT_FALSE(found->request_id || found->finished || found->approval_expires || found->error);
}

TYPED_TEST(JournalContract, FindsNothingWhereThereIsNothing) {
  EXPECT_FALSE(this->find(tests::plain_operation(1)));
  auto found = this->run(this->journal().find_request("admin:x", RequestId::parse("r").value()));
  ASSERT_OK(found);
  EXPECT_FALSE(found.value());
}

TYPED_TEST(JournalContract, AnIdIsThereOnce) {
  ASSERT_OK(this->run(this->journal().insert(tests::plain_operation(1))));
  OperationRecord same = tests::plain_operation(1);
  same.target = "another";
  EXPECT_FAILS(this->run(this->journal().insert(same)), Errc::already_exists);
  EXPECT_EQ(this->find(same)->target, tests::plain_operation(1).target);
  EXPECT_OK(this->run(this->journal().insert(tests::plain_operation(2))));
}

TYPED_TEST(JournalContract, ARequestIdIsThereOnceForARequester) {
  OperationRecord first = tests::plain_operation(1);
  first.request_id = RequestId::parse("upgrade").value();
  OperationRecord again = tests::plain_operation(2);
  again.request_id = first.request_id;
  OperationRecord other = tests::plain_operation(3);
  other.request_id = first.request_id;
  other.requester = "another requester";
  ASSERT_OK(this->run(this->journal().insert(first)));
  EXPECT_FAILS(this->run(this->journal().insert(again, {{"a", "requested", "", ""}})), Errc::already_exists);
  EXPECT_OK(this->run(this->journal().insert(other)));
  EXPECT_FALSE(this->find(again));
  EXPECT_TRUE(this->run(this->audit().entries(0, 10)).value().empty());

  auto found = this->run(this->journal().find_request(first.requester, *first.request_id));
  ASSERT_OK(found);
  ASSERT_TRUE(found.value());
  EXPECT_EQ(found.value()->id, first.id);
  EXPECT_EQ(this->run(this->journal().find_request("another requester", *first.request_id)).value()->id, other.id);
}

TYPED_TEST(JournalContract, UpdateChangesAllThatMayChangeButSteps) {
  OperationRecord operation = tests::full_operation(1);
  operation.allowed_by = {"zoe"};
  ASSERT_OK(this->run(this->journal().insert(operation)));
  operation.state = OperationState::failed;
  operation.undoing = !operation.undoing;
  operation.cancel_requested = !operation.cancel_requested;
  operation.percent = 7;
  operation.finished.reset();
  operation.approval_expires.reset();
  operation.approvers_needed = 9;
  operation.allowed_by = {"admin:b", "admin:a", "admin:c"};
  operation.decision = "ask";
  operation.decision_place = "elsewhere:1";
  operation.summary = "other";
  operation.error.reset();
  OperationRecord with_other_steps = operation;
  with_other_steps.steps.clear();
  ASSERT_OK(this->run(this->journal().update(with_other_steps)));
  this->subject_.restart();
  tests::expect_same(*this->find(operation), operation);
}

TYPED_TEST(JournalContract, UpdateOfNothingIsNotFound) {
  EXPECT_FAILS(this->run(this->journal().update(tests::plain_operation(1), {{"a", "b", "", ""}})), Errc::not_found);
  EXPECT_FAILS(this->run(this->journal().update_step(tests::plain_operation(1).id, 0, StepRecord{})), Errc::not_found);
  EXPECT_TRUE(this->run(this->audit().entries(0, 10)).value().empty());
}

TYPED_TEST(JournalContract, StepsAreAppendedAndChanged) {
  OperationRecord operation = tests::plain_operation(1);
  ASSERT_OK(this->run(this->journal().insert(operation)));
  for (std::size_t at = 0; at < 12; ++at) {
    StepRecord step{.name = "step " + std::to_string(at), .state = StepState::running, .text = "t", .result = ""};
    ASSERT_OK(this->run(this->journal().update_step(operation.id, at, step)));
    step.state = StepState::done;
    step.result = "{\"volume\": \"v" + std::to_string(at) + "\"}";
    ASSERT_OK(this->run(this->journal().update_step(operation.id, at, step)));
    operation.steps.push_back(step);
  }
  operation.steps[3].state = StepState::undone;
  ASSERT_OK(this->run(this->journal().update_step(operation.id, 3, operation.steps[3])));
  EXPECT_FAILS(this->run(this->journal().update_step(operation.id, 13, StepRecord{})), Errc::invalid_argument);
  this->subject_.restart();
  tests::expect_same(*this->find(operation), operation);
}

TYPED_TEST(JournalContract, ListsNewestFirstWithinItsFilter) {
  for (unsigned number = 1; number <= 6; ++number) {
    OperationRecord operation = tests::plain_operation(number);
    if (number % 2 == 0) operation.family = tests::other_family();
    if (number > 3) operation.state = OperationState::succeeded;
    ASSERT_OK(this->run(this->journal().insert(operation)));
  }
  const auto id = [](unsigned number) { return tests::plain_operation(number).id.text(); };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(this->list({}), (Ids{id(6), id(5), id(4), id(3), id(2), id(1)}));
  EXPECT_EQ(this->list({.most = 2}), (Ids{id(6), id(5)}));
  EXPECT_EQ(this->list({.family = tests::other_family()}), (Ids{id(6), id(4), id(2)}));
  EXPECT_EQ(this->list({.unfinished_only = true}), (Ids{id(3), id(2), id(1)}));
  EXPECT_EQ(this->list({.family = tests::other_family(), .unfinished_only = true}), (Ids{id(2)}));
  EXPECT_EQ(this->list({.most = 0}), Ids{});

  OperationRecord third = tests::plain_operation(3);
  third.state = OperationState::cancelled;
  ASSERT_OK(this->run(this->journal().update(third)));
  EXPECT_EQ(this->list({.unfinished_only = true}), (Ids{id(2), id(1)}));
}

TYPED_TEST(JournalContract, AListHasNoStepsUnlessTheyAreAskedFor) {
  OperationRecord operation = tests::full_operation(1);
  ASSERT_FALSE(operation.steps.empty());
  ASSERT_FALSE(operation.allowed_by.empty());
  ASSERT_OK(this->run(this->journal().insert(operation)));
  const auto whole = this->run(this->journal().list({.whole = true}));
  ASSERT_OK(whole);
  tests::expect_same(whole.value().at(0), operation);
  const auto listed = this->run(this->journal().list({}));
  ASSERT_OK(listed);
  operation.steps.clear();
  operation.allowed_by.clear();
  tests::expect_same(listed.value().at(0), operation);
}

TYPED_TEST(JournalContract, ListsWhatARuleLetThroughSince) {
  for (unsigned number = 1; number <= 6; ++number) {
    OperationRecord operation = tests::plain_operation(number);
    operation.decision_place = number % 2 == 0 ? "p:1" : "p:2";
    if (number == 6) operation.family = tests::other_family();
    ASSERT_OK(this->run(this->journal().insert(operation)));
  }
  const auto id = [](unsigned number) { return tests::plain_operation(number).id.text(); };
  using Ids = std::vector<std::string>;
  const Uuid family = tests::plain_operation(1).family;
  EXPECT_EQ(this->list({.family = family, .decision_place = "p:1"}), (Ids{id(4), id(2)}));
  EXPECT_EQ(this->list({.family = family, .decision_place = "p:1", .created_after = tests::plain_operation(2).created}), (Ids{id(4)}));
  EXPECT_EQ(this->list({.decision_place = "p:1"}), (Ids{id(6), id(4), id(2)}));
  EXPECT_EQ(this->list({.decision_place = ""}), Ids{});
  EXPECT_EQ(this->list({.created_after = tests::plain_operation(4).created}), (Ids{id(6), id(5)}));
}

TYPED_TEST(JournalContract, ListsWhatIsOlderAndNothingOfTheFuture) {
  for (int i = 1; i <= 6; ++i) ASSERT_OK(this->run(this->journal().insert(tests::plain_operation(i))));
  const auto id = [](int number) { return tests::plain_operation(number).id.text(); };
  using Ids = std::vector<std::string>;
  EXPECT_EQ(this->list({.older_than = tests::plain_operation(4).id}), (Ids{id(3), id(2), id(1)}));
  EXPECT_EQ(this->list({.older_than = tests::plain_operation(4).id, .most = 2}), (Ids{id(3), id(2)}));
  EXPECT_EQ(this->list({.older_than = tests::plain_operation(1).id}), Ids{});
  EXPECT_EQ(this->list({.created_until = tests::plain_operation(2).created}), (Ids{id(2), id(1)}));
}

TYPED_TEST(JournalContract, TheAuditLogsLastEntryIsKnown) {
  EXPECT_EQ(this->run(this->audit().last_entry()).value(), 0u);
  for (int i = 0; i < 3; ++i) ASSERT_OK(this->run(this->audit().append("a", "b", "", "c")));
  EXPECT_EQ(this->run(this->audit().last_entry()).value(), 3u);
  this->subject_.restart();
  EXPECT_EQ(this->run(this->audit().last_entry()).value(), 3u);
}

TYPED_TEST(JournalContract, ListsOfTheSameMomentById) {
  for (unsigned number : {2u, 3u, 1u}) {
    OperationRecord operation = tests::plain_operation(number);
    operation.created = tests::plain_operation(1).created;
    ASSERT_OK(this->run(this->journal().insert(operation)));
  }
  const auto ids = this->list({});
  EXPECT_TRUE(std::is_sorted(ids.rbegin(), ids.rend()));
}

TYPED_TEST(JournalContract, ForgetsWhatFinishedBefore) {
  for (unsigned number = 1; number <= 4; ++number) {
    OperationRecord operation = tests::full_operation(number);
    operation.state = number == 4 ? OperationState::running : OperationState::succeeded;
    operation.finished = number == 4 ? std::nullopt : std::optional(operation.created);
    ASSERT_OK(this->run(this->journal().insert(operation)));
  }
  auto forgotten = this->run(this->journal().forget(tests::full_operation(3).created));
  ASSERT_OK(forgotten);
  EXPECT_EQ(forgotten.value(), 2u);
  EXPECT_EQ(this->list({}).size(), 2u);
  EXPECT_EQ(this->run(this->journal().forget(Timestamp::max())).value(), 1u);
  EXPECT_TRUE(this->find(tests::full_operation(4)));
  // What was forgotten is gone with its steps and request id.
  ASSERT_OK(this->run(this->journal().insert(tests::full_operation(1))));
  tests::expect_same(*this->find(tests::full_operation(1)), tests::full_operation(1));
}

TYPED_TEST(JournalContract, TextsAreKeptAsTheyAre) {
  OperationRecord operation = tests::plain_operation(1);
  operation.summary = "'; drop table operation; -- :id \xc3\xa4\xf0\x9f\x98\x80\n\t\"";
  operation.request = std::string(60'000, 'x') + "'";
  ASSERT_OK(this->run(this->journal().insert(operation)));
  tests::expect_same(*this->find(operation), operation);
}

TYPED_TEST(JournalContract, AuditEntriesFormAChain) {
  for (int i = 0; i < 5; ++i) {
    ASSERT_OK(this->run(this->audit().append("admin:root", "event" + std::to_string(i), "op", "detail '" + std::to_string(i))));
    this->subject_.clock.advance(std::chrono::milliseconds(1500));
    if (i == 2) this->subject_.restart();
  }
  auto read = this->run(this->audit().entries(0, 100));
  ASSERT_OK(read);
  ASSERT_EQ(read.value().size(), 5u);
  AuditChain chain;
  for (const protocol::AuditEntry& entry : read.value()) EXPECT_TRUE(chain.take(entry));
  EXPECT_FALSE(chain.finish().broken);
  EXPECT_EQ(read.value()[4].event, "event4");
  EXPECT_EQ(read.value()[4].actor, "admin:root");
  EXPECT_EQ(read.value()[4].operation, "op");
  EXPECT_EQ(read.value()[4].detail, "detail '4");
  EXPECT_EQ(read.value()[4].time - read.value()[0].time, std::chrono::seconds(6));
}

TYPED_TEST(JournalContract, AuditEntriesAreReadInPages) {
  for (int i = 0; i < 5; ++i) ASSERT_OK(this->run(this->audit().append("a", "e", "", "")));
  EXPECT_EQ(this->run(this->audit().entries(0, 2)).value().back().sequence, 2u);
  EXPECT_EQ(this->run(this->audit().entries(2, 2)).value().front().sequence, 3u);
  EXPECT_EQ(this->run(this->audit().entries(4, 100)).value().size(), 1u);
  EXPECT_TRUE(this->run(this->audit().entries(5, 100)).value().empty());
  EXPECT_TRUE(this->run(this->audit().entries(~0ull, 100)).value().empty());
}

TYPED_TEST(JournalContract, NotesAreWrittenWithTheChange) {
  OperationRecord operation = tests::plain_operation(1);
  ASSERT_OK(this->run(this->journal().insert(operation, {{"pos1/pos1", "requested", operation.id.text(), "d"}, {"broker", "allowed", "", ""}})));
  operation.percent = 50;
  ASSERT_OK(this->run(this->journal().update(operation, {{"broker", "started", "", ""}})));
  ASSERT_OK(this->run(this->audit().append("broker", "other", "", "")));
  const auto read = this->run(this->audit().entries(0, 100)).value();
  ASSERT_EQ(read.size(), 4u);
  EXPECT_EQ(read[0].event, "requested");
  EXPECT_EQ(read[0].actor, "pos1/pos1");
  EXPECT_EQ(read[1].event, "allowed");
  EXPECT_EQ(read[2].event, "started");
  AuditChain chain;
  for (const protocol::AuditEntry& entry : read) EXPECT_TRUE(chain.take(entry));
}

}  // namespace
}  // namespace zynclone::broker::journal
