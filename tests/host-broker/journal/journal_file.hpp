#pragma once
// The real journal on a file of the test's own, which can be closed and opened again as a restart does.

#include "host-broker/journal/sql_journal.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {

struct JournalFile {
  asio::io_context context;  // outlives the journal, whose thread may still be handing a result over when run() has it already
  FakeClock clock;
  TemporaryFolder folder;
  std::unique_ptr<broker::journal::SqlJournal> kept = open();
  std::unique_ptr<broker::journal::SqlJournal> open() {
    auto opened = broker::journal::SqlJournal::open(folder.path() / "journal.db", clock);
    EXPECT_OK(opened);
    return opened ? std::move(opened.value()) : nullptr;
  }
  void restart() {
    kept.reset();
    kept = open();
  }
};

}  // namespace zynclone::tests
