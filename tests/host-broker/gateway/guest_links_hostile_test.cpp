// Guests that do what they may not: each costs its own channel and nothing else.

#include "protocol/channel/message_reader.hpp"
#include "tests/host-broker/gateway/guest_links_fixture.hpp"

namespace zynclone::broker::gateway {
namespace {

using channel::Framing;
using tests::settle;

class HostileGuest : public GuestLinksTest {
 protected:
  // A guest whose end the test holds bare, and a well-behaved one beside it.
  channel::Channel& hostile(bool says_hello = true) {
    good_ = &add_guest(6, "good");
    add_domain(5, "bad");
    bare_ = add_agent(5).accept();
    if (says_hello) {
      write(protocol::encode_request(hello_request()));
      expect([this] { return is_open(5); }, "open");
    }
    return *bare_;
  }
  static protocol::Request hello_request() { return {.method = PretendedAgent::hello()}; }
  void write_bytes(std::string bytes) { ASSERT_TRUE(tests::run(context_, bare_->write(asio::buffer(bytes)))); }
  void write(const std::string& message) { write_bytes(channel::frame(Framing::length, message, 1 << 20).value()); }
  void expect_end(const std::string& why) {
    expect([&] { return last_end(5) == why; }, why.c_str());
    EXPECT_FALSE(is_open(5));
    // Nobody else was touched.
    ASSERT_TRUE(is_open(6));
    EXPECT_EQ(status(6)->links, 1u);
    EXPECT_TRUE(ask(*good_, protocol::FamilyShow{}));
  }

  std::unique_ptr<channel::Channel> bare_;
  PretendedAgent* good_ = nullptr;
};

TEST_F(HostileGuest, SaysNothing) {
  settings_.hello = std::chrono::milliseconds(100);
  hostile(/*says_hello=*/false);
  expect_end("no hello came");
}

TEST_F(HostileGuest, SpeaksNoCommonVersion) {
  hostile(/*says_hello=*/false);
  write(R"({"jsonrpc":"2.0","method":"hello","params":{"oldest_version":7,"newest_version":9}})");
  expect_end("the guest speaks no common protocol version");
}

TEST_F(HostileGuest, AsksBeforeHello) {
  hostile(/*says_hello=*/false);
  write(R"({"jsonrpc":"2.0","id":1,"method":"family.show"})");
  expect_end("the guest did not say hello first");
  EXPECT_EQ(handler_.asked, std::vector<std::string>{"good family.show"});
}

TEST_F(HostileGuest, SendsGarbage) {
  hostile();
  for (int i = 0; i <= 100; ++i) write("garbage");
  expect_end("the guest sent too many malformed messages");
}

TEST_F(HostileGuest, LiesAboutALength) {
  hostile();
  write_bytes(std::string("\xff\xff\xff\x7f", 4));
  expect_end("the guest broke the framing");
}

TEST_F(HostileGuest, CallsWhatItMayNot) {
  hostile();
  for (const char* method : {"approval.allow", "audit.list", "host.health", "guest.thaw"})
    write(std::string(R"({"jsonrpc":"2.0","id":1,"method":")") + method + R"(","params":{}})");
  EXPECT_TRUE(ask(*good_, protocol::FamilyShow{}));
  settle(context_);
  EXPECT_EQ(handler_.asked, std::vector<std::string>{"good family.show"});
  EXPECT_TRUE(is_open(5));
}

TEST_F(HostileGuest, AnswersWhatNobodyAsked) {
  hostile();
  for (int i = 0; i < 50; ++i) write(R"({"jsonrpc":"2.0","id":)" + std::to_string(i) + R"(,"result":{}})");
  write(R"({"jsonrpc":"2.0","id":1,"method":"clone.list"})");
  expect([&] { return !handler_.asked.empty(); }, "its own request came through");
  EXPECT_TRUE(is_open(5));
  EXPECT_EQ(status(5)->received, 2u) << "hello and the request: the link keeps the rest";
}

asio::awaitable<void> flood(channel::Channel& channel, std::string message, std::size_t& written) {
  const std::string framed = channel::frame(Framing::length, message, 1 << 20).value();
  for (;;) {
    auto result = co_await channel.write(asio::buffer(framed));
    if (!result) co_return;
    written += 1;
  }
}

TEST_F(HostileGuest, FloodsWithRequestsAndTheOthersAreServed) {
  hostile();
  handler_.held.insert("bad");  // its requests take for ever
  std::size_t written = 0;
  asio::co_spawn(context_, flood(*bare_, R"({"jsonrpc":"2.0","id":1,"method":"clone.list"})", written), asio::detached);
  expect([&] { return handler_.running["bad"] == static_cast<int>(protocol::k_most_requests_in_flight); }, "at its bound");
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(ask(*good_, protocol::FamilyShow{}));
  EXPECT_EQ(handler_.most_running["bad"], static_cast<int>(protocol::k_most_requests_in_flight));
  EXPECT_TRUE(is_open(5)) << "it is held back, no more";
  handler_.held.clear();
  handler_.released.wake();
  bare_->close();
  expect([&] { return !is_open(5); }, "closed");
}

TEST_F(HostileGuest, ReadsNothingAndIsNotified) {
  hostile();
  write(R"({"jsonrpc":"2.0","id":1,"method":"family.show"})");
  expect([&] { return handler_.notify.contains("bad"); }, "known");
  const auto notify = handler_.notify.at("bad");
  protocol::OperationView view{.vm = VmName::parse("pos1").value(), .summary = std::string(1000, 's')};
  view.id = make_operation_id(std::chrono::system_clock::now());
  for (int i = 0; i < 10'000 && is_open(5); ++i) {
    (*notify)(view);
    settle(context_);
  }
  expect_end("it reads no notifications");
}

TEST_F(HostileGuest, AdvertisesWithoutEnd) {
  settings_.pace.burst = 3;
  settings_.pace.refill = std::chrono::seconds(60);
  add_guest(6, "good");
  add_domain(5, "bad");
  world_->advertise(DomainId{5}, "0");  // and nobody listens there
  expect([&] { return status(5) && status(5)->links > 0; }, "tried");
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(800);
  for (int i = 1; std::chrono::steady_clock::now() < until; ++i) {
    world_->advertise(DomainId{5}, std::to_string(i));
    context_.restart();
    context_.run_for(std::chrono::milliseconds(1));
  }
  EXPECT_LE(status(5)->links, 3u);
  EXPECT_LE(world_->looks, 30u) << "how often it is looked at is bounded, too";
  EXPECT_TRUE(ask(*agents_.at(6), protocol::FamilyShow{}));
}

TEST_F(HostileGuest, MakesItsLinkHang) {
  hostile();
  ::kill(*status(5)->process, SIGSTOP);
  EXPECT_TRUE(ask(*good_, protocol::FamilyShow{}));
  world_->release(DomainId{5});
  expect([&] { return !status(5).has_value(); }, "forgotten");
  EXPECT_TRUE(ask(*good_, protocol::FamilyShow{}));
}

}  // namespace
}  // namespace zynclone::broker::gateway
