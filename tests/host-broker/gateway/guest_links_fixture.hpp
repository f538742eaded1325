#pragma once
// The gateway with real links, pretended agents at their other ends, and a broker's core that records what it is asked.

#include <gtest/gtest.h>

#include <csignal>

#include "host-broker/gateway/guest_links.hpp"
#include "protocol/channel/peer.hpp"
#include "protocol/channel/unix_listener.hpp"
#include "protocol/channel/wake_up.hpp"
#include "tests/host-broker/gateway/fake_guest_watch.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::gateway {

// Answers family.show with what it knows of the caller, clone.list when it is let, and everything else with a refusal.
class RecordingHandler : public RequestHandler {
 public:
  std::optional<Caller::Member> identify(const Domain& domain) override {
    const auto found = members.find(domain.uuid);
    if (found == members.end()) return std::nullopt;
    Caller::Member member = found->second;
    member.domain = domain.id;
    return member;
  }
  std::string channel_of(const Caller::Member& member) override { return channels.contains(member.uuid) ? channels.at(member.uuid) : "vchan"; }

  asio::awaitable<std::string> handle(Caller caller, protocol::Request request) override {
    const auto member = std::get<Caller::Member>(caller.identity);
    asked.emplace_back(member.name + " " + std::string(protocol::method_name(request.method)));
    notify[member.name] = caller.notify;
    const std::uint64_t id = request.id.value_or(0);
    if (std::holds_alternative<protocol::CloneList>(request.method)) {
      running[member.name] += 1;
      most_running[member.name] = std::max(most_running[member.name], running[member.name]);
      while (held.contains(member.name)) co_await released.wait();
      running[member.name] -= 1;
      co_return listing(id);
    }
    co_return family(id, member);
  }

  static std::string listing(std::uint64_t id) { return protocol::encode_response(id, protocol::CloneListing{}); }
  static std::string family(std::uint64_t id, const Caller::Member& member) {
    protocol::FamilyView view{.vm = member.vm, .uuid = member.family, .self = member.name};
    return protocol::encode_response(id, view);
  }

  std::map<Uuid, Caller::Member> members;
  std::map<Uuid, std::string> channels;
  std::vector<std::string> asked;
  std::map<std::string, std::shared_ptr<Notify>> notify;
  std::map<std::string, int> running;
  std::map<std::string, int> most_running;
  std::set<std::string> held;
  channel::WakeUp released;
};

// A guest's end: waits for the link at the domain's socket. What it does then is up to the test.
class PretendedAgent {
 public:
  PretendedAgent(asio::io_context& context, const std::string& path)
      : context_(context), listener_(channel::UnixListener::create(context.get_executor(), path, 0600).value()) {}

  // The next connection, bare; or none in time.
  std::unique_ptr<channel::Channel> accept() { return tests::run(context_, listener_.accept()).value().channel; }

  // The next connection, spoken to as an agent would.
  channel::Peer& converse(bool says_hello = true) {
    auto handler = [this](protocol::Request request) { return handle(std::move(request)); };
    peer_.emplace(accept(), channel::Framing::length, protocol::Sender::broker, handler);
    if (says_hello && !peer_->post(hello(capabilities))) throw std::runtime_error("hello");
    tests::start(context_, peer_->run(), [this](Error error) { ended = std::move(error); });
    return *peer_;
  }
  static protocol::Hello hello(std::vector<std::string> offered = {"quiesce", "health"}) {
    return {.capabilities = std::move(offered), .software = "pretended\x1b[31m agent"};
  }
  channel::Peer& peer() { return *peer_; }
  void stop() { peer_.reset(); }

  std::vector<std::string> capabilities = hello().capabilities;
  std::vector<std::string> asked;
  std::vector<protocol::OperationView> notified;
  std::optional<Error> ended;

 private:
  asio::awaitable<std::string> handle(protocol::Request request) {
    asked.emplace_back(protocol::method_name(request.method));
    if (auto* changed = std::get_if<protocol::OperationChanged>(&request.method)) notified.push_back(std::move(changed->operation));
    if (!request.id) co_return std::string();
    co_return report(*request.id);
  }
  static std::string report(std::uint64_t id) { return protocol::encode_response(id, protocol::GuestHealthReport{.healthy = true}); }

  asio::io_context& context_;
  channel::UnixListener listener_;
  std::optional<channel::Peer> peer_;
};

class GuestLinksTest : public testing::Test {
 protected:
  GuestLinksTest() {
    settings_.program = TEST_BINARY_DIR "/bin/zynclone-link";
    settings_.unix_channels = folder_.path();
    settings_.pace.shortest = std::chrono::milliseconds(10);
  }
  ~GuestLinksTest() override {
    if (links_) links_->close();
  }

  void start() {
    links_.emplace(context_.get_executor(), std::make_unique<tests::FakeGuestWatch>(world_), settings_);
    asio::co_spawn(context_, links_->run(handler_), [](std::exception_ptr) {});
  }

  // A running domain of a family, its agent not started.
  Uuid add_domain(std::uint32_t id, std::string name = "vm") {
    const Uuid uuid = Uuid::derived(name + std::to_string(id));
    handler_.members[uuid] = {.uuid = uuid, .family = Uuid::derived("family"), .vm = VmName::parse("pos1").value(), .name = name};
    world_->introduce(DomainId{id}, uuid, name);
    return uuid;
  }
  PretendedAgent& add_agent(std::uint32_t id, const std::string& advertisement = "1") {
    auto agent = std::make_unique<PretendedAgent>(context_, (folder_ / (std::to_string(id) + ".sock")).string());
    world_->advertise(DomainId{id}, advertisement);
    return *agents_.emplace(id, std::move(agent)).first->second;
  }
  // A guest with an open channel.
  PretendedAgent& add_guest(std::uint32_t id, std::string name = "vm") {
    add_domain(id, name);
    if (!links_) start();
    PretendedAgent& agent = add_agent(id);
    agent.converse();
    expect([this, id] { return is_open(id); }, "the channel is open");
    return agent;
  }

  std::optional<GuestLinkStatus> status(std::uint32_t id) {
    for (auto& each : links_->status())
      if (each.member.domain.value == id) return each;
    return std::nullopt;
  }
  bool is_open(std::uint32_t id) {
    const auto now = status(id);
    return now && now->is_open;
  }
  std::string last_end(std::uint32_t id) {
    const auto now = status(id);
    return now ? now->last_end : "no such guest";
  }
  void expect(const std::function<bool()>& condition, const char* what) { ASSERT_TRUE(tests::run_until(context_, condition)) << what; }
  bool is_alive(pid_t process) { return ::kill(process, 0) == 0; }

  template <class M>
  Result<typename M::Result> ask(PretendedAgent& agent, M method) {
    return tests::run(context_, agent.peer().call(method, std::chrono::seconds(10)));
  }

  asio::io_context context_;
  tests::TemporaryFolder folder_;
  std::shared_ptr<tests::FakeGuestWatch::World> world_ = std::make_shared<tests::FakeGuestWatch::World>();
  RecordingHandler handler_;
  LinkSettings settings_;
  std::map<std::uint32_t, std::unique_ptr<PretendedAgent>> agents_;
  std::optional<GuestLinks> links_;
};

}  // namespace zynclone::broker::gateway
