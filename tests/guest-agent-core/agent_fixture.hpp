#pragma once
// An agent with fakes for all that it has of its guest, and a broker at its channel's other end.

#include "guest-agent-core/agent.hpp"
#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {

class AgentTest : public ::testing::Test {
 protected:
  AgentTest() {
    programs.names[HookEvent::quiesce] = {"a"};
    programs.names[HookEvent::thaw] = {"a"};
    programs.names[HookEvent::health] = {"a", "b"};
    programs.names[HookEvent::identity] = {"rename"};
    programs.names[HookEvent::interfaces] = {"links"};
    programs.names[HookEvent::apply_identity] = {"keys"};
    programs.names[HookEvent::prepare_cutover] = {"till"};
    programs.names[HookEvent::release_volume] = {"till"};
    programs.names[HookEvent::acquire_volume] = {"till"};
    freezer.configured = {"/srv"};
    source.set(original_identity());
    limits.session.shortest_pause = std::chrono::milliseconds(1);
    limits.quiesce.thaw_retry = std::chrono::milliseconds(5);
  }
  ~AgentTest() override { end(); }

  void begin() {
    const AgentParts parts{factory, listener, programs, freezer, store, source, last, identities, mounter, volumes, mount_points, &commands};
    agent.emplace(context.get_executor(), parts, limits, [this](const std::string& status) { statuses.push_back(status); });
    start(context, agent->run(), [this](Result<void> result) { ended.emplace(result); });
  }
  void serve() {
    begin();
    ASSERT_TRUE(wait([&] { return !statuses.empty(); }));
    broker = factory.connect_and_greet();
    ASSERT_TRUE(wait([&] { return statuses.back().starts_with("connected"); }));
  }
  void end() {
    if (!agent) return;
    agent->stop();
    EXPECT_TRUE(wait([&] { return ended.has_value(); })) << "the agent does not end";
    settle(context);
    agent.reset();
  }
  bool wait(std::function<bool()> condition) { return run_until(context, condition); }
  template <class T>
  Result<T> answer(std::shared_ptr<std::optional<Result<T>>> asked) {
    EXPECT_TRUE(wait([&] { return asked->has_value(); })) << "no answer";
    return asked->has_value() ? **asked : Result<T>(Error{Errc::internal, "no answer"});
  }
  void quiesce(unsigned token) { ASSERT_OK(answer(broker->ask(protocol::GuestQuiesce{operation_number(token), 60'000}))); }
  // The hooks of the first reading are none of what a test looks at.
  void forget() {
    ASSERT_TRUE(wait([&] { return record.has("interfaces links"); }));
    settle(context);
    record.events.clear();
  }

  asio::io_context context;
  Record record;
  FakeChannelFactory factory{context};
  FakeLocalListener listener{context, record};
  FakeHookPrograms programs{record};
  FakeFreezer freezer{record};
  FakeQuiesceStore store{record};
  FakeIdentitySource source;
  FakeLastIdentity last;
  FakeIdentityStore identities;
  FakeVolumeMounter mounter{record};
  FakeVolumeStore volumes;
  FakeCommandPrograms commands{record};
  MountPoints mount_points{{VolumeName::parse("sales").value(), "/srv/sales"}};
  AgentLimits limits;
  std::vector<std::string> statuses;
  std::unique_ptr<FakePeer> broker;
  std::optional<Agent> agent;
  std::optional<Result<void>> ended;
};

}  // namespace zynclone::tests
