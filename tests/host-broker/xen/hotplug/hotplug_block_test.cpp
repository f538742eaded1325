// Needs a block device to try real ones; loop devices are for root alone, and not everywhere.
#include "host-broker/xen/hotplug/hotplug_block.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "system/descriptor.hpp"
#include "tests/host-broker/sandbox/store/running_store.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone {
namespace broker::xen {
namespace {

using testing::HasSubstr;

// Some block device of this machine, which nobody opens: its node is made anew where it may be, else one is looked for in /dev.
std::string block_device(const tests::TemporaryFolder& folder) {
  const std::string made = (folder / "disk").string();
  if (::mknod(made.c_str(), S_IFBLK | 0600, makedev(7, 251)) == 0) return made;
  for (const auto& entry : std::filesystem::directory_iterator("/dev")) {
    if (entry.is_block_file()) return entry.path().string();
  }
  return {};
}

class HotplugBlock : public testing::Test {
 protected:
  HotplugBlock() {
    ::setenv("XENSTORED_PATH", host_.socket_of({0}).c_str(), 1);
    host_.add_guest({7});
    host_.add_guest({8});
    device_ = block_device(folder_);
    for (const char* guest : {"7", "8"}) EXPECT_OK(store_.write(std::string("/local/domain/") + guest + "/vm", std::string("/vm/") + guest));
    places_ = {.lock_folder = (folder_ / "lock").string(), .mounts = folder_.write("mounts", ""), .kernel_backends = (folder_ / "kernel").string()};
    waiting("backend/vbd/7/51824", "w");
  }
  void SetUp() override {
    if (device_.empty()) GTEST_SKIP() << "there is no block device here";
    struct stat status {};
    ASSERT_EQ(::stat(device_.c_str(), &status), 0);
    major_ = major(status.st_rdev);
    minor_ = minor(status.st_rdev);
  }
  void write(const std::string& path, const std::string& value) { ASSERT_OK(store_.write(path, value)); }
  std::string read(const std::string& path) { return store_.read(path).value().value_or("none"); }
  // A backend that libxl has made.
  void waiting(const std::string& path, const std::string& mode) {
    write(path + "/params", device_);
    write(path + "/mode", mode);
    write(path + "/state", "2");
  }
  std::string hex() const {
    char text[32];
    std::snprintf(text, sizeof text, "%x:%x", major_, minor_);
    return text;
  }
  void has(const std::string& path, const std::string& mode) {
    write(path + "/mode", mode);
    write(path + "/physical-device", hex());
  }
  std::string mount_line(const std::string& options) const {
    return "36 35 " + std::to_string(major_) + ":" + std::to_string(minor_) + " / /srv " + options + " - ext4 /dev/x " + options + "\n";
  }
  Result<void> add(const std::string& path = "backend/vbd/7/51824") { return add_block_backend(store_, path, places_); }

