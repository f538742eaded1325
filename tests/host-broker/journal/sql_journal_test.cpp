// What the two threads of the journal are for.

#include "host-broker/journal/sql_journal.hpp"

#include <gtest/gtest.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "tests/host-broker/journal/example_operation.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::journal {
namespace {

asio::awaitable<void> append_to(AuditLog& audit, std::optional<Result<void>>& done) { done.emplace(co_await audit.append("a", "other", "", "")); }

TEST(SqlJournal, ReadsGoOnWhileAWriteWaitsForItsDisk) {
  asio::io_context context;
  tests::FakeClock clock;
  tests::TemporaryFolder folder;
  const auto file = folder.path() / "journal.db";
  auto opened = SqlJournal::open(file, clock);
  ASSERT_OK(opened);
  Journal& journal = *opened.value();
  AuditLog& audit = *opened.value();
  const OperationRecord first = tests::plain_operation(1);
  ASSERT_OK(tests::run_on(context, journal.insert(first, {{"a", "requested", "", ""}})));

  soci::session holder(soci::sqlite3, "dbname=" + file.string());
  holder << "begin immediate";  // stands for a disk that syncs slowly: no write ends while it is held
  std::optional<Result<void>> written;
  asio::co_spawn(context, append_to(audit, written), [](std::exception_ptr) {});
  context.restart();
  context.poll();

  EXPECT_EQ(tests::run_on(context, journal.list({})).value().size(), 1u);
  EXPECT_TRUE(tests::run_on(context, journal.find(first.id)).value());
  EXPECT_FALSE(tests::run_on(context, journal.find_request("nobody", RequestId::parse("r").value())).value());
  EXPECT_EQ(tests::run_on(context, audit.entries(0, 10)).value().size(), 1u);
  EXPECT_EQ(tests::run_on(context, audit.last_entry()).value(), 1u);
  EXPECT_FALSE(written.has_value());

  holder << "rollback";
  context.restart();
  context.run();
  ASSERT_TRUE(written.has_value());
  EXPECT_OK(*written);
  EXPECT_EQ(tests::run_on(context, audit.last_entry()).value(), 2u);
}

}  // namespace
}  // namespace zynclone::broker::journal
