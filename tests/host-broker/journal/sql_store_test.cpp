// What only the real journal can meet: damaged, foreign and newer files, full disks, second owners, sudden death.

#include "host-broker/journal/sql_store.hpp"

#include <gtest/gtest.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "host-broker/journal/audit_chain.hpp"
#include "host-broker/journal/sql_reader.hpp"
#include "system/descriptor.hpp"
#include "tests/host-broker/journal/example_operation.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::journal {
namespace {

namespace fs = std::filesystem;

const Timestamp k_now{std::chrono::milliseconds(1'700'000'000'000)};

class SqlStoreTest : public ::testing::Test {
 protected:
  std::unique_ptr<SqlStore> open() {
    auto opened = SqlStore::open(file_);
    EXPECT_OK(opened);
    return opened ? std::move(opened.value()) : nullptr;
  }
  Error open_error() {
    auto opened = SqlStore::open(file_);
    EXPECT_FALSE(opened) << "it opened";
    return opened ? Error{} : opened.error();
  }
  std::unique_ptr<SqlReader> reader() {
    auto opened = SqlReader::open(file_);
    EXPECT_OK(opened);
    return opened ? std::move(opened.value()) : nullptr;
  }
  // Changes the file behind the journal's back.
  void execute(const std::vector<std::string>& statements) {
    soci::session session(soci::sqlite3, "dbname=" + file_.string());
    for (const std::string& statement : statements) session << statement;
  }
  Result<void> insert(SqlStore& store, unsigned number) {
    return store.insert(tests::full_operation(number), {{"pos1/pos1", "requested", tests::full_operation(number).id.text(), "d"}}, k_now);
  }

  tests::TemporaryFolder folder_;
  fs::path file_ = folder_.path() / "journal.db";
};

TEST_F(SqlStoreTest, TheFileIsPrivate) {
  const auto store = open();
  ASSERT_OK(insert(*store, 1));
  for (const char* ending : {"", "-wal", "-shm"}) {
    struct stat status {};
    ASSERT_EQ(::stat((file_.string() + ending).c_str(), &status), 0) << ending;
    EXPECT_EQ(status.st_mode & 0137, 0u) << ending;
  }
}

TEST_F(SqlStoreTest, IsSyncedWithWriteAheadLog) {
  open();
  soci::session session(soci::sqlite3, "dbname=" + file_.string());
  std::string mode;
  session << "pragma journal_mode", soci::into(mode);
  EXPECT_EQ(mode, "wal");
}

TEST_F(SqlStoreTest, ASecondOwnerIsRefused) {
  auto store = open();
  EXPECT_EQ(open_error().code, Errc::busy);
  store.reset();
  EXPECT_TRUE(open());
}

TEST_F(SqlStoreTest, APathMayHoldSpaces) {
  file_ = folder_.path() / "a folder" / "the journal's.db";
  fs::create_directory(file_.parent_path());
  EXPECT_OK(insert(*open(), 1));
  EXPECT_OK(verify_audit(file_));
  file_ = folder_.path() / "a\"b.db";
  EXPECT_EQ(open_error().code, Errc::invalid_argument);
}

TEST_F(SqlStoreTest, AMissingFolderIsAnError) {
  file_ = folder_.path() / "none" / "journal.db";
  EXPECT_NE(open_error().message.find(file_.string()), std::string::npos);
}

TEST_F(SqlStoreTest, AFolderThatMayNotBeWrittenIsAnError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to be somebody else";
  ::chmod(folder_.path().c_str(), 0555);
  ASSERT_EQ(::seteuid(65534), 0);
  const Error error = open_error();
  ASSERT_EQ(::seteuid(0), 0);
  ::chmod(folder_.path().c_str(), 0755);
  EXPECT_EQ(error.code, Errc::system);
  EXPECT_NE(error.message.find("Permission denied"), std::string::npos) << error.message;
}

TEST_F(SqlStoreTest, AFileOfSomethingElseIsRefusedAndLeftAlone) {
  const std::string text = std::string(5000, 'x') + "no database";
  std::ofstream(file_) << text;
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::system);
  EXPECT_NE(error.message.find("no SQLite database"), std::string::npos) << error.message;
  EXPECT_EQ(folder_.read("journal.db"), text);
}

