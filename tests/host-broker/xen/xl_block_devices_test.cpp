#include "host-broker/xen/xl_block_devices.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host-broker/xen/render.hpp"
#include "tests/host-broker/ports/block_devices_contract.hpp"
#include "tests/host-broker/sandbox/store/running_store.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone {
namespace broker::xen {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using namespace std::chrono_literals;

// A control domain with guests 7 and 8, the fake zynclone-disk, and a kernel whose list of backends is a folder.
class PretendedHost {
 public:
  PretendedHost() {
    ::setenv("XENSTORED_PATH", store.socket_of({0}).c_str(), 1);
    store.add_guest({7});
    store.add_guest({8});
    const std::string program = std::string(TEST_BINARY_DIR) + "/bin/fake_disk";
    folder.write_program("zynclone-disk", "#!/bin/sh\nXENSTORED_PATH=" + store.socket_of({0}) + " exec " + program + " " + folder.path().string() + "\n");
    std::filesystem::create_directory(kernel());
  }
  BlockDeviceSettings settings() const {
    return {.program = (folder / "zynclone-disk").string(), .kernel_backends = kernel().string(), .attach_limit = 300ms};
  }
  std::filesystem::path kernel() const { return folder / "kernel"; }
  void pretend(const std::string& behaviour) { folder.write("behaviour", behaviour); }
  Volume volume(const std::string& name, VolumeFormat format = VolumeFormat::raw) { return {format, folder.write(name, "disk")}; }

  sandbox::RunningStore store;
  tests::TemporaryFolder folder;
  asio::io_context context{1};
  asio::thread_pool pool{2};
};

class XlBlockDevicesTest : public testing::Test {
 protected:
  template <class T>
  T run(asio::awaitable<T> work) {
    return tests::run_on(host_.context, std::move(work));
  }
  Result<void> attach(DomainId domain, const VmDisk& disk) { return run(devices_.attach(domain, disk)); }
  Result<void> detach(DomainId domain, const VmDisk& disk, Detach how = Detach::ask, Deadline limit = 300ms) {
    return run(devices_.detach(domain, disk, how, limit));
  }
  std::vector<std::string> holders(const Volume& volume) {
    const auto attachments = run(devices_.attachments_of(volume));
    EXPECT_OK(attachments);
    std::vector<std::string> texts;
    for (const Attachment& attachment : attachments.value()) texts.push_back(std::to_string(attachment.domain.value) + ' ' + attachment.device);
    return texts;
  }
  xenstore::Store open() { return xenstore::Store::open(host_.context.get_executor()).value(); }
  void write(const std::string& path, const std::string& value) { EXPECT_OK(open().write(path, value)); }
  std::string calls() { return host_.folder.read("calls"); }
  VmDisk sales() { return {.device = "xvds", .volume = host_.volume("sales")}; }
  // As somebody else's xl would have made it.
  void put(const std::string& place, const std::string& device, const std::string& parameters) {
    write("/local/domain/0/backend/" + place + "/dev", device);
    write("/local/domain/0/backend/" + place + "/params", parameters);
    write("/local/domain/0/backend/" + place + "/state", "4");
  }

