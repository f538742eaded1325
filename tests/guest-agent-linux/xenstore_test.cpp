// The agent and a real libxenstore against the sandbox's XenStore: which VM this is, and how the broker is told where to connect.

#include <cstdlib>

#include "guest-agent-linux/unix_factory.hpp"
#include "guest-agent-linux/xen_factories.hpp"
#include "guest-agent-linux/xenstore_identity.hpp"
#include "protocol/channel/xen_mailbox_store.hpp"
#include "tests/guest-agent-core/fakes.hpp"
#include "tests/host-broker/sandbox/store/running_store.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

constexpr DomainId k_guest{7};

class XenstoreTest : public ::testing::Test {
 protected:
  XenstoreTest() {
    xenstored.emplace();
    xenstored->add_guest(k_guest);
    be(k_guest);
    guest.emplace(context.get_executor(), XenstoreIdentity::watched());
    identity.emplace(*guest);
  }
  ~XenstoreTest() override { ::unsetenv("XENSTORED_PATH"); }

  // Whose connection the next one that is opened is.
  void be(DomainId domain) { ::setenv("XENSTORED_PATH", xenstored->socket_of(domain).c_str(), 1); }

  void publish(const std::string& name, const std::string& value) {
    xenstored->on_thread([&](sandbox::StoreEngine& engine, sandbox::StoreServer&) {
      sandbox::NodePermissions permissions;
      permissions.entries = {{.domain = sandbox::k_host_domain}, {.domain = k_guest, .access = sandbox::k_may_read}};
      return engine.write("/local/domain/7/" + name, value, permissions).has_value();
    });
  }
  std::string node(const std::string& name) {
    return xenstored->on_thread([&](sandbox::StoreEngine& engine, sandbox::StoreServer&) {
      auto value = engine.read("/local/domain/7/" + name);
      return value ? value.value() : std::string();
    });
  }
  void publish_domain() {
    publish("domid", "7");
    publish("vm", "/vm/" + uuid_number(7).text());
  }
  void publish_family() {
    publish("zynclone/role", "clone");
    publish("zynclone/vm", "pos1");
    publish("zynclone/family", uuid_number(5).text());
    publish("zynclone/member", "upgrade-1");
    publish("zynclone/generation", "4");
    publish("zynclone/state", "running");
    publish("zynclone/vif/0/mode", "disabled");
    publish("zynclone/vif/2/mode", "locked");
  }
  Result<Identity> read() { return run(context, identity->read()); }

  asio::io_context context;
  std::optional<sandbox::RunningStore> xenstored;
  std::optional<GuestStore> guest;
  std::optional<XenstoreIdentity> identity;
};

TEST_F(XenstoreTest, OutsideAFamilyThereIsADomainAndAVm) {
  publish_domain();
  const auto now = read();
  ASSERT_OK(now);
  EXPECT_EQ(now.value().domain, k_guest);
  EXPECT_EQ(now.value().uuid, uuid_number(7));
  EXPECT_FALSE(now.value().membership);
  EXPECT_TRUE(now.value().interfaces.empty());
}

TEST_F(XenstoreTest, ReadsTheGenerationIdAndWhetherTheMemoryIsBeingCopied) {
  publish_domain();
  EXPECT_FALSE(read().value().generation_id);
  EXPECT_FALSE(read().value().is_being_saved);
  publish("zynclone/vm_generation_id", uuid_number(3).text());
  publish("control/zynclone-save", "1");
  EXPECT_EQ(read().value().generation_id, uuid_number(3));
  EXPECT_TRUE(read().value().is_being_saved);
  publish("zynclone/vm_generation_id", "none");
  EXPECT_FALSE(read());
}

TEST_F(XenstoreTest, ReadsWhatCloneMonitorPublishes) {
  publish_domain();
  publish_family();
  const auto now = read();
  ASSERT_OK(now);
  ASSERT_TRUE(now.value().membership);
  EXPECT_EQ(now.value().membership->role, protocol::MemberRole::clone);
  EXPECT_EQ(now.value().membership->vm.text(), "pos1");
  EXPECT_EQ(now.value().membership->family, uuid_number(5));
  EXPECT_EQ(now.value().membership->member, "upgrade-1");
  EXPECT_EQ(now.value().membership->generation, Generation{4});
  EXPECT_EQ(now.value().interfaces,
            (std::map<unsigned, protocol::VifMode>{{0, protocol::VifMode::disabled}, {2, protocol::VifMode::locked}}));
}

