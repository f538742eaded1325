#include "protocol/channel/vchan_channel.hpp"

#include <gtest/gtest.h>

#include "protocol/channel/vchan_handle.hpp"
#include "tests/protocol/channel/channel_contract.hpp"
#include "tests/protocol/channel/fake_xen.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone::channel {
namespace {

using tests::FakeXen;
using tests::run;
using tests::settle;

constexpr DomainId k_guest{1};
const std::string k_relative = "data/zynclone/broker";
const std::string k_absolute = "/local/domain/1/data/zynclone/broker";
constexpr std::chrono::milliseconds k_short{50};

class VchanTest : public testing::Test {
 protected:
  VchanTest() { FakeXen::instance().reset(); }

  // The guest waits for its client; `guest_` is set when that has come.
  void serve(Deadline write_deadline = protocol::k_write_deadline) {
    server_.emplace(VchanServer::create(context_.get_executor(), DomainId{0}, k_relative, write_deadline).value());
    accept();
  }
  void accept() {
    guest_.reset();
    tests::start(context_, server_->accept(), [this](Result<std::unique_ptr<Channel>> result) {
      if (result) guest_ = std::move(result).value();
      else refused_ = result.error();
    });
    settle(context_);
  }
  Result<std::unique_ptr<VchanChannel>> connect(Deadline write_deadline = protocol::k_write_deadline) {
    auto channel = VchanChannel::connect(context_.get_executor(), k_guest, k_absolute, write_deadline);
    settle(context_);
    return channel;
  }
  void open(Deadline write_deadline = protocol::k_write_deadline) {
    serve(write_deadline);
    broker_ = connect(write_deadline).value();
    ASSERT_TRUE(guest_);
  }
  Result<void> write(Channel& channel, std::string bytes) { return run(context_, channel.write(asio::buffer(bytes))); }
  Result<std::size_t> read(Channel& channel) {
    return run(context_, with_timeout(channel.read_some(asio::buffer(buffer_)), k_short, "reading"));
  }

  asio::io_context context_;
  std::string buffer_ = std::string(4096, '\0');
  std::optional<VchanServer> server_;
  std::unique_ptr<Channel> guest_;
  std::unique_ptr<VchanChannel> broker_;
  std::optional<Error> refused_;
};

class VchanContract : public VchanTest, public testing::WithParamInterface<tests::ContractCase> {};
INSTANTIATE_TEST_SUITE_P(Channel, VchanContract, testing::ValuesIn(tests::channel_contract()),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(VchanContract, Holds) {
  open();
  auto result = run(context_, tests::run_case(GetParam(), *guest_, *broker_));
  EXPECT_TRUE(result) << result.error().message;
  guest_.reset();
  broker_.reset();
  EXPECT_EQ(FakeXen::instance().open_event_handles, 0);
  EXPECT_EQ(FakeXen::instance().mapped_pages - 8, 0) << "libxenvchan unmaps the rings by itself, without the device";
}

TEST_F(VchanTest, ServerAdvertisesRelativeToItsHome) {
  serve();
  EXPECT_TRUE(FakeXen::instance().store.contains(k_absolute + "/event-channel"));
  EXPECT_TRUE(FakeXen::instance().store.contains(k_absolute + "/ring-ref"));
  EXPECT_FALSE(guest_) << "nobody has come";
}

TEST_F(VchanTest, PathThatLibxenvchanWouldCutIsRefused) {
  EXPECT_FALSE(VchanServer::create(context_.get_executor(), DomainId{0}, std::string(50, 'p')));
  EXPECT_TRUE(VchanServer::create(context_.get_executor(), DomainId{0}, std::string(49, 'p')));
  auto channel = VchanChannel::connect(context_.get_executor(), k_guest, std::string(50, 'p'));
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, Errc::invalid_argument);
}

TEST_F(VchanTest, ServerWithoutDevicesIsAnErrorThatSaysSo) {
  FakeXen::instance().server_has_devices = false;
  serve();
  ASSERT_TRUE(refused_);
  EXPECT_EQ(refused_->code, Errc::xen);
}

TEST_F(VchanTest, ConnectingToNothingIsUnavailable) {
  auto channel = connect();
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, Errc::unavailable);
}