  PretendedHost host_;
  XlBlockDevices devices_{host_.pool, host_.settings()};
};

TEST_F(XlBlockDevicesTest, XlIsToldWhatToAttachAndDetach) {
  const VmDisk disk = sales();
  ASSERT_OK(attach({7}, disk));
  EXPECT_EQ(calls(), "disk block-attach 7 format=raw,vdev=xvds,access=rw,target=" + disk.volume.path + "\n");
  ASSERT_OK(detach({7}, disk));
  EXPECT_THAT(calls(), HasSubstr("disk block-detach 7 52000\n"));
  ASSERT_OK(attach({7}, disk));
  ASSERT_OK(detach({7}, disk, Detach::force));
  EXPECT_THAT(calls(), HasSubstr("disk block-detach --force 7 52000\n"));
}

TEST_F(XlBlockDevicesTest, ADiskIsRenderedByWhatItIs) {
  EXPECT_EQ(render_disk({"xvdb", {VolumeFormat::qcow2, "/images/a,b.qcow2"}, false}).value(), "format=qcow2,vdev=xvdb,access=ro,target=/images/a,b.qcow2");
  EXPECT_EQ(render_disk({"xvdb", {VolumeFormat::lvm_thin, "/dev/none/x"}, true}).value(), "format=raw,vdev=xvdb,access=rw,target=/dev/none/x");
  for (const char* path : {"/dev/\"x", "/dev/x\n", "/dev/x'"}) EXPECT_FAILS(render_disk({"xvdb", {VolumeFormat::raw, path}, true}), Errc::configuration);
  EXPECT_FAILS(render_disk({"xvdb,backendtype=tap", {VolumeFormat::raw, "/dev/x"}, true}), Errc::configuration);
}

TEST_F(XlBlockDevicesTest, WhatWasAttachedByHandIsSeen) {
  const Volume volume = host_.volume("sales");
  put("vbd/8/51728", "xvdb", volume.path);
  EXPECT_THAT(holders(volume), ElementsAre("8 xvdb"));
  const auto refused = attach({7}, {.device = "xvds", .volume = volume});
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("domain 8 has it as 'xvdb'"), HasSubstr("to domain 7 as 'xvds'")));
  EXPECT_EQ(calls(), "");
}

TEST_F(XlBlockDevicesTest, AVolumeIsWhatItIsUnderAnyNameAndBackend) {
  const Volume volume = host_.volume("sales");
  const auto link = (host_.folder / "link").string();
  const auto hard_link = (host_.folder / "hard-link").string();
  std::filesystem::create_symlink(volume.path, link);
  std::filesystem::create_hard_link(volume.path, hard_link);
  put("vbd/7/51728", "xvdb", link);
  put("qdisk/8/51744", "xvdc", "aio:" + hard_link);
  put("qdisk/8/51760", "xvdd", "qcow2:/nowhere/sales:1");
  put("vbd/7/51776", "xvde", host_.volume("other").path);
  put("vif/7/0", "xvdz", volume.path);
  EXPECT_THAT(holders(volume), ElementsAre("7 xvdb", "8 xvdc"));
  EXPECT_THAT(holders({VolumeFormat::raw, link}), ElementsAre("7 xvdb", "8 xvdc"));
  EXPECT_THAT(holders({VolumeFormat::qcow2, "/nowhere/sales:1"}), ElementsAre("8 xvdd")) << "also where the file is gone";
}

// A device that every machine has; the same is served under another name.
TEST_F(XlBlockDevicesTest, ABlockDeviceIsItsNumber) {
  std::string device;
  for (const auto& entry : std::filesystem::directory_iterator("/dev"))
    if (is_block_device(entry.path().string()) && !entry.path().filename().string().starts_with("loop")) device = entry.path().string();
  if (device.empty()) GTEST_SKIP() << "this machine shows no block device";
  struct stat status {};
  ASSERT_EQ(::stat(device.c_str(), &status), 0);
  char number[32];
  std::snprintf(number, sizeof number, "%x:%x", major(status.st_rdev), minor(status.st_rdev));
  put("vbd/7/51728", "xvdb", "/dev/nowhere");
  write("/local/domain/0/backend/vbd/7/51728/physical-device", number);
  EXPECT_THAT(holders({VolumeFormat::lvm_thin, device}), ElementsAre("7 xvdb"));
  EXPECT_EQ(render_disk({"xvdb", {VolumeFormat::lvm_thin, device}, true}).value(), "format=raw,vdev=xvdb,access=rw,backendtype=phy,target=" + device);
  EXPECT_EQ(render_disk({"xvdb", {VolumeFormat::raw, device}, true}, "/usr/libexec/own-block").value(),
            "format=raw,vdev=xvdb,access=rw,backendtype=phy,script=/usr/libexec/own-block,target=" + device);
}