TEST_F(XenstoreTest, HalfOfAMembershipIsNone) {
  publish_domain();
  publish("zynclone/role", "original");
  const auto now = read();
  ASSERT_OK(now);
  EXPECT_FALSE(now.value().membership);
}

TEST_F(XenstoreTest, NonsenseIsAnErrorThatNamesTheNode) {
  publish_domain();
  publish("vm", "/vm/nonsense");
  EXPECT_FALSE(read());
  publish("vm", "nonsense");
  const auto wrong = read();
  ASSERT_FAILS(wrong, Errc::malformed);
  EXPECT_NE(wrong.error().message.find("node 'vm'"), std::string::npos);
  publish_domain();
  publish("domid", "-7");
  EXPECT_FAILS(read(), Errc::malformed);
  publish_domain();
  publish_family();
  publish("zynclone/role", "emperor");
  EXPECT_FAILS(read(), Errc::malformed);
}

TEST_F(XenstoreTest, AModeOfALaterHostIsPassedOver) {
  publish_domain();
  publish_family();
  publish("zynclone/vif/2/mode", "throttled");
  const auto now = read();
  ASSERT_OK(now);
  EXPECT_EQ(now.value().interfaces, (std::map<unsigned, protocol::VifMode>{{0, protocol::VifMode::disabled}}));
}

TEST_F(XenstoreTest, WithoutXenstoredItIsUnavailable) {
  ::setenv("XENSTORED_PATH", "/no/such/socket", 1);
  EXPECT_FAILS(read(), Errc::unavailable);
  EXPECT_FAILS(run(context, identity->changed()), Errc::unavailable);
  be(k_guest);
  publish_domain();
  EXPECT_OK(read()) << "and it is when it comes";
}

TEST_F(XenstoreTest, AnXenstoredThatEndsIsNoticed) {
  publish_domain();
  ASSERT_OK(read());
  xenstored->stop();
  Result<void> changed = outcome::success();
  // The watches' first events come before.
  for (int i = 0; i < 10 && changed; ++i) changed = run(context, identity->changed());
  EXPECT_FAILS(changed, Errc::unavailable);
  EXPECT_FALSE(read());
}

TEST_F(XenstoreTest, TheWatcherNoticesModesAndAnotherVm) {
  publish_domain();
  publish_family();
  FakeLastIdentity last;
  std::vector<Move> moves;
  std::vector<std::string> modes;
  IdentityEvents events;
  events.moved = [&](Move move, const Identity&) { moves.push_back(move); };
  events.interfaces_changed = [&](const Identity& now) { modes.push_back(environment_of(now).at("ZYNCLONE_INTERFACES")); };
  events.changed = [](const Identity&) {};
  IdentityWatcher watcher(*identity, last, std::move(events));
  bool ended = false;
  asio::co_spawn(context, watcher.run(), [&](std::exception_ptr) { ended = true; });
  ASSERT_TRUE(run_until(context, [&] { return modes.size() == 1; }));
  EXPECT_EQ(modes[0], "0=disabled 2=locked");
  publish("zynclone/vif/0/mode", "unlocked");
  ASSERT_TRUE(run_until(context, [&] { return modes.size() == 2; }));
  EXPECT_EQ(modes[1], "0=unlocked 2=locked");
  publish("vm", "/vm/" + uuid_number(8).text());
  ASSERT_TRUE(run_until(context, [&] { return moves.size() == 1; }));
  EXPECT_EQ(moves[0], Move::woke_elsewhere);
  watcher.stop();
  ASSERT_TRUE(run_until(context, [&] { return ended; }));
}