TEST_F(SqlStoreTest, ADatabaseOfSomethingElseIsRefused) {
  execute({"create table clients (name text)"});
  const Error error = open_error();
  EXPECT_NE(error.message.find("database of something else"), std::string::npos) << error.message;
  execute({"select * from clients"});
}

TEST_F(SqlStoreTest, ANewerSchemaIsRefused) {
  open();
  execute({"insert into schema_version (version) values (99)"});
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::unsupported_version);
  EXPECT_NE(error.message.find("schema version 99"), std::string::npos) << error.message;
  auto verified = verify_audit(file_);
  EXPECT_FAILS(verified, Errc::unsupported_version);
}

// As the first version left it.
TEST_F(SqlStoreTest, AnOlderSchemaIsBroughtUpToDate) {
  ASSERT_OK(insert(*open(), 1));
  execute({"drop trigger audit_no_replacement", "drop table leases", "drop table grants", "alter table operation_step drop column warning", "delete from schema_version where version > 1"});
  EXPECT_FAILS(SqlReader::open(file_), Errc::unsupported_version);
  const auto store = open();
  EXPECT_EQ(store->pass_lease("production/a", 0, {}).value().token, 1u);
  EXPECT_TRUE(reader()->find(tests::full_operation(1).id).value());
  const auto verdict = verify_audit(file_);
  ASSERT_OK(verdict);
  EXPECT_FALSE(verdict.value().broken);
}

TEST_F(SqlStoreTest, DamageIsFoundWhenItIsOpened) {
  {
    const auto store = open();
    for (unsigned number = 1; number <= 50; ++number) ASSERT_OK(insert(*store, number));
  }
  {
    std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 2; page < 8; ++page) {
      file.seekp(page * 4096);
      file << std::string(512, '\xee');
    }
  }
  const Error error = open_error();
  EXPECT_EQ(error.code, Errc::system);
  EXPECT_NE(error.message.find(file_.string()), std::string::npos) << error.message;
}

TEST_F(SqlStoreTest, ATruncatedFileIsAnError) {
  {
    const auto store = open();
    for (unsigned number = 1; number <= 50; ++number) ASSERT_OK(insert(*store, number));
  }
  fs::resize_file(file_, fs::file_size(file_) / 2);
  EXPECT_EQ(open_error().code, Errc::system);
}

// RLIMIT_FSIZE stands for a full disk: writes beyond it fail, as they do there.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    ::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

// Inserts until there is no more room, and gives how many there was room for.
unsigned fill(SqlStore& store) {
  for (unsigned number = 1; number < 5000; ++number) {
    auto inserted = store.insert(tests::full_operation(number), {{"a", "requested", "", std::string(500, 'd')}}, k_now);
    if (inserted) {
      if (store.upkeep_due()) store.upkeep();
      continue;
    }
    EXPECT_EQ(inserted.error().code, Errc::no_space) << inserted.error().message;
    EXPECT_NE(inserted.error().message.find("no space left"), std::string::npos) << inserted.error().message;
    return number - 1;
  }
  ADD_FAILURE() << "it was never full";
  return 0;
}

TEST_F(SqlStoreTest, WhetherItCanBeWrittenIsTriedByWriting) {
  auto store = open();
  EXPECT_OK(store->check_writable());
  ASSERT_OK(insert(*store, 1));
  {
    FileSizeLimit limit(1);
    EXPECT_FAILS(store->check_writable(), Errc::no_space);
  }
  EXPECT_OK(store->check_writable());
  EXPECT_EQ(reader()->last_entry().value(), 1u);
  store.reset();
  store = open();
  EXPECT_TRUE(reader()->find(tests::full_operation(1).id).value()) << "nothing was changed";
}