TEST_F(XlBlockDevicesTest, WhatIsNoBackendIsPassedOver) {
  const Volume volume = host_.volume("sales");
  write("/local/domain/0/backend/vbd/7", "");
  write("/local/domain/0/backend/vbd/8/51728", "");  // the empty folder of one that is just going
  write("/local/domain/0/backend/vbd/x/51728/params", volume.path);
  write("/local/domain/0/backend/vbd/7/51744/physical-device", "x:y:z");
  EXPECT_THAT(holders(volume), IsEmpty());
  for (const char* name : {"vbd-", "vbd-7", "vbd-x-1", "vif-7-0", "vbd--1-2"}) std::filesystem::create_directory(host_.kernel() / name);
  EXPECT_THAT(holders(volume), IsEmpty());
}

TEST_F(XlBlockDevicesTest, NothingIsDoneForADomainOrAVolumeThatIsNotThere) {
  EXPECT_FAILS(attach({9}, sales()), Errc::not_found);
  EXPECT_FAILS(attach({7}, {.device = "xvds", .volume = {VolumeFormat::raw, "/nowhere/sales"}}), Errc::not_found);
  EXPECT_FAILS(attach({7}, {.device = "xvds'", .volume = sales().volume}), Errc::configuration);
  EXPECT_EQ(calls(), "");
}

TEST_F(XlBlockDevicesTest, ToBeWrittenAndToBeReadAreNotTheSame) {
  VmDisk disk = sales();
  ASSERT_OK(attach({7}, disk));
  disk.writable = false;
  EXPECT_FAILS(attach({7}, disk), Errc::conflict);
}

TEST_F(XlBlockDevicesTest, ARefusalOfXlIsReportedAndLeavesNothing) {
  host_.pretend("refuse");
  const VmDisk disk = sales();
  const auto refused = attach({7}, disk);
  ASSERT_FAILS(refused, Errc::xen);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("Device /dev/dm-7 is mounted in a guest domain"), HasSubstr("exit status 1")));
  EXPECT_THAT(open().directory("/local/domain/0/backend/vbd/7").value(), IsEmpty());
  EXPECT_THAT(open().directory("/libxl/7/device/vbd").value(), IsEmpty());
}

// An administrator's xl was refused; what it left serves nothing, and is in nobody's way.
TEST_F(XlBlockDevicesTest, TheRemainsOfARefusedAttachAreNoAttachment) {
  const VmDisk disk = sales();
  put("vbd/7/52000", "xvds", disk.volume.path);
  write("/local/domain/0/backend/vbd/7/52000/hotplug-status", "busy");
  write("/local/domain/0/backend/vbd/7/52000/state", "2");
  EXPECT_THAT(holders(disk.volume), IsEmpty());
  ASSERT_OK(attach({8}, disk));
  EXPECT_THAT(holders(disk.volume), ElementsAre("8 xvds"));
  ASSERT_OK(detach({8}, disk));
  ASSERT_OK(attach({7}, disk)) << "over the remains";
  EXPECT_THAT(calls(), HasSubstr("disk block-detach --force 7 52000\n"));
  EXPECT_THAT(holders(disk.volume), ElementsAre("7 xvds"));
}

TEST_F(XlBlockDevicesTest, AGuestThatDoesNotConnectGetsNothing) {
  host_.pretend("shy");
  const VmDisk disk = sales();
  const auto attached = attach({7}, disk);
  ASSERT_FAILS(attached, Errc::xen);
  EXPECT_THAT(attached.error().message, AllOf(HasSubstr("did not connect within 300 ms"), HasSubstr("state 2")));
  EXPECT_THAT(holders(disk.volume), IsEmpty());
}

TEST_F(XlBlockDevicesTest, Qcow2NeedsAQemuOfTheDomain) {
  const VmDisk disk{.device = "xvds", .volume = host_.volume("sales.qcow2", VolumeFormat::qcow2)};
  const auto none = attach({7}, disk);
  ASSERT_FAILS(none, Errc::xen);
  EXPECT_THAT(none.error().message, HasSubstr("has no QEMU"));
  EXPECT_EQ(calls(), "");
  write("/local/domain/0/device-model/7/state", "running");
  ASSERT_OK(attach({7}, disk));
  EXPECT_THAT(holders(disk.volume), ElementsAre("7 xvds"));
  host_.pretend("no-qemu");
  write("/local/domain/0/device-model/8/state", "running");
  ASSERT_OK(detach({7}, disk));
  EXPECT_FAILS(attach({8}, disk), Errc::xen);
  EXPECT_THAT(holders(disk.volume), IsEmpty());
}

