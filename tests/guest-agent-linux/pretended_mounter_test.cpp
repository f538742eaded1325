#include "guest-agent-linux/pretended_mounter.hpp"

#include <fcntl.h>

#include "system/descriptor.hpp"
#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

class PretendedMounterTest : public ::testing::Test {
 protected:
  PretendedMounterTest() {
    fs::create_directory(folder / "devices");
    attach();
  }
  void attach() { fs::create_symlink(folder.write("image", "disk"), folder / "devices/xvds"); }
  void detach() { fs::remove(folder / "devices/xvds"); }
  VolumePlace place() { return VolumePlace{VolumeName::parse("sales").value(), "xvds", (folder / "srv/data").string()}; }
  fs::path link() { return folder / "srv/data/sales"; }
  Result<void> mount() { return run(context, mounter.mount(place(), "ext4")); }
  Result<void> unmount() { return run(context, mounter.unmount(place())); }
  Result<bool> is_mounted() { return run(context, mounter.is_mounted(place())); }

  asio::io_context context;
  TemporaryFolder folder;
  PretendedMounter mounter{folder / "devices"};
};

TEST_F(PretendedMounterTest, ALinkOfTheVolumesNameStandsForIt) {
  EXPECT_EQ(mounter.path_of("xvds"), (folder / "devices/xvds").string());
  EXPECT_FALSE(is_mounted().value());
  ASSERT_OK(mount());
  EXPECT_TRUE(is_mounted().value());
  EXPECT_EQ(fs::read_symlink(link()), folder / "devices/xvds");
  EXPECT_EQ(folder.read("srv/data/sales"), "disk");
  ASSERT_OK(unmount());
  EXPECT_FALSE(is_mounted().value());
  EXPECT_FALSE(fs::exists(fs::symlink_status(link())));
  EXPECT_OK(unmount()) << "what is not mounted is no error";
}

TEST_F(PretendedMounterTest, ALinkToADeviceThatIsGoneIsNoMount) {
  ASSERT_OK(mount());
  detach();
  EXPECT_FALSE(is_mounted().value());
  attach();
  EXPECT_TRUE(is_mounted().value());
  detach();
  EXPECT_OK(mount()) << "the old link is replaced";
  EXPECT_OK(unmount());
  EXPECT_FALSE(fs::exists(fs::symlink_status(link())));
}

TEST_F(PretendedMounterTest, SomethingElseInItsPlaceIsLeftAlone) {
  fs::create_directories(folder / "srv/data");
  folder.write("srv/data/sales", "a file");
  EXPECT_FAILS(is_mounted(), Errc::conflict);
  fs::remove(link());
  fs::create_symlink("/dev/null", link());
  EXPECT_FAILS(is_mounted(), Errc::conflict);
}

TEST_F(PretendedMounterTest, WhoWritesKeepsItInUse) {
  ASSERT_OK(mount());
  {
    const Descriptor writer(::open(link().c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    const auto refused = unmount();
    ASSERT_FAILS(refused, Errc::conflict);
    EXPECT_NE(refused.error().message.find(std::to_string(::getpid()) + " (agent_linux_tes)"), std::string::npos) << refused.error().message;
    EXPECT_TRUE(is_mounted().value());
  }
  const Descriptor reader(::open(link().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_OK(unmount()) << "a reader may be the sandbox's own";
}

TEST_F(PretendedMounterTest, TheDeviceIsWaitedFor) {
  EXPECT_OK(run(context, mounter.wait_for_device("xvds", 10s)));
  detach();
  EXPECT_FAILS(run(context, mounter.wait_for_device("xvds", 10ms)), Errc::timed_out);
  std::optional<Result<void>> waited;
  start(context, mounter.wait_for_device("xvds", 10s), [&](Result<void> result) { waited = std::move(result); });
  settle(context);
  folder.write("devices/xvdt", "another one");
  settle(context);
  EXPECT_FALSE(waited);
  attach();
  ASSERT_TRUE(run_until(context, [&] { return waited.has_value(); }));
  EXPECT_OK(*waited);
}

TEST_F(PretendedMounterTest, AFolderThatIsNotThereSaysSo) {
  PretendedMounter other(folder / "nowhere");
  const auto failed = run(context, other.wait_for_device("xvds", 10s));
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_NE(failed.error().message.find("cannot watch '" + (folder / "nowhere").string() + "'"), std::string::npos) << failed.error().message;
}

}  // namespace
}  // namespace zynclone::tests
