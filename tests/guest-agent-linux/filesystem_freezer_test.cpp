#include "guest-agent-linux/filesystem_freezer.hpp"

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Events = std::vector<std::string>;
using namespace std::chrono_literals;

// The kernel's two calls, from the freezer's thread: written down; each fails with, or waits for, what the test says.
class FakeKernel {
 public:
  FreezeCalls calls() {
    return {[this](const std::string& mount) { return call("freeze " + mount); }, [this](const std::string& mount) { return call("thaw " + mount); }};
  }
  void fail(const std::string& call, int number) {
    const std::lock_guard lock(mutex_);
    failures_[call] = number;
  }
  void block(const std::string& call) {
    const std::lock_guard lock(mutex_);
    blocked_ = call;
  }
  void unblock() {
    const std::lock_guard lock(mutex_);
    blocked_.clear();
    changed_.notify_all();
  }
  Events events() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  void wait_for(const std::string& event) {
    std::unique_lock lock(mutex_);
    const bool seen =
        changed_.wait_for(lock, 10s, [&] { return std::find(events_.begin(), events_.end(), event) != events_.end(); });
    EXPECT_TRUE(seen) << event << " never came";
  }

 private:
  int call(const std::string& name) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return blocked_ != name; });
    events_.push_back(name);
    changed_.notify_all();
    const auto failure = failures_.find(name);
    return failure == failures_.end() ? 0 : failure->second;
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  Events events_;
  std::map<std::string, int> failures_;
  std::string blocked_;
};

class FilesystemFreezerTest : public ::testing::Test {
 protected:
  ~FilesystemFreezerTest() override {
    kernel.unblock();
    freezer.reset();
    // Until the threads are done, whose work the context waits for.
    context.restart();
    context.run_for(10s);
  }
  void make(std::vector<std::string> mounts) {
    freezer.emplace(context.get_executor(), std::move(mounts), [this](const std::string&) { return check; }, kernel.calls());
  }
  Result<void> freeze(Deadline limit = 10s, Deadline longest = 10s) {
    auto result = std::make_shared<std::optional<Result<void>>>();
    start(context, freezer->freeze(limit, longest), [result](Result<void> value) { result->emplace(std::move(value)); });
    EXPECT_TRUE(run_until(context, [&] { return result->has_value(); }));
    return **result;
  }
  Result<Thaw> thaw() { return run(context, freezer->thaw(freezer->mounts())); }

  asio::io_context context;
  FakeKernel kernel;
  Result<void> check = outcome::success();
  std::optional<FilesystemFreezer> freezer;
};

TEST_F(FilesystemFreezerTest, FreezesInnerBeforeOuterAndThawsInReverse) {
  make({"/srv", "/srv/data", "/"});
  ASSERT_OK(freeze());
  EXPECT_EQ(kernel.events(), (Events{"freeze /srv/data", "freeze /srv", "freeze /"}));
  const auto thawed = thaw();
  ASSERT_OK(thawed);
  EXPECT_EQ(thawed.value(), Thaw::held);
  EXPECT_EQ(kernel.events(), (Events{"freeze /srv/data", "freeze /srv", "freeze /", "thaw /", "thaw /srv", "thaw /srv/data"}));
}

TEST_F(FilesystemFreezerTest, WhatMayNotBeFrozenKeepsAllFromIt) {
  make({"/a", "/b"});
  check = Error{Errc::configuration, "cannot freeze '/a': it is no mount point"};
  EXPECT_FAILS(freeze(), Errc::configuration);
  EXPECT_TRUE(kernel.events().empty());
}

TEST_F(FilesystemFreezerTest, OneThatFailsThawsThoseBeforeIt) {
  make({"/aa", "/b"});
  kernel.fail("freeze /b", EOPNOTSUPP);
  const auto failed = freeze();
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot freeze '/b': its file system cannot be frozen");
  EXPECT_EQ(kernel.events(), (Events{"freeze /aa", "freeze /b", "thaw /aa"}));
}

TEST_F(FilesystemFreezerTest, OneThatSomebodyElseFrozeStaysFrozen) {
  make({"/b"});
  kernel.fail("freeze /b", EBUSY);
  EXPECT_FAILS(freeze(), Errc::conflict);
  EXPECT_EQ(kernel.events(), (Events{"freeze /b"}));
}

