#include "host-broker/xen/ready_program.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::xen {
namespace {

using namespace std::chrono_literals;

class ReadyProgramTest : public ::testing::Test {
 protected:
  std::unique_ptr<ReadyProgram> start(const std::string& text) {
    folder.write_program("program", "#!/bin/sh\n" + text + "\n");
    auto started = ReadyProgram::start(context.get_executor(), folder / "program");
    EXPECT_OK(started);
    return std::move(started).value();
  }
  Result<ProcessOutput> run(ReadyProgram& program, std::vector<std::string> arguments, Deadline limit = 10s) {
    return tests::run_on(context, program.run(std::move(arguments), limit));
  }

  tests::TemporaryFolder folder;
  asio::io_context context{1};
};

TEST_F(ReadyProgramTest, GetsItsArgumentsAndGivesItsEnd) {
  const auto program = start("tr '\\0' '|'; echo oops >&2; exit 3");
  EXPECT_TRUE(program->is_there());
  const auto done = run(*program, {"block-attach", "", "a b"});
  ASSERT_OK(done);
  EXPECT_EQ(done.value().status, 3);
  EXPECT_EQ(done.value().errors, "block-attach||a b|oops\n");
  EXPECT_FALSE(program->is_there());
}

TEST_F(ReadyProgramTest, OneThatDoesNotEndIsKilledWithItsChildren) {
  const auto program = start("sleep 1000 & cat >/dev/null; wait");
  EXPECT_FAILS(run(*program, {"x"}, 50ms), Errc::timed_out);
  EXPECT_FALSE(program->is_there());
}

TEST_F(ReadyProgramTest, OneThatHasDiedIsNotThere) {
  const auto program = start("exit 0");
  while (program->is_there()) std::this_thread::yield();
  EXPECT_FALSE(program->is_there());
}

TEST_F(ReadyProgramTest, OneThatIsNeededNoMoreEnds) {
  {
    const auto program = start("cat; echo ended >" + (folder / "end").string());
  }
  while (!std::filesystem::exists(folder / "end")) std::this_thread::yield();
}

TEST_F(ReadyProgramTest, WhatCannotBeStartedIsAnError) {
  EXPECT_FAILS(ReadyProgram::start(context.get_executor(), "/no/such/program"), Errc::system);
}

}  // namespace
}  // namespace zynclone::broker::xen