TEST_F(XlBlockDevicesTest, AGuestThatKeepsItIsToldFromOneThatGaveItUp) {
  const VmDisk disk = sales();
  ASSERT_OK(attach({7}, disk));
  host_.pretend("keep");
  const auto kept = detach({7}, disk);
  ASSERT_FAILS(kept, Errc::timed_out);
  EXPECT_THAT(kept.error().message, AllOf(HasSubstr("from domain 7"), HasSubstr("state 5"), HasSubstr("unable to remove device")));
  EXPECT_THAT(holders(disk.volume), ElementsAre("7 xvds"));
  ASSERT_OK(detach({7}, disk, Detach::force));
  EXPECT_THAT(holders(disk.volume), IsEmpty());
}

// xl waits for ten seconds, whatever we have.
TEST_F(XlBlockDevicesTest, AGuestMayGiveItUpLaterThanXlWaits) {
  const VmDisk disk = sales();
  ASSERT_OK(attach({7}, disk));
  host_.pretend("keep");
  std::optional<Result<void>> result;
  asio::co_spawn(
      host_.context,
      [](XlBlockDevices& devices, VmDisk of, std::optional<Result<void>>& into) -> asio::awaitable<void> {
        into = co_await devices.detach({7}, of, Detach::ask, 10s);
      }(devices_, disk, result),
      asio::detached);
  host_.context.restart();
  while (!result && open().read("/local/domain/0/backend/vbd/7/52000/online").value() != "0") host_.context.run_one_for(10ms);
  EXPECT_FALSE(result);
  auto store = open();
  EXPECT_OK(store.remove("/local/domain/0/backend/vbd/7/52000"));
  EXPECT_OK(store.remove("/libxl/7/device/vbd/52000"));
  while (!result && host_.context.run_one_for(10s) != 0) {
  }
  ASSERT_TRUE(result);
  EXPECT_OK(*result);
}

// As real Xen was found, when a guest crashed in the middle of a cutover.
TEST_F(XlBlockDevicesTest, TheRemainsOfADeadDomainAreRemoved) {
  const VmDisk disk = sales();
  put("vbd/9/52000", "xvds", disk.volume.path);
  EXPECT_THAT(holders(disk.volume), ElementsAre("9 xvds"));
  EXPECT_OK(detach({9}, disk, Detach::force));
  EXPECT_THAT(holders(disk.volume), IsEmpty());
  EXPECT_EQ(calls(), "") << "libxl knows nothing of it";
  EXPECT_OK(attach({7}, disk));
}

TEST_F(XlBlockDevicesTest, ADomainThatDiesWhileItGetsADiskIsNotWaitedFor) {
  const VmDisk disk = sales();
  host_.pretend("shy");
  BlockDeviceSettings settings = host_.settings();
  settings.attach_limit = 1h;
  XlBlockDevices devices(host_.pool, settings);
  std::optional<Result<void>> result;
  asio::co_spawn(
      host_.context,
      [](XlBlockDevices& of, VmDisk given, std::optional<Result<void>>& into) -> asio::awaitable<void> { into = co_await of.attach({7}, given); }(devices, disk, result),
      asio::detached);
  host_.context.restart();
  while (!result && !open().read("/local/domain/0/backend/vbd/7/52000/state").value()) host_.context.run_one_for(10ms);
  EXPECT_OK(open().remove("/local/domain/7"));
  while (!result && host_.context.run_one_for(10s) != 0) {
  }
  ASSERT_TRUE(result);
  ASSERT_FAILS(*result, Errc::not_found);
  EXPECT_THAT(result->error().message, HasSubstr("the domain is gone"));
  EXPECT_THAT(holders(disk.volume), IsEmpty());
}

TEST_F(XlBlockDevicesTest, ABackendThatStaysIsNotGone) {
  const VmDisk disk = sales();
  ASSERT_OK(attach({7}, disk));
  host_.pretend("linger");
  EXPECT_FAILS(detach({7}, disk, Detach::force), Errc::timed_out);
  EXPECT_THAT(holders(disk.volume), ElementsAre("7 xvds"));
}

