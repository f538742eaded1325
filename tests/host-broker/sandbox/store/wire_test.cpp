#include "host-broker/sandbox/store/wire.hpp"

#include <gtest/gtest.h>

namespace zynclone::sandbox {
namespace {

using namespace std::string_literals;

TEST(StoreWire, MessagesComeBackAsTheyWereSent) {
  StoreReader reader;
  reader.feed(encode({2, 7, 9, "path\0"s}));
  const auto message = reader.next();
  ASSERT_TRUE(message && message.value());
  EXPECT_EQ(message.value()->type, 2u);
  EXPECT_EQ(message.value()->request, 7u);
  EXPECT_EQ(message.value()->transaction, 9u);
  EXPECT_EQ(message.value()->payload, "path\0"s);
  EXPECT_FALSE(reader.next().value());
}

TEST(StoreWire, HeaderIsFourLittleWords) {
  EXPECT_EQ(encode({11, 1, 2, "ab"}), "\x0b\0\0\0\x01\0\0\0\x02\0\0\0\x02\0\0\0ab"s);
}

TEST(StoreWire, BytesMayArriveOneByOne) {
  const std::string bytes = encode({1, 2, 3, "one"}) + encode({4, 5, 6, ""});
  StoreReader reader;
  std::vector<StoreMessage> messages;
  for (const char byte : bytes) {
    reader.feed({&byte, 1});
    while (auto message = reader.next().value()) messages.push_back(*message);
  }
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0].payload, "one");
  EXPECT_EQ(messages[1].type, 4u);
}

TEST(StoreWire, TruncatedMessagesAreWaitedFor) {
  const std::string bytes = encode({1, 2, 3, "payload"});
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    StoreReader reader;
    reader.feed(std::string_view(bytes).substr(0, length));
    const auto message = reader.next();
    ASSERT_TRUE(message) << length;
    EXPECT_FALSE(message.value()) << length;
  }
}

TEST(StoreWire, LongPayloadsAreRefusedByTheirHeader) {
  StoreReader longest;
  longest.feed(encode({1, 2, 3, std::string(4096, 'a')}));
  EXPECT_TRUE(longest.next().value());

  for (const std::string& length : {"\x01\x10\0\0"s, "\xff\xff\xff\xff"s, "\0\0\0\x80"s}) {
    StoreReader reader;
    reader.feed("\x01\0\0\0\0\0\0\0\0\0\0\0"s + length);
    const auto message = reader.next();
    ASSERT_FALSE(message);
    EXPECT_EQ(message.error().code, Errc::too_large);
  }
}

}  // namespace
}  // namespace zynclone::sandbox