  sandbox::RunningStore host_;
  tests::TemporaryFolder folder_;
  asio::io_context context_{1};
  xenstore::Store store_ = (::setenv("XENSTORED_PATH", host_.socket_of({0}).c_str(), 1), xenstore::Store::open(context_.get_executor()).value());
  std::string device_;
  unsigned major_ = 0;
  unsigned minor_ = 0;
  HotplugPlaces places_;
};

TEST_F(HotplugBlock, TellsTheKernelWhichDeviceItIsAndLibxlThatThisIsDone) {
  ASSERT_OK(add());
  EXPECT_EQ(read("/local/domain/0/backend/vbd/7/51824/physical-device"), hex());
  EXPECT_EQ(read("/local/domain/0/backend/vbd/7/51824/physical-device-path"), device_);
  EXPECT_EQ(read("/local/domain/0/backend/vbd/7/51824/hotplug-status"), "connected");
}

TEST_F(HotplugBlock, DoneAlreadyIsNoError) {
  ASSERT_OK(add());
  write("backend/vbd/7/51824/state", "4");
  EXPECT_OK(add());
}

TEST_F(HotplugBlock, WhatAnotherGuestHasIsRefused) {
  has("backend/vbd/8/51728", "w");
  const auto added = add();
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::conflict);
  EXPECT_THAT(added.error().message, HasSubstr("in use by domain 8"));
  EXPECT_EQ(read("backend/vbd/7/51824/hotplug-status"), "busy");
  EXPECT_THAT(read("backend/vbd/7/51824/hotplug-error"), HasSubstr("domain 8"));
  EXPECT_EQ(read("backend/vbd/7/51824/physical-device"), "none");
}

TEST_F(HotplugBlock, WhatAnotherGuestReadsIsNotWritten) {
  has("backend/vbd/8/51728", "r");
  EXPECT_EQ(add().error().code, Errc::conflict);
}

TEST_F(HotplugBlock, TwoMayReadIt) {
  has("backend/vbd/8/51728", "r");
  write("backend/vbd/7/51824/mode", "r");
  EXPECT_OK(add());
}

TEST_F(HotplugBlock, WhatIsWrittenIsNotRead) {
  has("backend/vbd/8/51728", "w");
  write("backend/vbd/7/51824/mode", "r");
  EXPECT_EQ(add().error().code, Errc::conflict);
}

TEST_F(HotplugBlock, TheSameVmMayHaveItTwiceForAMoment) {
  has("backend/vbd/8/51728", "w");
  write("/local/domain/7/vm", "/vm/1");
  write("/local/domain/8/vm", "/vm/2");
  EXPECT_EQ(add().error().code, Errc::conflict);
  write("/local/domain/8/vm", "/vm/1");
  write("backend/vbd/7/51824/state", "2");
  EXPECT_OK(add());
}

TEST_F(HotplugBlock, WhatADomainThatIsGoneHasLeftIsNobodys) {
  has("backend/vbd/9/51728", "w");
  std::filesystem::create_directories(folder_ / "kernel/vbd-9-51728");
  EXPECT_EQ(add().error().code, Errc::conflict) << "the kernel still serves it";
  std::filesystem::remove(folder_ / "kernel/vbd-9-51728");
  write("backend/vbd/7/51824/state", "2");
  EXPECT_OK(add());
}

// An HVM guest whose device model runs in a domain of its own has its disks twice.
TEST_F(HotplugBlock, AGuestAndItsStubDomainShareIt) {
  has("backend/vbd/8/51824", "w");
  write("/local/domain/8/target", "7");
  EXPECT_OK(add());
  write("/local/domain/8/target", "5");
  has("backend/vbd/8/51824", "w");
  ASSERT_OK(store_.remove("backend/vbd/7/51824/physical-device"));
  EXPECT_EQ(add().error().code, Errc::conflict);
}

TEST_F(HotplugBlock, WhatIsMountedHereIsNotWritten) {
  folder_.write("mounts", mount_line("ro,relatime"));
  const auto added = add();
  ASSERT_FALSE(added);
  EXPECT_THAT(added.error().message, HasSubstr("/srv"));
}

TEST_F(HotplugBlock, WhatIsMountedReadOnlyHereMayBeRead) {
  folder_.write("mounts", mount_line("ro,relatime"));
  write("backend/vbd/7/51824/mode", "r");
  EXPECT_OK(add());
}

TEST_F(HotplugBlock, WhatIsWrittenHereIsNotRead) {
  folder_.write("mounts", mount_line("rw,relatime"));
  write("backend/vbd/7/51824/mode", "r");
  EXPECT_EQ(add().error().code, Errc::conflict);
}

TEST_F(HotplugBlock, WhatIsNoBlockDeviceIsRefused) {
  write("backend/vbd/7/51824/params", folder_.write("file", "x"));
  const auto added = add();
  ASSERT_FALSE(added);
  EXPECT_EQ(added.error().code, Errc::not_found);
  EXPECT_EQ(read("backend/vbd/7/51824/hotplug-status"), "error");
  write("backend/vbd/7/51824/params", "/nowhere");
  EXPECT_THAT(add().error().message, HasSubstr("/nowhere"));
}

TEST_F(HotplugBlock, ABackendThatWaitsNoLongerIsLeftAlone) {
  write("backend/vbd/7/51824/state", "6");
  EXPECT_EQ(add().error().code, Errc::xen);
  EXPECT_EQ(read("backend/vbd/7/51824/physical-device"), "none");
}

TEST_F(HotplugBlock, OtherPathsAreRefusedAndNothingIsWritten) {
  for (const char* path : {"", "backend/vbd/7", "backend/vbd//1", "backend/vbd/7/", "backend/vbd/7/x", "backend/vif/7/0", "/local/domain/0/backend/vbd/7/1",
                           "backend/vbd/7/../8/1", "backend/vbd/7/99999999999"}) {
    EXPECT_EQ(add(path).error().code, Errc::invalid_argument) << path;
  }
}

TEST_F(HotplugBlock, WaitsForXensOwnScript) {
  std::filesystem::create_directories(places_.lock_folder);
  Descriptor lock(::open((places_.lock_folder + "/block").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::flock(lock.get(), LOCK_EX), 0);
  std::promise<void> done;
  auto is_done = done.get_future();
  std::thread waiting([&] {
    EXPECT_OK(add());
    done.set_value();
  });
  EXPECT_EQ(is_done.wait_for(std::chrono::milliseconds(50)), std::future_status::timeout);
  // As locking.sh releases it: the name goes, too, and who waited for it takes a new one.
  std::filesystem::remove(places_.lock_folder + "/block");
  lock.reset();
  is_done.wait();
  waiting.join();
  EXPECT_EQ(read("backend/vbd/7/51824/hotplug-status"), "connected");
}

}  // namespace
}  // namespace broker::xen
}  // namespace zynclone