TEST_F(XenstoreTest, TheSandboxsChannelIsAnnouncedAnewEachTime) {
  const TemporaryFolder folder;
  const std::string path = (folder / "channel.sock").string();
  UnixFactory factory(context.get_executor(), path, *guest);
  std::string announced;
  for (int i = 0; i < 2; ++i) {
    std::optional<Result<std::unique_ptr<channel::Channel>>> opened;
    start(context, factory.open(), [&](Result<std::unique_ptr<channel::Channel>> result) { opened.emplace(std::move(result)); });
    ASSERT_TRUE(run_until(context, [&] {
      const std::string value = node("data/zynclone/broker/event-channel");
      return !value.empty() && value != announced;
    }));
    announced = node("data/zynclone/broker/event-channel");
    auto broker = run(context, channel::UnixChannel::connect(path));
    ASSERT_OK(broker);
    ASSERT_TRUE(run_until(context, [&] { return opened.has_value(); }));
    EXPECT_OK(*opened);
    EXPECT_FALSE(std::filesystem::exists(path)) << "it listens no longer than it waits";
  }
}

TEST_F(XenstoreTest, TheMailboxCarriesWhereThereIsNoVchan) {
  using channel::XenMailboxStore;
  MailboxFactory factory(context.get_executor());
  std::optional<Result<std::unique_ptr<channel::Channel>>> opened;
  start(context, factory.open(), [&](Result<std::unique_ptr<channel::Channel>> result) { opened.emplace(std::move(result)); });
  ASSERT_TRUE(run_until(context, [&] { return !node("data/zynclone/mailbox/session").empty(); }));
  publish_domain();
  be(DomainId{0});
  auto store = XenMailboxStore::open_in_broker(context.get_executor(), k_guest);
  ASSERT_OK(store);
  auto broker = channel::MailboxChannel::connect(context.get_executor(), std::move(store).value(), XenMailboxStore::brokers_folder(k_guest),
                                                 XenMailboxStore::guests_folder(k_guest));
  ASSERT_OK(broker);
  ASSERT_TRUE(run_until(context, [&] { return opened.has_value(); }));
  ASSERT_OK(*opened);
  const std::string text = "hello";
  std::array<char, 16> bytes;
  std::optional<Result<std::size_t>> count;
  start(context, broker.value()->read_some(asio::buffer(bytes)), [&](Result<std::size_t> result) { count.emplace(std::move(result)); });
  EXPECT_OK(run(context, opened->value()->write(asio::buffer(text))));
  ASSERT_TRUE(run_until(context, [&] { return count.has_value(); }));
  ASSERT_OK(*count);
  EXPECT_EQ(std::string_view(bytes.data(), count->value()), "hello");
  opened->value()->close();
  broker.value()->close();
  settle(context);
}

TEST(VchanFactory, WithoutXenItSaysSo) {
  if (std::filesystem::exists("/dev/xen/gntalloc")) GTEST_SKIP() << "there is a Xen";
  asio::io_context context;
  VchanFactory factory(context.get_executor());
  EXPECT_FALSE(run(context, factory.open()));
}

// An agent that is told to stop ends when nothing is left to wait for.
TEST_F(XenstoreTest, AMailboxThatIsClosedIsGoneAndNothingWaitsForIt) {
  asio::io_context agents(1);
  MailboxFactory factory(agents.get_executor());
  std::optional<Result<std::unique_ptr<channel::Channel>>> opened;
  const auto open = [](ChannelFactory& from, auto& into) -> asio::awaitable<void> {
    auto channel = co_await from.open();
    into.emplace(std::move(channel));
  };
  spawn(agents.get_executor(), "opening", open(factory, opened));
  ASSERT_TRUE(run_until(agents, [&] { return !node("data/zynclone/mailbox/session").empty(); }));
  factory.close();
  agents.restart();
  agents.run_for(std::chrono::seconds(20));
  EXPECT_TRUE(agents.stopped());
  ASSERT_TRUE(opened.has_value());
  EXPECT_FAILS(*opened, Errc::unavailable);
  EXPECT_EQ(node("data/zynclone/mailbox/session"), "");
}

}  // namespace
}  // namespace zynclone::tests