TEST_F(SqlStoreTest, AFullDiskIsNoSpaceAndLosesNothing) {
  unsigned kept = 0;
  std::unique_ptr<SqlStore> store;
  {
    FileSizeLimit limit(600'000);
    store = open();
    kept = fill(*store);
    EXPECT_GT(kept, 10u);
    EXPECT_FAILS(insert(*store, 4999), Errc::no_space);
  }
  EXPECT_OK(insert(*store, 4999));  // with room again, the same store goes on
  store.reset();
  store = open();
  for (unsigned number = 1; number <= kept; ++number) ASSERT_TRUE(reader()->find(tests::full_operation(number).id).value()) << number;
  auto verdict = verify_audit(file_);
  ASSERT_OK(verdict);
  EXPECT_FALSE(verdict.value().broken);
  EXPECT_EQ(verdict.value().last.sequence, kept + 1);
}

TEST_F(SqlStoreTest, ALeaseThatCouldNotBeWrittenWasNotPassed) {
  const Uuid member = Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001").value();
  const auto store = open();
  ASSERT_OK(store->pass_lease("production/a", 0, member));
  {
    FileSizeLimit limit(1);
    EXPECT_FAILS(store->pass_lease("production/a", 1, {}), Errc::no_space);
  }
  const auto kept = reader()->find_lease("production/a");
  ASSERT_OK(kept);
  EXPECT_EQ(kept.value().holder, member);
  EXPECT_EQ(kept.value().token, 1u);
  EXPECT_EQ(store->pass_lease("production/a", 1, {}).value().token, 2u);
}

TEST_F(SqlStoreTest, ALeaseThatNobodyCanHaveWrittenIsAnError) {
  const auto store = open();
  execute({"insert into leases values ('none', null, 0)", "insert into leases values ('holder', 'me', 1)"});
  EXPECT_FAILS(reader()->find_lease("none"), Errc::system);
  EXPECT_FAILS(store->pass_lease("none", 0, {}), Errc::system);
  EXPECT_FAILS(reader()->find_lease("holder"), Errc::system);
}

TEST_F(SqlStoreTest, AGrantThatNobodyCanHaveWrittenIsAnError) {
  const auto store = open();
  const std::string id = tests::plain_operation(1).id.text();
  execute({"insert into grants values ('" + id + "', '../pos1', 'clone.*', 0, 10, 1, 0, 'admin:anna')"});
  EXPECT_FAILS(reader()->usable_grants({}, Timestamp()), Errc::system);
  EXPECT_FAILS(store->revoke_grant(tests::plain_operation(1).id), Errc::system);
}

TEST_F(SqlStoreTest, AFullFileSystemIsNoSpace) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        ::mount("tmpfs", folder_.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
      ::_exit(77);
    }
    auto store = SqlStore::open(file_);
    if (!store) ::_exit(1);
    const unsigned kept = fill(*store.value());
    ::_exit(::testing::Test::HasFailure() || kept < 10 ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "needs the right to mount";
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST_F(SqlStoreTest, UpkeepKeepsTheLogShort) {
  const auto store = open();
  const auto size_before = fs::file_size(file_.string() + "-wal");
  for (unsigned number = 1; number <= 600; ++number) {
    ASSERT_OK(insert(*store, number));
    if (store->upkeep_due()) store->upkeep();
  }
  EXPECT_EQ(fs::file_size(file_.string() + "-wal"), size_before);  // preallocated, and never outgrown
}

// Writes until it is killed; says each number that was accepted.
[[noreturn]] void write_until_killed(const fs::path& file, int accepted, unsigned first) {
  auto store = SqlStore::open(file);
  if (!store) ::_exit(1);
  for (unsigned number = first;; ++number) {
    OperationRecord operation = tests::full_operation(number);
    if (!store.value()->insert(operation, {{"a", "requested", operation.id.text(), ""}}, k_now)) ::_exit(2);
    operation.steps[1].state = protocol::StepState::done;
    if (!store.value()->update_step(operation.id, 1, operation.steps[1])) ::_exit(3);
    if (::write(accepted, &number, sizeof number) != sizeof number) ::_exit(4);
    if (store.value()->upkeep_due()) store.value()->upkeep();
  }
}

TEST_F(SqlStoreTest, WhatWasAcceptedSurvivesKill) {
  unsigned last = 0;
  for (unsigned round = 0; round < 8; ++round) {
    int pipe_ends[2];
    ASSERT_EQ(::pipe(pipe_ends), 0);
    Descriptor reading(pipe_ends[0]);
    Descriptor writing(pipe_ends[1]);
    const pid_t child = ::fork();
    if (child == 0) write_until_killed(file_, writing.get(), last + 2);  // the one after the last may be there already
    writing.reset();
    unsigned number = 0;
    for (unsigned wanted = 7 + round * 13; wanted > 0 && ::read(reading.get(), &number, sizeof number) == sizeof number; --wanted) {
    }
    ::kill(child, SIGKILL);
    while (::read(reading.get(), &number, sizeof number) == sizeof number) {
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "it ended by itself: " << WEXITSTATUS(status);
    ASSERT_GT(number, last);

    const auto store = open();
    for (unsigned accepted = last + 2; accepted <= number; ++accepted) {
      const auto found = reader()->find(tests::full_operation(accepted).id);
      ASSERT_OK(found);
      ASSERT_TRUE(found.value()) << accepted;
      EXPECT_EQ(found.value()->steps[1].state, protocol::StepState::done);
    }
    auto verdict = verify_audit(file_);
    ASSERT_OK(verdict);
    EXPECT_FALSE(verdict.value().broken) << verdict.value().broken->reason;
    const auto listed = reader()->list({.most = 10'000});
    ASSERT_OK(listed);
    EXPECT_EQ(verdict.value().last.sequence, listed.value().size());  // an entry for each operation and none without
    last = number + 1;
  }
}

// A power cut leaves any part of the log; whatever it is, what is read is a beginning of what was written.
TEST_F(SqlStoreTest, AnyPartOfTheLogGivesABeginningOfTheHistory) {
  const auto store = open();
  for (unsigned number = 1; number <= 6; ++number) ASSERT_OK(insert(*store, number));
  std::size_t seen_last = 0;
  std::string log = folder_.read("journal.db-wal");
  log.resize(log.find_last_not_of('\0') + 1);
  const std::size_t stride = log.size() / 40 + 1;
  for (std::size_t length = 0; length < log.size() + stride; length += stride) {
    tests::TemporaryFolder copy;
    fs::copy_file(file_, copy.path() / "journal.db");
    std::ofstream(copy.path() / "journal.db-wal", std::ios::binary) << log.substr(0, length);
    auto opened = SqlStore::open(copy.path() / "journal.db");
    ASSERT_OK(opened) << length;
    const auto listed = SqlReader::open(copy.path() / "journal.db").value()->list({});
    ASSERT_OK(listed);
    auto verdict = verify_audit(copy.path() / "journal.db");
    ASSERT_OK(verdict);
    EXPECT_FALSE(verdict.value().broken);
    EXPECT_EQ(verdict.value().last.sequence, listed.value().size());
    EXPECT_GE(listed.value().size(), seen_last);
    seen_last = listed.value().size();
  }
  EXPECT_EQ(seen_last, 6u);
}

TEST_F(SqlStoreTest, UnfinishedOperationsAreFoundByTheirIndex) {
  const auto store = open();
  for (unsigned number = 1; number <= 100; ++number) {
    OperationRecord operation = tests::plain_operation(number);
    if (number > 1) operation.state = protocol::OperationState::succeeded;
    ASSERT_OK(store->insert(operation, {}, k_now));
  }
  soci::session session(soci::sqlite3, "dbname=" + file_.string());
  std::string plan;
  std::string all;
  int number = 0;
  soci::statement explain = (session.prepare << "explain query plan select id from operation where unfinished = 1 order by created desc",
                             soci::into(number), soci::into(number), soci::into(number), soci::into(plan));
  explain.execute();
  while (explain.fetch()) all += plan + "\n";
  EXPECT_NE(all.find("operation_unfinished"), std::string::npos) << all;
}

}  // namespace
}  // namespace zynclone::broker::journal
