#include "host-broker/journal/audit_chain.hpp"

#include <gtest/gtest.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "host-broker/journal/sql_reader.hpp"
#include "host-broker/journal/sql_store.hpp"
#include "tests/host-broker/journal/example_operation.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::journal {
namespace {

const Timestamp k_appended{std::chrono::milliseconds(1'700'000'000'000)};

class VerifyAudit : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = SqlStore::open(file_);
    ASSERT_OK(opened);
    store_ = std::move(opened.value());
    for (int i = 1; i <= 5; ++i) append(i);
  }
  void append(int i) { ASSERT_OK(store_->append({"admin:root", "event", "", "detail " + std::to_string(i)}, k_appended)); }

  // As somebody would who may write the file: the triggers away, the change, the triggers back.
  void tamper(const std::vector<std::string>& statements) {
    store_.reset();
    soci::session session(soci::sqlite3, "dbname=" + file_.string());
    session << "drop trigger audit_no_update";
    session << "drop trigger audit_no_delete";
    session << "drop trigger audit_no_replacement";
    for (const std::string& statement : statements) session << statement;
    for (const std::string& statement : SqliteDatabase::append_only("audit", "sequence")) session << statement;
  }
  AuditVerdict verify(std::optional<AuditMark> noted = {}) {
    auto verdict = verify_audit(file_, std::move(noted));
    EXPECT_OK(verdict);
    return verdict ? verdict.value() : AuditVerdict{};
  }
  Result<std::vector<protocol::AuditEntry>> entries(std::uint64_t after, std::size_t most) {
    auto reader = SqlReader::open(file_);
    EXPECT_OK(reader);
    return reader.value()->entries(after, most);
  }
  void expect_broken(std::uint64_t sequence, std::string_view reason, std::optional<AuditMark> noted = {}) {
    const AuditVerdict verdict = verify(std::move(noted));
    ASSERT_TRUE(verdict.broken);
    EXPECT_EQ(verdict.broken->sequence, sequence);
    EXPECT_NE(verdict.broken->reason.find(reason), std::string::npos) << verdict.broken->reason;
  }

  tests::TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "journal.db";
  std::unique_ptr<SqlStore> store_;
};

TEST_F(VerifyAudit, AWholeLogIsRightAlsoWhileItsOwnerWrites) {
  EXPECT_FALSE(verify().broken);
  append(6);
  const AuditVerdict verdict = verify();
  EXPECT_FALSE(verdict.broken);
  EXPECT_EQ(verdict.last.sequence, 6u);
  EXPECT_EQ(verdict.last.hash, entries(5, 1).value().front().hash);
  append(7);  // the reader held nothing up
}

TEST_F(VerifyAudit, AnEmptyLogIsRight) {
  store_.reset();
  const std::filesystem::path other = folder_.path() / "other.db";
  ASSERT_OK(SqlStore::open(other));
  auto verdict = verify_audit(other);
  ASSERT_OK(verdict);
  EXPECT_FALSE(verdict.value().broken);
  EXPECT_EQ(verdict.value().last.sequence, 0u);
}

TEST_F(VerifyAudit, MoreThanOnePageIsRead) {
  ASSERT_OK(store_->insert(tests::plain_operation(1), std::vector<AuditNote>(2495, {"a", "e", "", ""}), k_appended));
  EXPECT_EQ(verify().last.sequence, 2500u);
  tamper({"update audit set actor = 'b' where sequence = 2400"});
  expect_broken(2400, "its hash does not fit");
}

TEST_F(VerifyAudit, TheDatabaseRefusesChanges) {
  soci::session session(soci::sqlite3, "dbname=" + file_.string() + " timeout=5");
  for (const char* statement : {"update audit set detail = 'x' where sequence = 2", "delete from audit where sequence = 5",
                                "delete from audit", "update audit set sequence = 9 where sequence = 5",
                                "insert or replace into audit select sequence, time, actor, event, operation, 'x', previous, hash from audit where sequence = 2",
                                "replace into audit select 5, time, actor, event, operation, detail, previous, hash from audit where sequence = 2",
                                "update or replace audit set sequence = 4 where sequence = 5"}) {
    try {
      session << statement;
      ADD_FAILURE() << statement;
    } catch (const soci::soci_error& error) {
      EXPECT_NE(std::string(error.what()).find("append only"), std::string::npos) << error.what();
    }
  }
  EXPECT_FALSE(verify().broken);
}