TEST_F(VchanTest, ConnectingToADeadServersNodesIsUnavailable) {
  auto& store = FakeXen::instance().store;
  store[k_absolute + "/ring-ref"] = "77";
  store[k_absolute + "/event-channel"] = "99";
  auto channel = connect();
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, Errc::unavailable);
  EXPECT_EQ(FakeXen::instance().open_event_handles, 0);
}

TEST_F(VchanTest, UsedVchanIsNotUsedAgainAndTheServerMakesANewOne) {
  open();
  ASSERT_TRUE(write(*broker_, "half a mess"));
  broker_.reset();  // as after kill -9: the kernel clears cli_live and sends the event
  auto second = connect();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::unavailable);
  EXPECT_TRUE(read(*guest_)) << "what was sent before the end";
  EXPECT_EQ(read(*guest_).error().code, Errc::unavailable);
  guest_.reset();
  accept();
  EXPECT_TRUE(connect());
  EXPECT_TRUE(guest_);
}

// Its first bytes may be there before its client has looked: where the two share a processor, nearly always.
TEST_F(VchanTest, ServerMaySpeakFirst) {
  serve();
  FakeXen::instance().ring_page()->right.prod = 5;
  auto client = connect();
  ASSERT_OK(client);
  const auto count = read(*client.value());
  ASSERT_OK(count);
  EXPECT_EQ(count.value(), 5u);
}

TEST_F(VchanTest, WhatAnotherClientHasReadIsNotMissedSilently) {
  serve();
  FakeXen::instance().ring_page()->right.prod = 5;
  FakeXen::instance().ring_page()->right.cons = 5;
  EXPECT_FAILS(connect(), Errc::unavailable);
}

TEST_F(VchanTest, ClientThatCameAndWentBeforeItWasSeenCostsNothing) {
  serve();
  ASSERT_TRUE(VchanChannel::connect(context_.get_executor(), k_guest, k_absolute));  // and gone at the end of this line
  settle(context_);
  EXPECT_FALSE(guest_);
  EXPECT_FALSE(refused_);
  EXPECT_TRUE(connect());
  EXPECT_TRUE(guest_);
}

TEST_F(VchanTest, ServerThatDiesEndsTheClient) {
  open();
  FakeXen::instance().ring_page()->srv_live = 0;
  FakeXen::instance().notify_all();
  EXPECT_EQ(read(*broker_).error().code, Errc::unavailable);
  EXPECT_EQ(write(*broker_, "x").error().code, Errc::unavailable);
}

