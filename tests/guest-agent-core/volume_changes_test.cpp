#include "guest-agent-core/volume_changes.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

using Behaviour = FakeHookPrograms::Behaviour;
using Events = std::vector<std::string>;
using protocol::AcquireReport;
using protocol::ReleaseReport;

const VolumeName k_sales = VolumeName::parse("sales").value();
const VolumeName k_raw = VolumeName::parse("raw").value();

class VolumeChangesTest : public ::testing::Test {
 protected:
  VolumeChangesTest() {
    programs.names[HookEvent::release_volume] = {"a", "b"};
    programs.names[HookEvent::acquire_volume] = {"a", "b"};
    make();
  }
  ~VolumeChangesTest() override {
    changes->drop(Error{Errc::cancelled, "the test ends"});
    quiescer.release("the test ends");
    EXPECT_TRUE(run_until(context, [&] { return !changes->in_work() && !quiescer.held_for(); }));
    settle(context);
  }
  // As an agent that is started anew.
  void make() { changes.emplace(context.get_executor(), hooks, mounter, store, quiescer, MountPoints{{k_sales, "/srv/sales"}}, VolumeLimits()); }

  template <class T>
  using Answer = std::shared_ptr<std::optional<Result<T>>>;

  Answer<ReleaseReport> ask_release(std::uint64_t token, VolumeName volume = k_sales, std::string device = "xvds") {
    auto answer = std::make_shared<std::optional<Result<ReleaseReport>>>();
    protocol::GuestReleaseVolume call;
    call.volume = volume;
    call.device = device;
    call.token = token;
    start(context, changes->release(call), [answer](Result<ReleaseReport> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  Answer<AcquireReport> ask_acquire(std::uint64_t token, VolumeName volume = k_sales, std::string device = "xvds", std::string filesystem = "ext4") {
    auto answer = std::make_shared<std::optional<Result<AcquireReport>>>();
    protocol::GuestAcquireVolume call;
    call.volume = volume;
    call.device = device;
    call.filesystem = filesystem;
    call.token = token;
    start(context, changes->acquire(call), [answer](Result<AcquireReport> result) { answer->emplace(std::move(result)); });
    return answer;
  }
  template <class T>
  Result<T> wait(const Answer<T>& answer) {
    EXPECT_TRUE(run_until(context, [&] { return answer->has_value(); })) << "no answer";
    return answer->has_value() ? **answer : Result<T>(Error{Errc::internal, "no answer"});
  }
  Result<ReleaseReport> release(std::uint64_t token) { return wait(ask_release(token)); }
  Result<AcquireReport> acquire(std::uint64_t token) { return wait(ask_acquire(token)); }
  bool is_mounted() const { return mounter.mounted.contains("/srv/sales"); }
  void be_mounted() { mounter.mounted["/srv/sales"] = "xvds"; }
  void quiesce() {
    bool done = false;
    start(context, quiescer.quiesce(protocol::GuestQuiesce{operation_number(1), 60'000}), [&](const auto&) { done = true; });
    ASSERT_TRUE(run_until(context, [&] { return done; }));
    record.events.clear();
  }

  asio::io_context context;
  Record record;
  FakeHookPrograms programs{record};
  FakeFreezer freezer{record};
  FakeQuiesceStore quiesce_store{record};
  FakeVolumeMounter mounter{record};
  FakeVolumeStore store;
  HookLimits hook_limits{.each = std::chrono::milliseconds(200)};
  Hooks hooks{programs, hook_limits, [] { return HookEnvironment(); }};
  Quiescer quiescer{context.get_executor(), hooks, freezer, quiesce_store, QuiesceLimits()};
  std::optional<VolumeChanges> changes;
};

// ---- release

TEST_F(VolumeChangesTest, ReleaseStopsThenUnmounts) {
  be_mounted();
  const auto report = release(5);
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 2u);
  EXPECT_TRUE(report.value().was_mounted);
  EXPECT_FALSE(is_mounted());
  EXPECT_EQ(record.events, (Events{"release-volume a", "release-volume b", "unmount sales"}));
  const HookEnvironment& environment = programs.environments["release-volume a"];
  EXPECT_EQ(environment.at("ZYNCLONE_VOLUME"), "sales");
  EXPECT_EQ(environment.at("ZYNCLONE_DEVICE"), "/dev/xvds");
  EXPECT_EQ(environment.at("ZYNCLONE_MOUNT"), "/srv/sales");
  EXPECT_EQ(environment.at("ZYNCLONE_TOKEN"), "5");
}

TEST_F(VolumeChangesTest, WhatIsNotMountedIsReleasedAndItsHooksRun) {
  const auto report = release(5);
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 2u);
  EXPECT_FALSE(report.value().was_mounted);
  EXPECT_TRUE(record.has("unmount sales")) << "which makes sure that nobody else holds the device";
}

TEST_F(VolumeChangesTest, AReleaseHookThatFailsLeavesItInUse) {
  be_mounted();
  programs.behaviours["release-volume b"] = Behaviour::fails;
  const auto failed = release(5);
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot release volume 'sales': cannot run the hook 'b': exit status 3 (it said: line two)");
  EXPECT_TRUE(is_mounted());
  EXPECT_EQ(record.events, (Events{"release-volume a", "release-volume b", "acquire-volume a", "acquire-volume b"}));
}

TEST_F(VolumeChangesTest, AReleaseHookThatHangsLeavesItInUse) {
  be_mounted();
  programs.behaviours["release-volume a"] = Behaviour::hangs;
  EXPECT_FAILS(release(5), Errc::timed_out);
  EXPECT_TRUE(is_mounted());
  EXPECT_EQ(record.events, (Events{"release-volume a", "acquire-volume a", "acquire-volume b"}));
}

TEST_F(VolumeChangesTest, OneThatIsBusyStaysInUse) {
  be_mounted();
  mounter.unmount_failure = Error{Errc::conflict, "cannot unmount '/dev/xvds' at '/srv/sales': it is used by 12 (pos)"};
  const auto failed = release(5);
  ASSERT_FAILS(failed, Errc::conflict);
  EXPECT_NE(failed.error().message.find("it is used by 12 (pos)"), std::string::npos);
  EXPECT_EQ(record.events, (Events{"release-volume a", "release-volume b", "unmount sales", "acquire-volume a", "acquire-volume b"}));
}

TEST_F(VolumeChangesTest, WhatCannotBeBroughtBackIsSaid) {
  be_mounted();
  programs.behaviours["release-volume a"] = Behaviour::fails;
  programs.behaviours["acquire-volume a"] = Behaviour::fails;
  const auto failed = release(5);
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_NE(failed.error().message.find("what uses it is not brought back"), std::string::npos) << failed.error().message;
  EXPECT_FALSE(record.has("acquire-volume b"));
}

TEST_F(VolumeChangesTest, WhatWasNotMountedIsNotStartedAfterAFailure) {
  programs.behaviours["release-volume b"] = Behaviour::fails;
  EXPECT_FAILS(release(5), Errc::system);
  EXPECT_FALSE(record.has("acquire-volume a")) << "it would write below the mount point";
}

TEST_F(VolumeChangesTest, SomethingElseAtItsMountPointIsLeftAlone) {
  mounter.find_failure = Error{Errc::conflict, "something else is mounted there"};
  EXPECT_FAILS(release(5), Errc::conflict);
  EXPECT_FAILS(acquire(6), Errc::conflict);
  EXPECT_EQ(record.events, (Events{"wait for xvds"})) << "no hook runs";
}

TEST_F(VolumeChangesTest, AFailedReleaseIsTriedAnewWhenItIsAskedAgain) {
  be_mounted();
  programs.behaviours["release-volume b"] = Behaviour::fails;
  EXPECT_FAILS(release(5), Errc::system);
  programs.behaviours.clear();
  EXPECT_TRUE(release(5).value().was_mounted);
  EXPECT_FALSE(is_mounted());
}

// ---- acquire

TEST_F(VolumeChangesTest, AcquireWaitsMountsAndStarts) {
  const auto report = acquire(6);
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 2u);
  EXPECT_EQ(report.value().mount_point, "/srv/sales");
  EXPECT_TRUE(is_mounted());
  EXPECT_EQ(record.events, (Events{"wait for xvds", "mount sales ext4", "acquire-volume a", "acquire-volume b"}));
}

TEST_F(VolumeChangesTest, WhatIsMountedAlreadyIsNotMountedTwice) {
  be_mounted();
  ASSERT_OK(acquire(6));
  EXPECT_EQ(record.events, (Events{"wait for xvds", "acquire-volume a", "acquire-volume b"})) << "its hooks run all the same";
}

TEST_F(VolumeChangesTest, ADeviceThatDoesNotComeIsAnError) {
  mounter.devices.clear();
  EXPECT_FAILS(acquire(6), Errc::timed_out);
  EXPECT_EQ(record.events, (Events{"wait for xvds"}));
}

TEST_F(VolumeChangesTest, AMountThatFailsRunsNoHook) {
  mounter.mount_failure = Error{Errc::system, "it holds no ext4 file system"};
  EXPECT_FAILS(acquire(6), Errc::system);
  EXPECT_EQ(record.events, (Events{"wait for xvds", "mount sales ext4"}));
}

TEST_F(VolumeChangesTest, AnAcquireHookThatFailsStopsAndUnmounts) {
  programs.behaviours["acquire-volume b"] = Behaviour::fails;
  const auto failed = acquire(6);
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot acquire volume 'sales': cannot run the hook 'b': exit status 3 (it said: line two)");
  EXPECT_FALSE(is_mounted());
  EXPECT_EQ(record.events, (Events{"wait for xvds", "mount sales ext4", "acquire-volume a", "acquire-volume b", "release-volume a",
                                   "release-volume b", "unmount sales"}));
}

TEST_F(VolumeChangesTest, WhatCannotBeUnmountedAfterAFailureIsSaid) {
  programs.behaviours["acquire-volume b"] = Behaviour::fails;
  programs.behaviours["release-volume a"] = Behaviour::fails;
  mounter.unmount_failure = Error{Errc::conflict, "it is used by 12 (pos)"};
  const auto failed = acquire(6);
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_NE(failed.error().message.find("it is still in use here: it is used by 12 (pos)"), std::string::npos) << failed.error().message;
  EXPECT_TRUE(record.has("unmount sales")) << "also when a hook before it fails";
}

TEST_F(VolumeChangesTest, WithoutARecordNothingIsMounted) {
  store.save_failure = Error{Errc::no_space, "cannot write"};
  EXPECT_FAILS(acquire(6), Errc::no_space);
  EXPECT_TRUE(record.events.empty());
}

TEST_F(VolumeChangesTest, AVolumeWithoutAMountPointIsItsHooksAffair) {
  const auto acquired = wait(ask_acquire(6, k_raw, "xvds", ""));
  ASSERT_OK(acquired);
  EXPECT_EQ(acquired.value().mount_point, "");
  EXPECT_EQ(record.events, (Events{"wait for xvds", "acquire-volume a", "acquire-volume b"}));
  EXPECT_EQ(programs.environments["acquire-volume a"].at("ZYNCLONE_MOUNT"), "");
  record.events.clear();
  const auto released = wait(ask_release(6, k_raw));
  ASSERT_OK(released);
  EXPECT_FALSE(released.value().was_mounted);
  EXPECT_EQ(record.events, (Events{"release-volume a", "release-volume b", "unmount raw"}));
}

// ---- again, older, at the same time

TEST_F(VolumeChangesTest, TheSameCallAgainIsTheSameAnswer) {
  be_mounted();
  ASSERT_OK(release(5));
  record.events.clear();
  const auto again = release(5);
  ASSERT_OK(again);
  EXPECT_TRUE(again.value().was_mounted);
  EXPECT_EQ(again.value().hooks, 2u);
  ASSERT_OK(acquire(6));
  record.events.clear();
  EXPECT_EQ(acquire(6).value().mount_point, "/srv/sales");
  EXPECT_TRUE(record.events.empty());
}

TEST_F(VolumeChangesTest, TheSameCallAgainIsTheSameAnswerAlsoFromTheNextAgent) {
  be_mounted();
  ASSERT_OK(release(5));
  record.events.clear();
  make();
  EXPECT_TRUE(release(5).value().was_mounted);
  EXPECT_TRUE(record.events.empty());
}

TEST_F(VolumeChangesTest, BackAndForthForTheSameLeaseIsDoneEachTime) {
  be_mounted();
  ASSERT_OK(release(5));
  ASSERT_OK(acquire(5));
  EXPECT_TRUE(is_mounted());
  EXPECT_TRUE(release(5).value().was_mounted);
  EXPECT_FALSE(is_mounted());
  EXPECT_EQ(record.count("unmount sales"), 2u);
}

TEST_F(VolumeChangesTest, WhatSomebodyDidByHandSinceCounts) {
  ASSERT_OK(acquire(6));
  mounter.mounted.clear();
  ASSERT_OK(acquire(6));
  EXPECT_TRUE(is_mounted());
  ASSERT_OK(release(6));
  be_mounted();
  ASSERT_OK(release(6));
  EXPECT_FALSE(is_mounted());
}

TEST_F(VolumeChangesTest, AnOlderLeaseIsRefused) {
  ASSERT_OK(acquire(6));
  record.events.clear();
  const auto refused = release(5);
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_EQ(refused.error().message, "cannot release volume 'sales': lease 5 is over: this guest was told of 6");
  EXPECT_FAILS(acquire(5), Errc::conflict);
  make();
  EXPECT_FAILS(release(5), Errc::conflict);
  EXPECT_TRUE(record.events.empty());
  EXPECT_TRUE(is_mounted());
  EXPECT_OK(release(7)) << "a newer one than it knows of";
}

TEST_F(VolumeChangesTest, ALeaseCountsFromItsFirstCall) {
  mounter.mount_failure = Error{Errc::system, "no"};
  EXPECT_FAILS(acquire(6), Errc::system);
  mounter.mount_failure.reset();
  EXPECT_FAILS(acquire(5), Errc::conflict);
  EXPECT_OK(acquire(6));
}

TEST_F(VolumeChangesTest, ARecordThatCannotBeReadIsNone) {
  store.load_failure = Error{Errc::malformed, "cannot read the volume record"};
  be_mounted();
  EXPECT_TRUE(release(5).value().was_mounted);
}

TEST_F(VolumeChangesTest, OneChangeAtATimeOfOneVolume) {
  programs.behaviours["release-volume a"] = Behaviour::hangs;
  be_mounted();
  const auto first = ask_release(5);
  ASSERT_TRUE(run_until(context, [&] { return record.has("release-volume a"); }));
  EXPECT_EQ(changes->in_work(), "volume 'sales' is being released");
  const auto refused = acquire(6);
  ASSERT_FAILS(refused, Errc::busy);
  EXPECT_EQ(refused.error().message, "cannot acquire volume 'sales': the release for lease 5 has not ended");
  EXPECT_FAILS(release(6), Errc::busy);
  const auto same = ask_release(5);
  EXPECT_OK(wait(ask_acquire(1, k_raw))) << "of another volume";
  EXPECT_FAILS(wait(first), Errc::timed_out);
  EXPECT_FAILS(wait(same), Errc::timed_out);
  EXPECT_EQ(record.count("release-volume a"), 1u) << "whoever asks the same waits for it";
  EXPECT_FALSE(changes->in_work());
}

TEST_F(VolumeChangesTest, NoneWhileTheGuestIsQuiesced) {
  be_mounted();
  quiesce();
  EXPECT_FAILS(release(5), Errc::busy);
  EXPECT_FAILS(acquire(6), Errc::busy);
  EXPECT_TRUE(record.events.empty());
}

TEST_F(VolumeChangesTest, WhatIsDroppedEndsAsItIs) {
  programs.behaviours["release-volume b"] = Behaviour::hangs;
  be_mounted();
  const auto asked = ask_release(5);
  ASSERT_TRUE(run_until(context, [&] { return record.has("release-volume b"); }));
  changes->drop(Error{Errc::unavailable, "the agent is being stopped"});
  const auto dropped = wait(asked);
  ASSERT_FAILS(dropped, Errc::unavailable);
  EXPECT_EQ(dropped.error().message, "cannot release volume 'sales': the agent is being stopped");
  EXPECT_EQ(record.events, (Events{"release-volume a", "release-volume b", "cancelled release-volume b"}));
  EXPECT_TRUE(is_mounted());
  programs.behaviours.clear();
  EXPECT_OK(release(5)) << "asked again";
}

TEST_F(VolumeChangesTest, NamesThatAreNoneAreRefused) {
  EXPECT_FAILS(wait(ask_release(5, k_sales, "../xvds")), Errc::invalid_argument);
  EXPECT_FAILS(wait(ask_release(5, k_sales, "")), Errc::invalid_argument);
  EXPECT_FAILS(wait(ask_acquire(6, k_sales, "mapper/x")), Errc::invalid_argument);
  EXPECT_FAILS(wait(ask_acquire(6, k_sales, "xvds", "ext4,suid")), Errc::invalid_argument);
  EXPECT_TRUE(record.events.empty());
}

TEST_F(VolumeChangesTest, TheHostNeedNameNoFileSystem) {
  EXPECT_OK(wait(ask_acquire(6, k_sales, "xvds", "")));
  EXPECT_TRUE(is_mounted());
}

}  // namespace
}  // namespace zynclone::tests