TEST_F(VerifyAudit, AChangedEntryIsFound) {
  tamper({"update audit set detail = 'nothing' where sequence = 3"});
  expect_broken(3, "its hash does not fit");
  EXPECT_EQ(verify().last.sequence, 2u);
}

TEST_F(VerifyAudit, EveryFieldCounts) {
  for (const char* field : {"actor = 'x'", "event = 'x'", "operation = 'x'", "detail = 'x'", "time = time + 1"}) {
    tamper({"update audit set " + std::string(field) + " where sequence = 1"});
    expect_broken(1, "its hash does not fit");
    TearDown();
    std::filesystem::remove(file_);
    std::filesystem::remove(file_.string() + "-wal");
    std::filesystem::remove(file_.string() + "-shm");
    SetUp();
  }
}

TEST_F(VerifyAudit, AnEntryWithANewHashBreaksTheNext) {
  protocol::AuditEntry entry = entries(2, 1).value().front();
  entry.detail = "nothing";
  tamper({"update audit set detail = 'nothing', hash = '" + audit_hash(entry) + "' where sequence = 3"});
  expect_broken(4, "does not follow");
}

TEST_F(VerifyAudit, ARemovedEntryIsFound) {
  tamper({"delete from audit where sequence = 3"});
  expect_broken(4, "entry 3 is missing");
}

TEST_F(VerifyAudit, TheFirstEntryCannotBeRemoved) {
  tamper({"delete from audit where sequence = 1"});
  expect_broken(2, "entry 1 is missing");
}

TEST_F(VerifyAudit, ExchangedEntriesAreFound) {
  tamper({"update audit set sequence = 100 where sequence = 2", "update audit set sequence = 2 where sequence = 3",
          "update audit set sequence = 3 where sequence = 100"});
  expect_broken(2, "does not follow");
}

TEST_F(VerifyAudit, AMarkShowsThatTheEndIsMissing) {
  const AuditMark noted = verify().last;
  EXPECT_FALSE(verify(noted).broken);
  tamper({"delete from audit where sequence >= 4"});
  EXPECT_FALSE(verify().broken);  // from inside, it cannot be seen
  expect_broken(4, "up to the noted 5 are missing", noted);
}

TEST_F(VerifyAudit, AMarkShowsThatAllWasWrittenAnew) {
  expect_broken(3, "not the entry that was noted", AuditMark{3, std::string(64, 'a')});
}

TEST_F(VerifyAudit, RemovedTriggersAreFound) {
  store_.reset();
  for (const char* trigger : {"audit_no_update", "audit_no_replacement"}) {
    {
      soci::session session(soci::sqlite3, "dbname=" + file_.string());
      session << "drop trigger " + std::string(trigger);
    }
    expect_broken(0, "triggers");
  }
}

TEST_F(VerifyAudit, ATriggerThatDoesNothingIsFound) {
  store_.reset();
  {
    soci::session session(soci::sqlite3, "dbname=" + file_.string());
    session << "drop trigger audit_no_update";
    session << "create trigger audit_no_update before update on audit begin select 1; end";
  }
  expect_broken(0, "triggers");
}

TEST_F(VerifyAudit, AReplacedEntryIsFound) {
  tamper({"insert or replace into audit select sequence, time, actor, event, operation, 'nothing', previous, hash from audit where sequence = 3"});
  expect_broken(3, "its hash does not fit");
}

TEST_F(VerifyAudit, AMissingFileIsNotFound) {
  EXPECT_FAILS(verify_audit(folder_.path() / "none.db"), Errc::not_found);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() / "none.db"));
}

TEST_F(VerifyAudit, ADatabaseOfSomethingElseIsAnError) {
  const std::filesystem::path other = folder_.path() / "other.db";
  {
    soci::session session(soci::sqlite3, "dbname=" + other.string());
    session << "create table x (y integer)";
  }
  EXPECT_FAILS(verify_audit(other), Errc::system);
}

TEST_F(VerifyAudit, AReaderWritesNothing) {
  store_.reset();
  const auto before = folder_.read("journal.db");
  verify();
  EXPECT_EQ(folder_.read("journal.db"), before);
}

}  // namespace
}  // namespace zynclone::broker::journal