TEST_F(VchanTest, PeerThatReadsNothingEndsTheWrite) {
  open(k_short);
  auto written = write(*broker_, std::string(100'000, 'x'));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::timed_out);
}

TEST_F(VchanTest, EventsWithoutReadingDoNotProlongTheWrite) {
  open(k_short);
  struct Flood {
    static asio::awaitable<void> run(const bool& stop) {
      while (!stop) {
        FakeXen::instance().notify_all();
        co_await sleep_for(std::chrono::milliseconds(5));
      }
    }
  };
  bool stop = false;
  asio::co_spawn(context_, Flood::run(stop), asio::detached);
  EXPECT_EQ(write(*broker_, std::string(100'000, 'x')).error().code, Errc::timed_out);
  stop = true;
}

// A hostile peer's indices: each ends the channel at once, and none hangs it.
struct Corruption {
  const char* name;
  void (*corrupt)(vchan_interface& page);
};
class HostileRing : public VchanTest, public testing::WithParamInterface<Corruption> {};
INSTANTIATE_TEST_SUITE_P(
    Vchan, HostileRing,
    testing::Values(Corruption{"ReadFillBeyondTheRing", [](vchan_interface& page) { page.right.prod = page.right.cons + 16385; }},
                    Corruption{"ReadFillHuge", [](vchan_interface& page) { page.right.prod = page.right.cons + 0x80000000u; }},
                    Corruption{"ReadFillNegative", [](vchan_interface& page) { page.right.prod = page.right.cons - 1; }},
                    Corruption{"OurConsumerIndex", [](vchan_interface& page) { page.right.cons += 1; }},
                    Corruption{"OurProducerIndex", [](vchan_interface& page) { page.left.prod += 1; }},
                    Corruption{"WriteFillBeyondTheRing", [](vchan_interface& page) { page.left.cons = page.left.prod - 16385; }},
                    Corruption{"ConsumedMoreThanWritten", [](vchan_interface& page) { page.left.cons = page.left.prod + 1; }}),
    [](const auto& each) { return std::string(each.param.name); });

TEST_P(HostileRing, EndsTheChannel) {
  open();
  ASSERT_TRUE(write(*broker_, "some bytes"));
  ASSERT_TRUE(write(*guest_, "some more"));
  ASSERT_TRUE(read(*broker_));
  GetParam().corrupt(*FakeXen::instance().ring_page());
  FakeXen::instance().notify_all();
  auto got = read(*broker_);
  ASSERT_FALSE(got);
  EXPECT_EQ(got.error().code, Errc::xen);
  auto put = write(*broker_, "x");
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code, Errc::xen);
}

TEST_F(VchanTest, IndicesMayWrap) {
  libxenvchan* server = libxenvchan_server_init(nullptr, 0, k_relative.c_str(), 16384, 16384);
  vchan_interface* page = FakeXen::instance().ring_page();
  page->left.prod = page->left.cons = page->right.prod = page->right.cons = 0xfffffff0u;
  libxenvchan* client = libxenvchan_client_init(nullptr, 1, k_absolute.c_str());
  auto writing = VchanHandle::adopt(context_.get_executor(), server).value();
  auto reading = VchanHandle::adopt(context_.get_executor(), client).value();
  for (int round = 0; round < 5; ++round) {
    ASSERT_EQ(writing->write("0123456789", 10).value(), 10u);
    ASSERT_EQ(reading->read(buffer_.data(), 100).value(), 10u);
    EXPECT_EQ(buffer_.substr(0, 10), "0123456789");
  }
  EXPECT_EQ(page->right.prod, 34u);
}

TEST_F(VchanTest, OrdersChangedAfterwardsChangeNothing) {
  open();
  FakeXen::instance().ring_page()->left_order = 20;
  FakeXen::instance().ring_page()->right_order = 31;
  ASSERT_TRUE(write(*guest_, std::string(1000, 'x')));
  EXPECT_EQ(read(*broker_).value(), 1000u);
}

TEST_F(VchanTest, RingsThatAreTooLargeAreRefused) {
  for (const auto& [left, right] : {std::pair(20, 12), std::pair(12, 20), std::pair(18, 12), std::pair(10, 20)}) {
    FakeXen::instance().reset();
    serve();
    FakeXen::instance().ring_page()->left_order = static_cast<std::uint16_t>(left);
    FakeXen::instance().ring_page()->right_order = static_cast<std::uint16_t>(right);
    auto channel = connect();
    ASSERT_FALSE(channel) << left << " " << right;
    EXPECT_EQ(channel.error().code, Errc::xen) << channel.error().message;
    server_.reset();
    context_.restart();
  }
}

TEST_F(VchanTest, ConfinedClientKeepsTalkingAndHoldsNoGrantDevice) {
  open();
  ASSERT_TRUE(broker_->confine(k_guest));
  EXPECT_EQ(FakeXen::instance().restricted_to, 1u);
  ASSERT_TRUE(write(*broker_, "hello"));
  EXPECT_EQ(read(*guest_).value(), 5u);
  ASSERT_TRUE(write(*guest_, "hello you"));
  EXPECT_EQ(read(*broker_).value(), 9u);
  broker_->close();
  EXPECT_EQ(read(*broker_).error().code, Errc::unavailable);
}

}  // namespace
}  // namespace zynclone::channel