TEST_F(FilesystemFreezerTest, WithoutRightsItSaysSo) {
  make({"/b"});
  kernel.fail("freeze /b", EPERM);
  const auto failed = freeze();
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot freeze '/b': Operation not permitted");
}

TEST_F(FilesystemFreezerTest, AFreezeThatTakesTooLongIsThawedWhenItIsDone) {
  make({"/aa", "/b"});
  kernel.block("freeze /aa");
  EXPECT_FAILS(freeze(200ms), Errc::timed_out);
  kernel.unblock();
  ASSERT_OK(thaw());
  EXPECT_EQ(kernel.events(), (Events{"freeze /aa", "thaw /aa"})) << "the second is not frozen any more";
}

TEST_F(FilesystemFreezerTest, AFreezeThatIsCancelledIsThawedWhenItIsDone) {
  make({"/aa"});
  kernel.block("freeze /aa");
  const auto limited = [](FilesystemFreezer& target) { return with_timeout(target.freeze(10s, 10s), 200ms, "freezing"); };
  auto result = std::make_shared<std::optional<Result<void>>>();
  start(context, limited(*freezer), [result](Result<void> value) { result->emplace(std::move(value)); });
  ASSERT_TRUE(run_until(context, [&] { return result->has_value(); }));
  kernel.unblock();
  ASSERT_OK(thaw());
  EXPECT_EQ(kernel.events(), (Events{"freeze /aa", "thaw /aa"}));
}

TEST_F(FilesystemFreezerTest, ThawsByItselfWhenTheAgentsThreadHangs) {
  make({"/b"});
  ASSERT_OK(freeze(10s, 30ms));
  // The context does not run here.
  kernel.wait_for("thaw /b");
  const auto thawed = thaw();
  ASSERT_OK(thawed);
  EXPECT_EQ(thawed.value(), Thaw::lost);
}

TEST_F(FilesystemFreezerTest, ThawsWhenItIsDestroyed) {
  make({"/b"});
  ASSERT_OK(freeze());
  freezer.reset();
  kernel.wait_for("thaw /b");
}

TEST_F(FilesystemFreezerTest, ThawsWhatAnEarlierAgentFroze) {
  make({});
  auto thawed = run(context, freezer->thaw({"/a", "/b"}));
  ASSERT_OK(thawed);
  EXPECT_EQ(thawed.value(), Thaw::held);
  EXPECT_EQ(kernel.events(), (Events{"thaw /b", "thaw /a"}));
  kernel.fail("thaw /a", EINVAL);
  thawed = run(context, freezer->thaw({"/a"}));
  ASSERT_OK(thawed) << "not frozen is no error";
  EXPECT_EQ(thawed.value(), Thaw::lost);
}

TEST_F(FilesystemFreezerTest, AThawThatFailsIsAnErrorAndCanBeTriedAgain) {
  make({"/aa", "/b"});
  ASSERT_OK(freeze());
  kernel.fail("thaw /aa", EIO);
  EXPECT_FAILS(thaw(), Errc::system);
  kernel.fail("thaw /aa", 0);
  kernel.fail("thaw /b", EINVAL);
  EXPECT_OK(thaw());
  EXPECT_EQ(kernel.events(), (Events{"freeze /aa", "freeze /b", "thaw /b", "thaw /aa", "thaw /b", "thaw /aa"}));
}

TEST_F(FilesystemFreezerTest, AMountThatWasLostMeanwhileIsReported) {
  make({"/b"});
  ASSERT_OK(freeze());
  kernel.fail("thaw /b", EINVAL);
  EXPECT_EQ(thaw().value(), Thaw::lost);
}

TEST_F(FilesystemFreezerTest, CanBeUsedAgain) {
  make({"/b"});
  for (int i = 0; i < 3; ++i) {
    ASSERT_OK(freeze());
    EXPECT_FAILS(freeze(), Errc::busy);
    ASSERT_EQ(thaw().value(), Thaw::held);
  }
}

}  // namespace
}  // namespace zynclone::tests
