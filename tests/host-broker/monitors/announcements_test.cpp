#include "host-broker/monitors/announcements.hpp"

#include <gtest/gtest.h>

namespace zynclone::broker::monitors {
namespace {

using namespace std::chrono_literals;

const Uuid k_shop = Uuid::derived("pos1");
const Uuid k_member = Uuid::derived("clone");

class CountingAnnouncer : public network::Announcer {
 public:
  explicit CountingAnnouncer(std::vector<std::string>& calls) : calls_(calls) {}
  Result<std::string> announce(const network::Announcement& announcement, const network::FilterState&) override {
    calls_.push_back(announcement.interface);
    return std::string("nowhere");
  }

 private:
  std::vector<std::string>& calls_;
};

class AnnouncementsTest : public ::testing::Test {
 protected:
  void follow(std::uint64_t generation, std::optional<Uuid> member, std::vector<std::string> interfaces = {"zc1"}) {
    ProductionHere here{.family = k_shop,
                        .vm = VmName::parse("pos1").value(),
                        .production = {.member = std::move(member), .generation = generation, .announce = {"192.0.2.1"}},
                        .interfaces = {}};
    for (std::string& name : interfaces) here.interfaces.push_back({.name = std::move(name), .mac = "00:16:3e:00:00:01"});
    announcements.follow({here}, {});
  }

  std::vector<std::string> calls;
  Announcements::Time now{};
  Announcements announcements{std::make_unique<CountingAnnouncer>(calls), [this] { return now; }};
};

TEST_F(AnnouncementsTest, AMoveIsAnnouncedThreeTimesASecondApart) {
  follow(1, k_member);
  EXPECT_EQ(announcements.due(), std::nullopt);
  follow(2, k_member);
  EXPECT_EQ(calls.size(), 1u);
  EXPECT_EQ(announcements.due(), now + 1s);
  now += 999ms;
  follow(2, k_member);
  EXPECT_EQ(calls.size(), 1u) << "it is not due yet";
  now += 1ms;
  follow(2, k_member);
  EXPECT_EQ(calls.size(), 2u);
  EXPECT_EQ(announcements.due(), now + 1s);
  now += 5s;
  follow(2, k_member);
  EXPECT_EQ(calls.size(), 3u);
  EXPECT_EQ(announcements.due(), std::nullopt);
  now += 1h;
  follow(2, k_member);
  EXPECT_EQ(calls.size(), 3u);
}

// What is repeated for an older generation would fight with the newer one.
TEST_F(AnnouncementsTest, NothingIsRepeatedThatDoesNotHoldAnyLonger) {
  follow(1, k_member);
  follow(2, k_member, {"zc1"});
  now += 1s;
  follow(3, std::nullopt, {});
  now += 1s;
  follow(4, k_member, {"vif3.0"});
  now += 1s;
  follow(4, k_member, {"vif3.0"});
  EXPECT_EQ(calls, (std::vector<std::string>{"zc1", "vif3.0", "vif3.0"}));
}

TEST_F(AnnouncementsTest, OnEachInterfaceOfTheMember) {
  follow(1, k_member);
  follow(2, k_member, {"zc1", "zc1b"});
  EXPECT_EQ(calls, (std::vector<std::string>{"zc1", "zc1b"}));
}

TEST_F(AnnouncementsTest, AFamilyThatIsMadeAnewIsSeenFirst) {
  follow(1, k_member);
  announcements.forget_unless([](const Uuid& family) { return family == k_shop; });
  follow(2, k_member);
  EXPECT_EQ(calls.size(), 1u);
  announcements.forget_unless([](const Uuid&) { return false; });
  EXPECT_EQ(announcements.due(), std::nullopt);
  follow(5, k_member);
  EXPECT_EQ(calls.size(), 1u);
}

}  // namespace
}  // namespace zynclone::broker::monitors
