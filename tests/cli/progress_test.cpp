#include "cli/progress.hpp"

#include <gtest/gtest.h>

#include <cstdio>

#include "tests/cli/golden.hpp"
#include "tests/support/service/messages.hpp"

namespace zynclone::cli {
namespace {

using tests::visible;

// What a screen wrote to its output, in memory.
struct Recorded {
  char* data = nullptr;
  std::size_t size = 0;
  std::FILE* file = ::open_memstream(&data, &size);
  ~Recorded() {
    std::fclose(file);
    std::free(data);
  }
  std::string text() {
    std::fflush(file);
    return std::string(data, size);
  }
};

TEST(Progress, PipeGetsALineForEachStepThatEnded) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::pipe);
  Progress progress(screen);
  progress.show(tests::sample_operation(1));
  EXPECT_EQ(out.text(), "operation 01JD0000000000000000000001 clone.create pos1 → upgrade-1\n  ✓ allowed\n");
  progress.show(tests::sample_operation(1));
  progress.show(tests::sample_operation(3));
  progress.show(tests::finished_operation());
  progress.end(tests::finished_operation());
  tests::expect_golden("cli", "wait_pipe.txt", out.text());
  EXPECT_EQ(errors.text(), "");
}

TEST(Progress, PipeIsToldOnceThatPeopleAreWaitedFor) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::pipe);
  Progress progress(screen);
  progress.show(tests::awaiting_operation());
  progress.show(tests::awaiting_operation());
  progress.show(tests::sample_operation(1));
  EXPECT_EQ(out.text(),
            "operation 01JD0000000000000000000001 clone.create pos1 → upgrade-1\n"
            "  … waits for an administrator to allow it\n"
            "  ✓ allowed\n");
}

TEST(Progress, UndoneStepsAreTold) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::pipe);
  Progress progress(screen);
  progress.show(tests::sample_operation(2));
  progress.show(tests::failed_operation());
  progress.end(tests::failed_operation());
  EXPECT_EQ(out.text(),
            "operation 01JD0000000000000000000001 clone.create pos1 → upgrade-1\n"
            "  ✓ allowed\n"
            "  ✓ quiesced pos1 (1.2 s, 2 hooks)\n"
            "  ↶ undone: quiesced pos1 (1.2 s, 2 hooks)\n"
            "  ✗ cannot snapshot 'pos1-root': thin pool vg0/pool has 10 MiB left, 1 GiB is kept in reserve\n");
}

TEST(Progress, StepsWithoutTextGetNoLine) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::pipe);
  Progress progress(screen);
  auto operation = tests::sample_operation(2);
  operation.steps[1].text.clear();
  progress.show(operation);
  EXPECT_EQ(out.text(), "operation 01JD0000000000000000000001 clone.create pos1 → upgrade-1\n  ✓ allowed\n");
}

TEST(Progress, TerminalRedrawsOnlyWhatRuns) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::terminal);
  Progress progress(screen);
  progress.show(tests::sample_operation(1));
  EXPECT_EQ(visible(out.text()),
            "operation 01JD0000000000000000000001 clone.create pos1 → upgrade-1\n"
            "  ✓ allowed\n"
            "  … quiesce pos1\n");
  const std::size_t before = out.text().size();
  progress.show(tests::sample_operation(2));
  EXPECT_EQ(visible(out.text().substr(before)),
            "\\e[1A\\e[J  ✓ quiesced pos1 (1.2 s, 2 hooks)\n"
            "  … snapshot pos1-root  40 %\n");
}

TEST(Progress, TerminalLinesThatPassAreNeverWiderThanIt) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::terminal);  // a stream without a size: 80 columns
  Progress progress(screen);
  auto operation = tests::sample_operation(1);
  operation.steps[1].text = std::string(200, 'x');
  progress.show(operation);
  EXPECT_NE(out.text().find("  … " + std::string(74, 'x') + "…\n"), std::string::npos) << out.text();
}

TEST(Progress, TroubleStandsUntilTheServiceIsBack) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::terminal);
  Progress progress(screen);
  progress.show(tests::sample_operation(1));
  const std::size_t before = out.text().size();
  progress.show_trouble(Error{Errc::unavailable, "cannot reach the agent"});
  EXPECT_EQ(visible(out.text().substr(before)), "\\e[1A\\e[J  … cannot reach the agent (unavailable)\n");
}

TEST(Progress, PipeIsToldOfTroubleOnceOnStandardError) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::pipe);
  Progress progress(screen);
  progress.show(tests::sample_operation(1));
  progress.show_trouble(Error{Errc::unavailable, "cannot reach the agent"});
  progress.show_trouble(Error{Errc::unavailable, "cannot reach the agent"});
  EXPECT_EQ(errors.text(), "… cannot reach the agent (unavailable)\n");
}

TEST(Progress, WhatThePeerSaidCannotMoveTheCursor) {
  Recorded out, errors;
  Screen screen(out.file, errors.file, Display::terminal);
  Progress progress(screen);
  auto operation = tests::finished_operation();
  operation.steps[1].text = "\x1b[2Jgone\r\n\xc2\x9b" "31m";
  operation.target = "a\x07z";
  operation.summary = "\x1b]0;title\x07";
  progress.show(operation);
  progress.end(operation);
  EXPECT_EQ(out.text().find('\x1b'), std::string::npos);
  EXPECT_EQ(out.text().find('\x07'), std::string::npos);
  EXPECT_EQ(out.text().find('\r'), std::string::npos);
  EXPECT_EQ(out.text().find("\xc2\x9b"), std::string::npos);
  EXPECT_NE(out.text().find("gone"), std::string::npos);
}

}  // namespace
}  // namespace zynclone::cli
