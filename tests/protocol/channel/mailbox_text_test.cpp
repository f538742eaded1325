#include "protocol/channel/mailbox_text.hpp"

#include <gtest/gtest.h>

namespace zynclone::channel {
namespace {

const std::string k_connection = "0123456789abcdef.fedcba9876543210";

TEST(MailboxText, Base64OfRfc4648) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},         {"f", "Zg=="},     {"fo", "Zm8="},        {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : vectors) {
    EXPECT_EQ(to_base64(bytes), text);
    EXPECT_EQ(from_base64(text).value(), bytes);
  }
}

TEST(MailboxText, Base64OfEveryByte) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes.push_back(static_cast<char>(i));
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    EXPECT_EQ(from_base64(to_base64(bytes.substr(0, size))).value(), bytes.substr(0, size));
  }
}

TEST(MailboxText, Base64ThatIsNoneIsRefused) {
  for (const char* text : {"Z", "Zg", "Zg=", "Z===", "====", "Zg==Zg==", "Zm9v\n", "Zm 9v", "Zm9-", "Zh==", "Zm9=", "=Zg=", "Zg=v"}) {
    EXPECT_FALSE(from_base64(text)) << text;
  }
}

TEST(MailboxText, FragmentIsReadAsWritten) {
  const Fragment fragment{.connection = k_connection, .number = 42, .bytes = std::string("\0\xff\n ", 4)};
  auto read = parse_fragment(to_text(fragment));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read.value().connection, fragment.connection);
  EXPECT_EQ(read.value().number, 42u);
  EXPECT_EQ(read.value().bytes, fragment.bytes);
}

TEST(MailboxText, LongestFragmentFitsANode) {
  const std::string text = to_text({.connection = k_connection, .number = ~0ull, .bytes = std::string(k_longest_fragment, 'x')});
  EXPECT_LE(text.size(), 2048u);
  EXPECT_TRUE(parse_fragment(text));
}

TEST(MailboxText, BadFragmentsAreMalformed) {
  const std::string bytes = to_base64("x");
  for (const std::string& text :
       {std::string(), std::string(" "), k_connection, k_connection + " 1", k_connection + " 1 ", k_connection + " one " + bytes,
        k_connection + " -1 " + bytes, k_connection + " 18446744073709551616 " + bytes, k_connection + "  " + bytes,
        k_connection + " 1 !!!!", "short.fedcba9876543210 1 " + bytes, "0123456789abcdef 1 " + bytes, "0123456789ABCDEF.fedcba9876543210 1 " + bytes,
        k_connection + " 1 " + to_base64(std::string(k_longest_fragment + 1, 'x')), k_connection + " 1 " + std::string(4000, 'A')}) {
    auto fragment = parse_fragment(text);
    ASSERT_FALSE(fragment) << text;
    EXPECT_EQ(fragment.error().code, Errc::malformed);
  }
}

TEST(MailboxText, AcknowledgementHasNoBytes) {
  EXPECT_EQ(parse_acknowledgement(k_connection + " 7").value().number, 7u);
  EXPECT_FALSE(parse_acknowledgement(k_connection + " 7 Zg=="));
  EXPECT_FALSE(parse_acknowledgement(k_connection + " 7 "));
  EXPECT_FALSE(parse_acknowledgement("7"));
}

TEST(MailboxText, RandomIdsAreIds) {
  EXPECT_TRUE(is_mailbox_id(random_mailbox_id()));
  EXPECT_NE(random_mailbox_id(), random_mailbox_id());
  for (const char* text : {"", "0123456789abcde", "0123456789abcdef0", "0123456789abcdeg", "0123456789abcde/"}) EXPECT_FALSE(is_mailbox_id(text)) << text;
}

}  // namespace
}  // namespace zynclone::channel
