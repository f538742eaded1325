#include "protocol/codec.hpp"

#include <gtest/gtest.h>

namespace zynclone::protocol {
namespace {

Result<Request> from_guest(const std::string& text) { return decode_request(text, Sender::guest); }

std::string call(const std::string& method, const std::string& params) {
  return R"({"jsonrpc":"2.0","id":7,"method":")" + method + R"(","params":)" + params + "}";
}

TEST(Codec, AGuestsRequestIsRead) {
  const auto request = from_guest(call("clone.create", R"({"name":"upgrade-1","mode":"offline","request_id":"r1","plan":true})"));
  ASSERT_TRUE(request);
  EXPECT_EQ(request.value().id, 7u);
  EXPECT_TRUE(request.value().plan);
  EXPECT_EQ(request.value().request_id->text(), "r1");
  const auto& create = std::get<CloneCreate>(request.value().method);
  EXPECT_EQ(create.name.text(), "upgrade-1");
  EXPECT_EQ(create.mode, CloneMode::offline);
  EXPECT_TRUE(create.start);
}

struct Bad {
  std::string text;
  Errc code;
  std::string place;
};

TEST(Codec, BadRequestsHaveCodeValueAndPlace) {
  const Bad cases[] = {
      {"[]", Errc::malformed, ""},
      {R"({"id":1,"method":"family.show"})", Errc::malformed, "/jsonrpc"},
      {R"({"jsonrpc":"1.0","id":1,"method":"family.show"})", Errc::malformed, "/jsonrpc"},
      {R"({"jsonrpc":"2.0","id":"x","method":"family.show"})", Errc::malformed, "/id"},
      {R"({"jsonrpc":"2.0","id":-1,"method":"family.show"})", Errc::malformed, "/id"},
      {R"({"jsonrpc":"2.0","method":"family.show"})", Errc::malformed, "/id"},
      {R"({"jsonrpc":"2.0","id":1,"method":"hello","params":{"oldest_version":1,"newest_version":1}})", Errc::malformed, "/id"},
      {R"({"jsonrpc":"2.0","id":1,"method":7})", Errc::malformed, "/method"},
      {R"({"jsonrpc":"2.0","id":1,"result":{}})", Errc::malformed, ""},
      {call("clone.explode", "{}"), Errc::unknown_method, "/method"},
      {call("clone.create", "[]"), Errc::invalid_argument, "/params"},
      {call("clone.create", "{}"), Errc::invalid_argument, "/params/name"},
      {call("clone.create", R"({"name":"../x"})"), Errc::invalid_argument, "/params/name"},
      {call("clone.create", R"({"name":7})"), Errc::invalid_argument, "/params/name"},
      {call("clone.create", R"({"name":"x","mode":"sideways"})"), Errc::invalid_argument, "/params/mode"},
      {call("clone.create", R"({"name":"x","start":1})"), Errc::invalid_argument, "/params/start"},
      {call("clone.create", R"({"name":"x","colour":"red"})"), Errc::invalid_argument, "/params/colour"},
      {call("clone.create", R"({"name":"x","plan":"yes"})"), Errc::invalid_argument, "/params/plan"},
      {call("clone.create", R"({"name":"x","request_id":""})"), Errc::invalid_argument, "/params/request_id"},
      {call("clone.create", R"({"name":"x","note":")" + std::string(1025, 'n') + "\"}"), Errc::invalid_argument, "/params/note"},
      {call("family.show", R"({"plan":true})"), Errc::invalid_argument, "/params/plan"},
      {call("operation.list", R"({"limit":-1})"), Errc::invalid_argument, "/params/limit"},
      {call("operation.list", R"({"limit":1.5})"), Errc::invalid_argument, "/params/limit"},
  };
  for (const Bad& bad : cases) {
    const auto request = from_guest(bad.text);
    ASSERT_FALSE(request) << bad.text;
    EXPECT_EQ(request.error().code, bad.code) << bad.text << ": " << request.error().message;
    EXPECT_EQ(request.error().place, bad.place) << bad.text << ": " << request.error().message;
  }
}

TEST(Codec, AGuestCannotNameAVm) {
  const auto request = from_guest(call("family.show", R"({"vm":"pos2"})"));
  ASSERT_FALSE(request);
  EXPECT_EQ(request.error().place, "/params/vm");
}

TEST(Codec, MethodsOfAnotherDirectionAreUnknown) {
  for (const char* method : {"approval.list", "audit.list", "host.health", "guest.quiesce", "guest.thaw"}) {
    const auto there = from_guest(call(method, "{}"));
    ASSERT_FALSE(there) << method;
    EXPECT_EQ(there.error().code, Errc::unknown_method) << method;
    // To the letter what a method that does not exist gets.
    const auto nowhere = from_guest(call("no.such", "{}"));
    EXPECT_EQ(there.error().place, nowhere.error().place);
  }
  EXPECT_FALSE(decode_request(call("clone.create", R"({"name":"x"})"), Sender::broker));
  EXPECT_TRUE(decode_request(call("approval.list", "{}"), Sender::administrator));
  EXPECT_TRUE(decode_request(call("guest.health", "{}"), Sender::broker));
}

TEST(Codec, ANewerBrokerMaySayMore) {
  EXPECT_TRUE(decode_request(call("guest.thaw", R"({"token":"01J9ZQ4C8Y5T3M2K1H0G9F8E7D","gently":true})"), Sender::broker));
}

TEST(Codec, TheIdIsKnownEvenWhenTheRestIsWrong) {
  std::optional<std::uint64_t> id;
  EXPECT_FALSE(decode_request(call("clone.create", "{}"), Sender::guest, &id));
  EXPECT_EQ(id, 7u);
}

TEST(Codec, ErrorsArriveAsTheyWereSent) {
  const Error sent{Errc::no_space, "cannot copy 'pos1-root': pool vg0/pool is 97 % full", "vg0/pool"};
  const auto received = decode_response<FamilyShow>(encode_error(3, sent));
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error(), sent);
}

