#include "cli/service.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::cli {
namespace {

using namespace std::chrono_literals;
using tests::Conversation;
using tests::FakeService;
using tests::TemporaryFolder;

class ServiceCall : public ::testing::Test {
 protected:
  TimePoint soon() const { return std::chrono::steady_clock::now() + 10s; }
  Service client() const { return Service({"the agent", fake.path()}); }

  TemporaryFolder folder;
  FakeService fake{folder / "agent.sock"};
};

TEST_F(ServiceCall, GivesTheAnswer) {
  fake.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_family());
    c.answer(c.read_request(), protocol::CloneListing{});
  });
  auto service = client();
  const auto family = service.call(protocol::FamilyShow{}, soon());
  ASSERT_OK(family);
  EXPECT_EQ(family.value().clones.at(0).name.text(), "upgrade-1");
  EXPECT_OK(service.call(protocol::CloneList{}, soon()));
  EXPECT_EQ(fake.connections(), 1u);
}

TEST_F(ServiceCall, GivesTheServicesErrorAsItIs) {
  fake.add([](Conversation& c) {
    const auto request = c.read_request();
    c.fail(request, Error{Errc::already_exists, "cannot create clone 'a': it exists", "/params/name"});
  });
  const auto answer = client().call(protocol::CloneCreate{.name = CloneName::parse("a").value()}, soon());
  ASSERT_FAILS(answer, Errc::already_exists);
  EXPECT_EQ(answer.error().message, "cannot create clone 'a': it exists");
  EXPECT_EQ(answer.error().place, "/params/name");
}

TEST_F(ServiceCall, AnErrorWithoutIdIsTheAnswer) {
  fake.add([](Conversation& c) {
    c.read_line();
    c.send_line(protocol::encode_error(std::nullopt, Error{Errc::malformed, "cannot read the message"}));
  });
  EXPECT_FAILS(client().call(protocol::FamilyShow{}, soon()), Errc::malformed);
}

TEST_F(ServiceCall, OtherMessagesBeforeTheAnswerAreNoAnswer) {
  fake.add([](Conversation& c) {
    const auto request = c.read_request();
    c.notify(tests::sample_operation(1));
    c.send_line(R"({"jsonrpc":"2.0","method":"weather.changed","params":{}})");
    c.send_line(protocol::encode_response(*request.id + 77, protocol::CloneListing{}));
    c.answer(request, tests::sample_family());
  });
  const auto family = client().call(protocol::FamilyShow{}, soon());
  ASSERT_OK(family);
  EXPECT_EQ(family.value().vm.text(), "pos1");
}

TEST_F(ServiceCall, AConnectionLostBeforeTheAnswerIsMadeAgainAndTheSameRequestSent) {
  std::vector<std::string> request_ids;
  fake.add([&](Conversation& c) { request_ids.push_back(c.read_request().request_id->text()); });
  fake.add([&](Conversation& c) {
    const auto request = c.read_request();
    request_ids.push_back(request.request_id->text());
    c.answer(request, protocol::Accepted{.operation = tests::sample_operation(0)});
  });
  const auto accepted = client().call(protocol::CloneStart{.name = CloneName::parse("a").value()}, soon(),
                                      protocol::Request{.request_id = RequestId::parse("mine").value()});
  ASSERT_OK(accepted);
  fake.wait_idle();
  EXPECT_EQ(request_ids, (std::vector<std::string>{"mine", "mine"}));
}

TEST_F(ServiceCall, AServiceThatKeepsHangingUpIsUnavailable) {
  const auto answer = client().call(protocol::FamilyShow{}, soon());
  ASSERT_FAILS(answer, Errc::unavailable);
  EXPECT_NE(answer.error().message.find("the agent at '" + fake.path() + "'"), std::string::npos);
  EXPECT_EQ(fake.connections(), 5u);
}

TEST_F(ServiceCall, AServiceThatIsNotThereIsNotWaitedFor) {
  fake.go_away();
  const auto began = std::chrono::steady_clock::now();
  const auto answer = client().call(protocol::FamilyShow{}, soon());
  ASSERT_FAILS(answer, Errc::unavailable);
  EXPECT_TRUE(answer.error().message.starts_with("cannot reach the agent at ")) << answer.error().message;
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
}

TEST_F(ServiceCall, NoAnswerInTime) {
  fake.add([](Conversation& c) { c.wait_closed(); });
  auto service = client();
  EXPECT_FAILS(service.call(protocol::FamilyShow{}, std::chrono::steady_clock::now() + 50ms), Errc::timed_out);
  // The late answer must not be taken for the next call's: a new connection is made.
  fake.add([](Conversation& c) { c.answer(c.read_request(), tests::sample_family()); });
  EXPECT_OK(service.call(protocol::FamilyShow{}, soon()));
  EXPECT_EQ(fake.connections(), 2u);
}

TEST_F(ServiceCall, GarbageIsMalformed) {
  for (const std::string garbage :
       {"HTTP/1.1 400 Bad Request", "{}", "[]", "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"vm\":\"\\u0000\"}}", "\xff\xfe", "", "nul\0byte",
        R"({"jsonrpc":"2.0","id":1,"result":7})", R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"error":"no"})",
        R"({"jsonrpc":"2.0","method":"operation.changed","params":{"operation":{"id":"../../etc"}}})"}) {
    fake.add([&](Conversation& c) {
      c.read_line();
      c.send_line(garbage);
      c.wait_closed();
    });
    const auto answer = client().call(protocol::FamilyShow{}, soon());
    ASSERT_FALSE(answer) << garbage;
    EXPECT_TRUE(answer.error().code == Errc::malformed || answer.error().code == Errc::invalid_argument)
        << garbage << ": " << to_string(answer.error().code);
  }
}

TEST_F(ServiceCall, AnAnswerLongerThanAllowed) {
  fake.add([](Conversation& c) {
    c.read_line();
    c.send_line(std::string(2 * protocol::k_longest_message, '['));
    c.wait_closed();
  });
  EXPECT_FAILS(client().call(protocol::FamilyShow{}, soon()), Errc::too_large);
}

TEST_F(ServiceCall, WakingUpEndsIt) {
  fake.add([](Conversation& c) { c.wait_closed(); });
  const Descriptor wake(::eventfd(1, EFD_CLOEXEC));
  Service service({"the agent", fake.path()}, wake.get());
  EXPECT_FALSE(service.call(protocol::FamilyShow{}, soon()));
  EXPECT_TRUE(service.woken());
}

}  // namespace
}  // namespace zynclone::cli
