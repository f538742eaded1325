// The gateway on a XenStore: the sandbox's, which the real libxenstore talks to.

#include "host-broker/gateway/xen_guest_watch.hpp"

#include <algorithm>

#include "protocol/channel/mailbox_channel.hpp"
#include "protocol/channel/xen_mailbox_store.hpp"
#include "tests/host-broker/gateway/guest_links_fixture.hpp"
#include "tests/host-broker/sandbox/store/running_store.hpp"

namespace zynclone::broker::gateway {
namespace {

using channel::MailboxServer;
using channel::XenMailboxStore;
using tests::run;

constexpr DomainId k_guest{7};
const std::string k_home = "/local/domain/7";
const Uuid k_uuid = Uuid::derived("guest 7");

class OnXenStore : public testing::Test {
 protected:
  OnXenStore() {
    store_.add_guest(k_guest);
    use_socket_of(DomainId{0});
    host_.emplace(xenstore::Store::open(context_.get_executor()).value());
    EXPECT_TRUE(host_->write(k_home + "/vm", "/vm/" + k_uuid.text()));
    EXPECT_TRUE(host_->write(k_home + "/name", "pos1"));
  }
  // Whoever opens XenStore from now on is this domain.
  void use_socket_of(DomainId domain) { ::setenv("XENSTORED_PATH", store_.socket_of(domain).c_str(), 1); }
  xenstore::Store open_as_guest() {
    use_socket_of(k_guest);
    auto store = xenstore::Store::open(context_.get_executor());
    use_socket_of(DomainId{0});
    return std::move(store).value();
  }
  std::unique_ptr<GuestWatch> open_watch() { return XenGuestWatch::open(context_.get_executor(), pool_).value(); }

  // Events until one is as wanted.
  bool sees(GuestWatch& watch, std::optional<std::uint64_t> key) {
    struct Waiting {
      static asio::awaitable<bool> wait(GuestWatch& from, std::optional<std::uint64_t> wanted) {
        for (;;) {
          auto event = co_await from.next_event();
          if (!event) co_return false;
          if (event.value().key == wanted) co_return true;
        }
      }
    };
    return run(context_, Waiting::wait(watch, key));
  }