TEST(Codec, AnErrorOfANewerPeerIsInternal) {
  const auto received = decode_response<FamilyShow>(R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"m","data":{"code":"brand-new","message":"m"}}})");
  ASSERT_FALSE(received);
  EXPECT_EQ(received.error().code, Errc::internal);
}

TEST(Codec, ForeignResponsesAreErrorsNotCrashes) {
  for (const char* text : {R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"result":1,"error":2})", R"({"jsonrpc":"2.0","id":1,"result":[]})",
                           R"({"jsonrpc":"2.0","id":1,"error":"no"})", R"({"jsonrpc":"2.0","id":1,"error":{"data":[]}})", "7"}) {
    EXPECT_FALSE(decode_response<FamilyShow>(text)) << text;
  }
}

TEST(Codec, ReencodedResponsesHoldNothingElse) {
  EXPECT_EQ(reencode_response(R"({ "id":4, "result":{"a":1}, "jsonrpc":"2.0", "extra":"x" })").value(), R"({"jsonrpc":"2.0","id":4,"result":{"a":1}})");
  EXPECT_FALSE(reencode_response(R"({"jsonrpc":"2.0","id":4,"method":"family.show"})"));
}

TEST(Codec, ALongErrorIsCut) {
  const std::string text = encode_error(1, Error{Errc::internal, std::string(100'000, 'x')});
  EXPECT_LT(text.size(), 4096u);
}

TEST(Codec, ALongErrorIsCutBetweenLetters) {
  std::string message(k_longest_text - 1, 'a');
  message += "✓ and more";
  const auto decoded = decode_response<CloneList>(encode_error(1, Error{Errc::storage, message, message}));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().message, std::string(k_longest_text - 1, 'a'));
  EXPECT_EQ(decoded.error().place, std::string(k_longest_text - 1, 'a'));
}

TEST(Codec, AnIncomingRequestIsDecoded) {
  const auto incoming = decode_incoming(R"({"jsonrpc":"2.0","id":7,"method":"family.show","params":{}})", Sender::guest);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming.value().id, 7u);
  ASSERT_TRUE(incoming.value().request);
  EXPECT_TRUE(std::holds_alternative<FamilyShow>(incoming.value().request->method));
}

TEST(Codec, OfAnIncomingResponseThereIsTheIdOnly) {
  std::optional<std::uint64_t> id;
  const auto incoming = decode_incoming(R"({"jsonrpc":"2.0","id":7,"result":{"anything":[1,2]}})", Sender::guest, &id);
  ASSERT_TRUE(incoming);
  EXPECT_EQ(incoming.value().id, 7u);
  EXPECT_FALSE(incoming.value().request);
  EXPECT_FALSE(id);  // nothing is to be answered
}

TEST(Codec, AnIncomingRequestThatIsWrongCanBeAnswered) {
  std::optional<std::uint64_t> id;
  const auto incoming = decode_incoming(R"({"jsonrpc":"2.0","id":7,"method":"no.such","params":{}})", Sender::guest, &id);
  ASSERT_FALSE(incoming);
  EXPECT_EQ(incoming.error().code, Errc::unknown_method);
  EXPECT_EQ(id, 7u);
}

}  // namespace
}  // namespace zynclone::protocol
