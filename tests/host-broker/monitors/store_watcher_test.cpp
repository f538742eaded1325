// What rings the bell, and when, on the sandbox's XenStore.

#include "host-broker/monitors/store_watcher.hpp"

#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {
namespace {

using namespace std::chrono_literals;

constexpr Deadline k_later = 200ms;

Deadline delay_of(std::string_view path) { return path.ends_with("/mode") ? k_later : Deadline::zero(); }

TEST(StoreWatcher, RingsAtOnceOrLaterAsThePathSays) {
  LockdownWorld world;
  Doorbell doorbell(world.context.get_executor());
  world.write("/zynclone/family", "");
  spawn(world.context.get_executor(), "the watch", watch_store({"/zynclone/family"}, doorbell, delay_of));
  const auto next = [&] { return tests::run_on(world.context, doorbell.wait(10s)); };
  EXPECT_TRUE(next().everything) << "events may have been missed before the watch";
  EXPECT_TRUE(next().everything) << "each watch rings as it is made";

  const auto begun = std::chrono::steady_clock::now();
  world.write("/zynclone/family/a/mode", "disabled");
  world.write("/zynclone/family/a/generation", "4");
  EXPECT_EQ(next().names, std::set<std::string>{"/zynclone/family/a/generation"});
  EXPECT_EQ(next().names, std::set<std::string>{"/zynclone/family/a/mode"});
  EXPECT_GE(std::chrono::steady_clock::now() - begun, k_later);
}

}  // namespace
}  // namespace zynclone::broker::monitors