TEST_F(XlBlockDevicesTest, AKernelThatStillServesItIsWaitedFor) {
  const VmDisk disk = sales();
  ASSERT_OK(attach({7}, disk));
  std::filesystem::create_directory(host_.kernel() / "vbd-7-52000");
  const auto served = detach({7}, disk, Detach::force);
  ASSERT_FAILS(served, Errc::timed_out);
  EXPECT_THAT(served.error().message, HasSubstr("the kernel still serves it"));
}

TEST_F(XlBlockDevicesTest, AQemuThatStillHasTheFileOpenIsWaitedFor) {
  const VmDisk disk{.device = "xvds", .volume = host_.volume("sales.qcow2", VolumeFormat::qcow2)};
  write("/local/domain/0/device-model/7/state", "running");
  ASSERT_OK(attach({7}, disk));
  const int open_file = ::open(disk.volume.path.c_str(), O_RDWR | O_CLOEXEC);
  const auto served = detach({7}, disk);
  ASSERT_FAILS(served, Errc::timed_out);
  EXPECT_THAT(served.error().message, HasSubstr("a process still has it open"));
  ::close(open_file);
  EXPECT_OK(detach({7}, disk));
}

TEST_F(XlBlockDevicesTest, AnXlThatFailsOrIsMissingIsAnError) {
  const VmDisk disk = sales();
  ASSERT_OK(attach({7}, disk));
  host_.pretend("deny");
  const auto denied = detach({7}, disk, Detach::ask, 10s);
  ASSERT_FAILS(denied, Errc::xen);
  EXPECT_THAT(denied.error().message, HasSubstr("cannot lock"));
  BlockDeviceSettings none = host_.settings();
  none.program = "/no/such/program";
  XlBlockDevices without(host_.pool, none);
  EXPECT_FAILS(run(without.detach({7}, disk, Detach::ask, 10s)), Errc::system);
  EXPECT_FAILS(run(without.attach({8}, {.device = "xvdt", .volume = host_.volume("other")})), Errc::system);
}

TEST_F(XlBlockDevicesTest, ItsProgramIsStartedBeforeItIsNeeded) {
  BlockDeviceSettings settings = host_.settings();
  settings.until_ready = 0ms;
  XlBlockDevices devices(host_.pool, settings);
  const VmDisk disk = sales();
  ASSERT_OK(run(devices.attachments_of(disk.volume)));
  while (devices.ready() < k_most_ready) host_.context.run_one();
  // Not removed: the shell of one that was just started may still have to open it.
  std::filesystem::permissions(settings.program, std::filesystem::perms::owner_read);
  EXPECT_OK(run(devices.attach({7}, disk)));
  EXPECT_OK(run(devices.detach({7}, disk, Detach::ask, 10s)));
  EXPECT_FAILS(run(devices.attach({7}, disk)), Errc::system) << "none is left, and no other can be started";
}

TEST_F(XlBlockDevicesTest, WithoutXenStoreNothingIsKnown) {
  const VmDisk disk = sales();
  host_.store.stop();
  EXPECT_FALSE(run(devices_.attachments_of(disk.volume)));
  EXPECT_FALSE(attach({7}, disk));
  EXPECT_FALSE(detach({7}, disk));
  EXPECT_EQ(calls(), "");
}

}  // namespace
}  // namespace broker::xen

namespace tests {
namespace {

class XlWorld : public BlockDevicesWorld {
 public:
  asio::io_context& context() override { return host_.context; }
  broker::BlockDevices& devices() override { return devices_; }
  DomainId first() override { return {7}; }
  DomainId second() override { return {8}; }
  broker::Volume volume(const std::string& name) override { return host_.volume(name); }

 private:
  broker::xen::PretendedHost host_;
  broker::xen::XlBlockDevices devices_{host_.pool, host_.settings()};
};

std::unique_ptr<BlockDevicesWorld> make_world() { return std::make_unique<XlWorld>(); }

INSTANTIATE_TEST_SUITE_P(FakeXl, BlockDevicesContract, testing::Values(&make_world));

}  // namespace
}  // namespace tests
}  // namespace zynclone
