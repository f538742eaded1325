#pragma once
// A clone-net-monitor that is called directly, on the sandbox's XenStore, with a filter, an announcer and bridges in memory that may fail.

#include "host-broker/monitors/clone_monitor.hpp"
#include "host-broker/monitors/net_monitor.hpp"
#include "tests/host-broker/monitors/lockdown_world.hpp"

namespace zynclone::broker::monitors {

inline const std::string k_acknowledgement = "/zynclone/ack/0/" + k_original.text();

// A filter in memory, with failures to order.
class FakeFilter : public network::VifFilter {
 public:
  struct State {
    std::optional<network::FilterState> in_force;
    std::optional<Error> apply_fails;
    std::optional<Error> read_fails;
    bool forgets = false;             // says that it applied, and did not
    unsigned applied = 0;
  };
  explicit FakeFilter(State& state) : state_(state) {}

  Result<void> apply(const network::FilterState& desired) override {
    ++state_.applied;
    if (state_.apply_fails) return *state_.apply_fails;
    if (!state_.forgets) state_.in_force = network::checked(desired).value();
    return outcome::success();
  }
  Result<std::optional<network::FilterState>> in_force() override {
    if (state_.read_fails) return *state_.read_fails;
    return state_.in_force;
  }
  asio::awaitable<Result<void>> changed() override { co_return fail(Errc::cancelled, "no changes here"); }

 private:
  State& state_;
};

// Writes down what it was asked, and what was acknowledged at that moment.
class FakeAnnouncer : public network::Announcer {
 public:
  struct State {
    std::vector<std::string> calls;      // "<interface> <mac> <address,...>"
    std::function<void()> meanwhile;
    bool fails = false;
  };
  explicit FakeAnnouncer(State& state) : state_(state) {}
  Result<std::string> announce(const network::Announcement& announcement, const network::FilterState&) override {
    std::string call = announcement.interface + " " + announcement.mac + " ";
    for (const std::string& address : announcement.addresses) call += (call.ends_with(' ') ? "" : ",") + address;
    state_.calls.push_back(call);
    if (state_.meanwhile) state_.meanwhile();
    if (state_.fails) return fail(Errc::system, "cannot send");
    return std::string("in memory");
  }

 private:
  State& state_;
};

class FakeBridges : public network::IsolatedBridges {
 public:
  struct State {
    std::vector<std::string> calls;      // "make <bridge>", "place <interface> <bridge>", "tidy <bridge> ..."
    std::function<void()> meanwhile;     // while something is placed
    std::optional<Error> make_fails;
    std::optional<Error> place_fails;
  };
  explicit FakeBridges(State& state) : state_(state) {}
  Result<void> make(const std::string& bridge) override {
    state_.calls.push_back("make " + bridge);
    if (state_.make_fails) return *state_.make_fails;
    return outcome::success();
  }
  Result<std::vector<std::string>> place(const std::vector<network::Placement>& placements) override {
    for (const auto& placement : placements) state_.calls.push_back("place " + placement.interface + " " + placement.bridge);
    if (state_.meanwhile) state_.meanwhile();
    if (state_.place_fails) return *state_.place_fails;
    return std::vector<std::string>();
  }
  Result<std::vector<std::string>> tidy(const std::map<std::string, std::set<std::string>>& wanted) override {
    std::string call = "tidy";
    for (const auto& [bridge, members] : wanted) call += " " + bridge;
    state_.calls.push_back(call);
    return std::vector<std::string>();
  }

 private:
  State& state_;
};

class NetMonitorTest : public ::testing::Test {
 protected:
  void publish(const Family& family) {
    world.save(family);
    ASSERT_OK(CloneMonitor(world.context.get_executor(), world.families_folder).reconcile(Hints::all()));
  }
  Result<void> reconcile() { return monitor.reconcile(Hints::all()); }
  std::optional<network::VifRule> rule(const std::string& interface) const {
    if (filter.in_force) {
      for (const network::VifRule& one : filter.in_force->rules) {
        if (one.interface == interface) return one;
      }
    }
    return std::nullopt;
  }

  LockdownWorld world;
  FakeFilter::State filter;
  FakeAnnouncer::State announced;
  FakeBridges::State bridges;
  NetMonitor monitor{world.context.get_executor(), std::make_unique<FakeFilter>(filter), std::make_unique<FakeAnnouncer>(announced),
                     std::make_unique<FakeBridges>(bridges)};
};

}  // namespace zynclone::broker::monitors
