#include "cli/exit_code.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/support/service/messages.hpp"

namespace zynclone::cli {
namespace {

TEST(ExitCode, OfEachError) {
  EXPECT_EQ(exit_code_of(Errc::invalid_argument), ExitCode::usage);
  EXPECT_EQ(exit_code_of(Errc::refused), ExitCode::refused);
  EXPECT_EQ(exit_code_of(Errc::denied), ExitCode::refused);
  for (Errc code : {Errc::malformed, Errc::too_large, Errc::unsupported_version, Errc::unknown_method, Errc::unavailable}) {
    EXPECT_EQ(exit_code_of(code), ExitCode::unreachable) << to_string(code);
  }
  EXPECT_EQ(exit_code_of(Errc::timed_out), ExitCode::time_limit);
  EXPECT_EQ(exit_code_of(Errc::expired), ExitCode::time_limit);
  for (Errc code : {Errc::not_found, Errc::already_exists, Errc::conflict, Errc::busy, Errc::limit_exceeded, Errc::no_space, Errc::rate_limited}) {
    EXPECT_EQ(exit_code_of(code), ExitCode::not_possible) << to_string(code);
  }
  EXPECT_EQ(exit_code_of(Errc::cancelled), ExitCode::cancelled);
  EXPECT_EQ(exit_code_of(Errc::moved), ExitCode::moved);
  for (Errc code : {Errc::configuration, Errc::storage, Errc::xen, Errc::system, Errc::internal}) {
    EXPECT_EQ(exit_code_of(code), ExitCode::failed) << to_string(code);
  }
}

TEST(ExitCode, OfAnOperationsEnd) {
  auto operation = tests::finished_operation();
  EXPECT_EQ(exit_code_of(operation), ExitCode::done);
  // A failed operation is 1 whatever its error was: it began.
  operation = tests::failed_operation();
  operation.error->code = "timed-out";
  EXPECT_EQ(exit_code_of(operation), ExitCode::failed);
  operation.state = protocol::OperationState::denied;
  EXPECT_EQ(exit_code_of(operation), ExitCode::refused);
  operation.state = protocol::OperationState::expired;
  EXPECT_EQ(exit_code_of(operation), ExitCode::time_limit);
  operation.state = protocol::OperationState::cancelled;
  EXPECT_EQ(exit_code_of(operation), ExitCode::cancelled);
  operation.state = protocol::OperationState::failed;
  operation.error = protocol::ErrorView{.code = "limit-exceeded"};
  EXPECT_EQ(exit_code_of(operation), ExitCode::not_possible) << "as when the request is turned away";
  operation.error->code = "no-space";
  EXPECT_EQ(exit_code_of(operation), ExitCode::failed);
}

// The manual pages hold the same table: a line "**N**" and the meaning after ":   ".
TEST(ExitCode, ManualPagesHaveTheSameTable) {
  std::istringstream table(exit_code_table());
  for (const char* page : {"zynclone.1.md", "vmclone.8.md"}) {
    std::ostringstream manual;
    manual << std::ifstream(std::string(TEST_SOURCE_DIR) + "/installer/man/" + page).rdbuf();
    table.clear();
    table.seekg(0);
    int rows = 0;
    for (std::string line; std::getline(table, line); ++rows) {
      std::istringstream words(line);
      std::string number, meaning;
      words >> number;
      std::getline(words >> std::ws, meaning);
      EXPECT_NE(manual.str().find("**" + number + "**\n:   " + meaning + "\n"), std::string::npos) << page << " lacks: " << line;
    }
    EXPECT_EQ(rows, 10);
  }
}

}  // namespace
}  // namespace zynclone::cli
