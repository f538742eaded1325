#include "host-broker/xen/xl_watchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "system/descriptor.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::xen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A process that does nothing and whose standard output is this file.
class Watcher {
 public:
  // It has its file then.
  explicit Watcher(const std::string& log) {
    int ends[2] = {-1, -1};
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Descriptor reading(ends[0]);
    Descriptor writing(ends[1]);
    id = ::fork();
    if (id == 0) {
      const int file = ::open(log.c_str(), O_WRONLY | O_CREAT, 0600);
      ::dup2(file, STDOUT_FILENO);
      writing.reset();
      for (;;) ::pause();
    }
    writing.reset();
    char nothing = 0;
    EXPECT_EQ(::read(reading.get(), &nothing, 1), 0);
  }
  ~Watcher() {
    ::kill(id, SIGKILL);
    ::waitpid(id, nullptr, 0);
  }
  // Waits until it has been stopped, or has gone on.
  bool has(int what) const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(id), &info, what) == 0 && info.si_pid == id;
  }
  pid_t id = 0;
};

class XlWatchers : public testing::Test {
 protected:
  std::string log(const std::string& name) { return folder_ / ("xl-" + name + ".log"); }
  tests::TemporaryFolder folder_;
  WatcherPlaces places_{.logs = folder_.path().string()};
};

TEST_F(XlWatchers, AreFoundByTheLogOfTheirDomain) {
  const Watcher one(log("pos1"));
  const Watcher other(log("pos1.standby"));
  EXPECT_THAT(find_xl_watchers("pos1", places_), ElementsAre(one.id));
  EXPECT_THAT(find_xl_watchers("pos", places_), IsEmpty());
  EXPECT_THAT(find_xl_watchers("pos2", places_), IsEmpty());
}

TEST_F(XlWatchers, AreFoundWhereTheLogWasRotatedOrRemoved) {
  const Watcher one(log("pos1"));
  std::filesystem::rename(log("pos1"), log("pos1") + ".1");
  EXPECT_THAT(find_xl_watchers("pos1", places_), ElementsAre(one.id));
  std::filesystem::remove(log("pos1") + ".1");
  EXPECT_THAT(find_xl_watchers("pos1", places_), ElementsAre(one.id));
  EXPECT_THAT(find_xl_watchers("pos1.log", places_), IsEmpty());
}

TEST_F(XlWatchers, StandStillForAWhile) {
  const Watcher one(log("pos1"));
  {
    const StoppedWatchers stopped("pos1", places_);
    EXPECT_TRUE(one.has(WSTOPPED));
  }
  EXPECT_TRUE(one.has(WCONTINUED));
}

TEST_F(XlWatchers, ThatWereForgottenGoOn) {
  const Watcher one(log("pos1"));
  ::kill(one.id, SIGSTOP);
  EXPECT_TRUE(one.has(WSTOPPED));
  continue_xl_watchers("pos1", places_);
  EXPECT_TRUE(one.has(WCONTINUED));
}

TEST_F(XlWatchers, NoneIsNoError) {
  const StoppedWatchers stopped("pos1", places_);
  continue_xl_watchers("pos1", places_);
  continue_xl_watchers("pos1", {.processes = "/nowhere"});
}

}  // namespace
}  // namespace zynclone::broker::xen
