#include "host-broker/xen/lockdown/xenstore_lockdown.hpp"

#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::xen {
namespace {

using namespace std::chrono_literals;

const std::string k_acknowledgements = "/zynclone/ack/";

std::string host_name() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

class XenstoreLockdownTest : public ::testing::Test {
 protected:
  Result<std::vector<std::string>> wait(const Family& family, Deadline limit = 10s) {
    return tests::run_on(world.context, lockdown.wait_applied(family, limit));
  }
  static Family with_backend(std::uint64_t generation, const std::string& backend) {
    Family family = family_without_clones(generation);
    family.vifs[0].backend = backend;
    return family;
  }

  LockdownWorld world;
  asio::thread_pool pool{1};
  XenstoreLockdown lockdown{pool};
};

TEST_F(XenstoreLockdownTest, GivesTheNamesOfThoseThatAcknowledged) {
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  world.write(k_acknowledgements + "0/" + k_original.text(), "4");
  world.write(k_acknowledgements + "5/" + k_original.text(), "7");
  EXPECT_EQ(wait(family_without_clones(4)).value(), std::vector<std::string>{host_name()});
  EXPECT_EQ(wait(with_backend(7, "znetdd")).value(), std::vector<std::string>{"znetdd"});
  EXPECT_EQ(wait(with_backend(7, "5")).value(), std::vector<std::string>{"znetdd"});
  Family both = with_backend(4, "znetdd");
  both.vifs.push_back({.index = 1, .mac = "", .bridge = "", .backend = "0", .interface = ""});
  EXPECT_EQ(wait(both).value(), (std::vector<std::string>{host_name(), "znetdd"}));
}

TEST_F(XenstoreLockdownTest, DomainZeroAnswersForAFamilyWithNoInterface) {
  Family family = family_without_clones(2);
  family.vifs.clear();
  world.write(k_acknowledgements + "0/" + k_original.text(), "2");
  EXPECT_EQ(wait(family).value(), std::vector<std::string>{host_name()});
}

TEST_F(XenstoreLockdownTest, WaitsForTheAcknowledgement) {
  world.write(k_acknowledgements + "0/" + k_original.text(), "3");
  std::optional<Result<std::vector<std::string>>> result;
  asio::co_spawn(
      world.context,
      [](XenstoreLockdown& waiting, std::optional<Result<std::vector<std::string>>>& into) -> asio::awaitable<void> {
        into = co_await waiting.wait_applied(family_without_clones(5), 10s);
      }(lockdown, result),
      asio::detached);
  // Until it has looked, and waits: at an acknowledgement of an older generation, then at one of another family.
  while (!result && world.context.run_one_for(100ms) != 0) {
  }
  EXPECT_FALSE(result);
  world.write(k_acknowledgements + "0/" + k_original.text(), "4");
  world.write(k_acknowledgements + "0/" + k_clone.text(), "5");
  while (!result && world.context.run_one_for(100ms) != 0) {
  }
  EXPECT_FALSE(result);
  world.write(k_acknowledgements + "0/" + k_original.text(), "5");
  while (!result && world.context.run_one_for(10s) != 0) {
  }
  ASSERT_TRUE(result);
  EXPECT_OK(*result);
}

TEST_F(XenstoreLockdownTest, TellsAtOnceWhichFamiliesABackendIsBehindWith) {
  world.write(k_acknowledgements + "0/" + k_original.text(), "3");
  const auto behind = [&](std::uint64_t generation) {
    return tests::run_on(world.context, lockdown.not_applied({family_without_clones(generation)}));
  };
  const auto none = behind(3);
  ASSERT_OK(none);
  EXPECT_TRUE(none.value().empty());
  const auto one = behind(4);
  ASSERT_OK(one);
  ASSERT_EQ(one.value().size(), 1u);
  EXPECT_EQ(one.value()[0], "pos1 at generation 4: '" + host_name() + "' is at 3");
  EXPECT_TRUE(tests::run_on(world.context, lockdown.not_applied({})).value().empty());
}

TEST_F(XenstoreLockdownTest, NamesThoseThatDidNotAcknowledge) {
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  world.write(k_acknowledgements + "0/" + k_original.text(), "6");
  Family family = with_backend(7, "znetdd");
  family.vifs.push_back({.index = 1, .mac = "", .bridge = "", .backend = "0", .interface = ""});
  family.vifs.push_back({.index = 2, .mac = "", .bridge = "", .backend = "nobody", .interface = ""});
  const auto result = wait(family, 50ms);
  ASSERT_FAILS(result, Errc::timed_out);
  EXPECT_EQ(result.error().message, "cannot lock down 'pos1': generation 7 was not acknowledged within 50 ms ('" + host_name() +
                                        "' is at 6, 'nobody' does not run, 'znetdd' acknowledged nothing); does clone-net-monitor run there, and clone-monitor here?");
}

TEST_F(XenstoreLockdownTest, WhatIsNoGenerationAcknowledgesNothing) {
  for (const char* text : {"", "x", "4x", " 4", "+4", "99999999999999999999", "-1", "4\n"}) {
    world.write(k_acknowledgements + "0/" + k_original.text(), text);
    EXPECT_FAILS(wait(family_without_clones(4), 20ms), Errc::timed_out) << text;
  }
}

TEST_F(XenstoreLockdownTest, ABackendMayStillBeOnItsWay) {
  std::optional<Result<std::vector<std::string>>> result;
  asio::co_spawn(
      world.context,
      [](XenstoreLockdown& waiting, Family family, std::optional<Result<std::vector<std::string>>>& into) -> asio::awaitable<void> {
        into = co_await waiting.wait_applied(std::move(family), 10s);
      }(lockdown, with_backend(7, "znetdd"), result),
      asio::detached);
  while (!result && world.context.run_one_for(100ms) != 0) {
  }
  EXPECT_FALSE(result);
  world.write(k_acknowledgements + "5/" + k_original.text(), "7");
  world.add_domain(5, Uuid::derived("driver"), "znetdd");
  while (!result && world.context.run_one_for(10s) != 0) {
  }
  ASSERT_TRUE(result);
  EXPECT_OK(*result);
}

TEST_F(XenstoreLockdownTest, SaysSoWhenThereIsNoXenStore) {
  ::setenv("XENSTORED_PATH", "/nonexistent/xenstored", 1);
  EXPECT_FAILS(wait(family_without_clones(1)), Errc::unavailable);
}

TEST_F(XenstoreLockdownTest, ManyMayWaitAtOnce) {
  unsigned applied = 0;
  for (int one = 0; one < 8; ++one) {
    asio::co_spawn(
        world.context,
        [](XenstoreLockdown& waiting, unsigned& count) -> asio::awaitable<void> {
          const auto result = co_await waiting.wait_applied(family_without_clones(3), 10s);
          EXPECT_OK(result);
          ++count;
        }(lockdown, applied),
        asio::detached);
  }
  world.context.poll();
  world.write(k_acknowledgements + "0/" + k_original.text(), "3");
  while (applied < 8 && world.context.run_one_for(10s) != 0) {
  }
  EXPECT_EQ(applied, 8u);
}

}  // namespace
}  // namespace zynclone::broker::xen
