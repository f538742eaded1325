#include "tests/host-broker/core/world.hpp"

namespace zynclone::tests {

using namespace broker;

CloneName clone_name(const std::string& text) { return CloneName::parse(text).value(); }

std::vector<std::string> step_states(const protocol::OperationView& operation) {
  std::vector<std::string> states;
  for (const auto& step : operation.steps) states.push_back(step.name + ' ' + std::string(protocol::to_string(step.state)));
  return states;
}

World::World()
    : pos1(VmName::parse("pos1").value()),
      pos1_uuid(Uuid::parse("11111111-0000-4000-8000-000000000001").value()),
      notify(std::make_shared<Notify>([this](const protocol::OperationView& view) { notified.push_back(view); })) {
  configuration.enable("pos1");
  VmConfig config{.name = pos1, .uuid = pos1_uuid, .file = "/etc/xen/pos1.cfg"};
  config.disks.push_back(VmDisk{.device = "xvda", .volume = Volume{VolumeFormat::lvm_thin, "/dev/vg0/pos1-root"}});
  config.vifs.push_back(VmVif{.index = 0, .mac = "00:16:3e:09:00:0b", .bridge = "xenbr0"});
  toolstack.run(std::move(config));
  storage.volumes["/dev/vg0/pos1-root"] = 1ull << 30;
  start();
}

World::~World() { crash(); }

void World::start() {
  context = std::make_unique<asio::io_context>(1);
  broker = std::make_unique<Broker>(context->get_executor(), ports(), CoreSettings{.retry_pause = std::chrono::milliseconds(1)});
  const auto started = run_on(*context, broker->start());
  EXPECT_TRUE(succeeded(started));
  settle();
}

Ports World::ports() {
  return Ports{toolstack, devices, peripherals, storage, network, guests, journal, journal, leases, grants, configuration, families, policy, clock, memories};
}

void World::crash() {
  network.hold.reset();  // its timer must not outlive the context
  context.reset();  // destroys every coroutine where it waits
  broker.reset();
}

void World::settle() {
  context->restart();
  context->poll();
}

Caller World::guest(const std::string& member) {
  Caller::Member identity{.uuid = pos1_uuid, .family = pos1_uuid, .vm = pos1, .name = member, .domain = DomainId{1}};
  if (member != "pos1") {
    const Clone* found = clone(member);
    EXPECT_NE(found, nullptr);
    identity.uuid = found->uuid;
  }
  return Caller{identity, notify};
}

Caller World::admin(const std::string& user, AdminRole role) { return Caller{Caller::Administrator{user, role}, notify}; }

std::string World::ask(Caller caller, protocol::Method method, std::optional<RequestId> request_id, bool plan) {
  protocol::Request request{.id = 1, .method = std::move(method)};
  if (std::holds_alternative<Caller::Administrator>(caller.identity)) request.vm = pos1;
  request.request_id = std::move(request_id);
  request.plan = plan;
  return run_on(*context, broker->handle(std::move(caller), std::move(request)));
}

Result<protocol::OperationView> World::create(const std::string& name, bool start, protocol::CloneMode mode) {
  protocol::CloneCreate call;
  call.name = clone_name(name);
  call.start = start;
  call.mode = mode;
  return perform(guest(), call);
}

const Clone* World::clone(const std::string& name) {
  const auto found = families.kept.find(pos1);
  return found == families.kept.end() ? nullptr : find_clone(std::as_const(found->second), clone_name(name));
}

void World::expect_untouched() {
  if (families.kept.contains(pos1)) {
    EXPECT_TRUE(family().clones.empty());
  }
  EXPECT_EQ(storage.volumes.size(), 1u);
  EXPECT_TRUE(memories.kept.empty());
  ASSERT_EQ(toolstack.domains.size(), 1u);
  EXPECT_EQ(toolstack.domains[0].state, DomainState::running);
  EXPECT_TRUE(guests.quiesced.empty());
  const auto next = create("after");  // no lock is left behind
  ASSERT_TRUE(succeeded(next));
  EXPECT_EQ(next.value().state, protocol::OperationState::succeeded) << (next.value().error ? next.value().error->message : "");
}

}  // namespace zynclone::tests