  sandbox::RunningStore store_;
  asio::io_context context_;
  asio::thread_pool pool_{1};
  std::optional<xenstore::Store> host_;
};

TEST_F(OnXenStore, DomainsAreThoseWithAUuid) {
  ASSERT_TRUE(host_->write("/local/domain/8/name", "half made"));
  ASSERT_TRUE(host_->write("/local/domain/9/vm", "/vm/no-uuid"));
  ASSERT_TRUE(host_->write("/local/domain/x/vm", "/vm/" + k_uuid.text()));
  auto watch = open_watch();
  auto domains = run(context_, watch->domains());
  ASSERT_TRUE(domains) << domains.error().message;
  ASSERT_EQ(domains.value().size(), 1u);
  EXPECT_EQ(domains.value()[0].id, k_guest);
  EXPECT_EQ(domains.value()[0].uuid, k_uuid);
  EXPECT_EQ(domains.value()[0].name, "pos1");
}

TEST_F(OnXenStore, IdentityIsWhatTheToolstackWrote) {
  auto watch = open_watch();
  EXPECT_EQ(run(context_, watch->identity(k_guest)).value(), k_uuid);
  EXPECT_FALSE(run(context_, watch->identity(DomainId{8})).value());
  auto guest = open_as_guest();
  EXPECT_FALSE(guest.write("vm", "/vm/" + Uuid::derived("another").text())) << "a guest cannot change who it is";
}

TEST_F(OnXenStore, AdvertisementIsReadAndWatched) {
  auto watch = open_watch();
  auto guest = open_as_guest();
  EXPECT_FALSE(run(context_, watch->advertised(k_guest, Rendezvous::vchan)).value());
  ASSERT_TRUE(run(context_, watch->watch(42, k_guest, Rendezvous::vchan)));
  EXPECT_TRUE(sees(*watch, 42)) << "once on registration";
  ASSERT_TRUE(guest.write("data/zynclone/broker/event-channel", "17"));
  EXPECT_TRUE(sees(*watch, 42));
  EXPECT_EQ(run(context_, watch->advertised(k_guest, Rendezvous::vchan)).value(), "17");
  EXPECT_FALSE(run(context_, watch->advertised(k_guest, Rendezvous::mailbox)).value());
  EXPECT_TRUE(run(context_, watch->unwatch(42, k_guest, Rendezvous::vchan)));
}

TEST_F(OnXenStore, DomainsThatComeAreSeen) {
  auto watch = open_watch();
  EXPECT_TRUE(sees(*watch, std::nullopt)) << "once on registration";
  EXPECT_TRUE(sees(*watch, std::nullopt)) << "and once for the other of the two";
  store_.add_guest(DomainId{11});
  EXPECT_TRUE(sees(*watch, std::nullopt));
}

TEST_F(OnXenStore, LostStoreIsAnError) {
  auto watch = open_watch();
  host_.reset();
  store_.stop();
  EXPECT_FALSE(sees(*watch, 99));
}

// All of it: a guest without vchan, its mailbox, the link with its two confined processes, and the broker.
TEST_F(OnXenStore, GuestIsServedThroughItsMailbox) {
  RecordingHandler handler;
  handler.members[k_uuid] = {.uuid = k_uuid, .family = Uuid::derived("family"), .vm = VmName::parse("pos1").value(), .name = "pos1"};
  handler.channels[k_uuid] = "mailbox";
  GuestLinks links(context_.get_executor(), open_watch(), {.program = TEST_BINARY_DIR "/bin/zynclone-link"});
  asio::co_spawn(context_, links.run(handler), [](std::exception_ptr) {});

  use_socket_of(k_guest);
  auto store = XenMailboxStore::open_in_guest(context_.get_executor());
  ASSERT_TRUE(store) << store.error().message;
  use_socket_of(DomainId{0});
  auto server = MailboxServer::create(context_.get_executor(), std::move(store).value(), XenMailboxStore::guests_folder(),
                                      XenMailboxStore::brokers_folder());
  ASSERT_TRUE(server) << server.error().message;
  auto accepted = run(context_, server.value().accept());
  ASSERT_TRUE(accepted) << accepted.error().message;

  std::vector<std::string> asked;
  struct Agent {
    static asio::awaitable<std::string> answer(std::vector<std::string>& all, protocol::Request request) {
      all.emplace_back(protocol::method_name(request.method));
      if (!request.id) co_return std::string();
      co_return report(*request.id);
    }
    static std::string report(std::uint64_t id) { return protocol::encode_response(id, protocol::GuestHealthReport{.healthy = true}); }
  };
  channel::Peer agent(std::move(accepted).value(), channel::Framing::length, protocol::Sender::broker,
                      [&asked](protocol::Request request) { return Agent::answer(asked, std::move(request)); });
  ASSERT_TRUE(agent.post(PretendedAgent::hello()));
  tests::start(context_, agent.run(), [](Error) {});
  ASSERT_TRUE(tests::run_until(context_, [&] { return !links.status().empty() && links.status()[0].is_open; }));

  auto family = run(context_, agent.call(protocol::FamilyShow{}, std::chrono::seconds(10)));
  ASSERT_TRUE(family) << family.error().message;
  EXPECT_EQ(family.value().self, "pos1");
  auto health = run(context_, links.health(k_uuid, std::chrono::seconds(10)));
  ASSERT_TRUE(health) << health.error().message;

  // A request that is too long for a mailbox is refused on this side, and the channel lives on.
  protocol::CloneCreate create{.name = CloneName::parse("a").value(), .note = std::string(1000, 'n')};
  protocol::Request envelope{.request_id = RequestId::parse("r").value()};
  auto created = run(context_, agent.call(create, std::chrono::seconds(10), envelope));
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().code, Errc::too_large);
  EXPECT_TRUE(run(context_, agent.call(protocol::FamilyShow{}, std::chrono::seconds(10))));

  // dom0's nodes are its own, and the guest may read them.
  EXPECT_TRUE(open_as_guest().read("zynclone/mailbox/session").value());
  EXPECT_FALSE(open_as_guest().write("zynclone/mailbox/session", "mine"));
  links.close();
  tests::settle(context_);
}

}  // namespace
}  // namespace zynclone::broker::gateway
