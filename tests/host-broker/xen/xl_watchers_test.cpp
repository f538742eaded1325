#include "host-broker/xen/xl_watchers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::xen {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// A process that does nothing and whose standard output is this file.
class Watcher {
 public:
  explicit Watcher(const std::string& log) {
    id = ::fork();
    if (id != 0) return;
    const int file = ::open(log.c_str(), O_WRONLY | O_CREAT, 0600);
    ::dup2(file, STDOUT_FILENO);
    for (;;) ::pause();
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
  // Once it has its file.
  void wait_for(const Watcher& watcher, const std::string& name) {
    while (find_xl_watchers(name, places_) != std::vector<pid_t>{watcher.id}) ::usleep(1000);
  }
  tests::TemporaryFolder folder_;
  WatcherPlaces places_{.logs = folder_.path().string()};
};

TEST_F(XlWatchers, AreFoundByTheLogOfTheirDomain) {
  const Watcher one(log("pos1"));
  const Watcher other(log("pos1.standby"));
  wait_for(one, "pos1");
  wait_for(other, "pos1.standby");
  EXPECT_THAT(find_xl_watchers("pos1", places_), ElementsAre(one.id));
  EXPECT_THAT(find_xl_watchers("pos", places_), IsEmpty());
  EXPECT_THAT(find_xl_watchers("pos2", places_), IsEmpty());
}

TEST_F(XlWatchers, AreFoundWhereTheLogWasRotatedOrRemoved) {
  const Watcher one(log("pos1"));
  wait_for(one, "pos1");
  std::filesystem::rename(log("pos1"), log("pos1") + ".1");
  EXPECT_THAT(find_xl_watchers("pos1", places_), ElementsAre(one.id));
  std::filesystem::remove(log("pos1") + ".1");
  EXPECT_THAT(find_xl_watchers("pos1", places_), ElementsAre(one.id));
  EXPECT_THAT(find_xl_watchers("pos1.log", places_), IsEmpty());
}

TEST_F(XlWatchers, StandStillForAWhile) {
  const Watcher one(log("pos1"));
  wait_for(one, "pos1");
  {
    const StoppedWatchers stopped("pos1", places_);
    EXPECT_TRUE(one.has(WSTOPPED));
  }
  EXPECT_TRUE(one.has(WCONTINUED));
}

TEST_F(XlWatchers, ThatWereForgottenGoOn) {
  const Watcher one(log("pos1"));
  wait_for(one, "pos1");
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
