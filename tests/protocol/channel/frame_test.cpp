#include "protocol/channel/frame.hpp"

#include <gtest/gtest.h>

#include <random>

namespace zynclone::channel {
namespace {

constexpr std::size_t k_longest = 300;

struct Frames {
  std::vector<std::string> messages;   // "!" for an empty one
  std::optional<Errc> end;
  friend bool operator==(const Frames&, const Frames&) = default;
};

// Reads a stream that arrives in these pieces, as a conversation does.
Frames read_all(Framing framing, const std::vector<std::string>& pieces, std::size_t longest = k_longest) {
  FrameReader reader(framing, longest);
  Frames reading;
  for (const std::string& piece : pieces) {
    auto fed = reader.feed(piece);
    if (!fed) {
      reading.end = fed.error().code;
      return reading;
    }
    for (;;) {
      auto message = reader.next();
      if (!message && message.error().code == Errc::malformed) {
        reading.messages.push_back("!");
        continue;
      }
      if (!message) {
        reading.end = message.error().code;
        return reading;
      }
      if (!message.value()) break;
      reading.messages.push_back(*message.value());
    }
  }
  return reading;
}

std::string header(std::uint32_t length) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>((length >> shift) & 0xff));
  return bytes;
}

std::vector<std::string> split(const std::string& stream, std::mt19937& random, std::size_t longest_piece) {
  std::vector<std::string> pieces;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t size = std::uniform_int_distribution<std::size_t>(0, longest_piece)(random);
    pieces.push_back(stream.substr(at, size));
    at += pieces.back().size();
  }
  return pieces;
}

std::string random_stream(Framing framing, std::mt19937& random) {
  std::string stream;
  for (int count = 0; count < 12; ++count) {
    std::size_t size = std::uniform_int_distribution<std::size_t>(0, k_longest)(random);
    if (count % 5 == 0) size = count % 2 == 0 ? k_longest : 0;
    std::string message;
    for (std::size_t i = 0; i < size; ++i) message.push_back(static_cast<char>(std::uniform_int_distribution<int>(0, 255)(random)));
    if (framing == Framing::line) {
      std::erase(message, '\n');
      stream += message + "\n";
    } else {
      stream += header(static_cast<std::uint32_t>(message.size())) + message;
    }
  }
  return stream;
}

class AnyFraming : public testing::TestWithParam<Framing> {};
INSTANTIATE_TEST_SUITE_P(Framings, AnyFraming, testing::Values(Framing::length, Framing::line));

TEST_P(AnyFraming, AnySplitGivesTheSameMessages) {
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    const std::string stream = random_stream(GetParam(), random);
    const Frames whole = read_all(GetParam(), {stream});
    EXPECT_EQ(whole.messages.size(), 12u);
    for (const std::size_t longest_piece : {1u, 3u, 5u, 64u, 1000u}) {
      EXPECT_EQ(read_all(GetParam(), split(stream, random, longest_piece)), whole);
    }
  }
}

TEST_P(AnyFraming, AnySplitGivesTheSameErrorAfterTheSameMessages) {
  std::mt19937 random(8);
  const std::string message = frame(GetParam(), "good", k_longest).value();
  const std::string too_long = GetParam() == Framing::length ? header(k_longest + 1) : std::string(k_longest + 1, 'x');
  const std::string stream = message + message + too_long + message;
  const Frames expected{.messages = {"good", "good"}, .end = Errc::too_large};
  EXPECT_EQ(read_all(GetParam(), {stream}), expected);
  for (const std::size_t longest_piece : {1u, 2u, 7u, 500u}) {
    EXPECT_EQ(read_all(GetParam(), split(stream, random, longest_piece)), expected);
  }
}

TEST_P(AnyFraming, WhatFrameWritesIsRead) {
  for (const std::size_t size : {std::size_t{1}, std::size_t{2}, k_longest - 1, k_longest}) {
    const std::string message(size, 'm');
    EXPECT_EQ(read_all(GetParam(), {frame(GetParam(), message, k_longest).value()}).messages, std::vector<std::string>{message});
  }
}

TEST_P(AnyFraming, FrameRefusesWhatTheReaderWould) {
  EXPECT_EQ(frame(GetParam(), std::string(k_longest + 1, 'm'), k_longest).error().code, Errc::too_large);
  EXPECT_EQ(frame(GetParam(), "", k_longest).error().code, Errc::malformed);
}

TEST_P(AnyFraming, EmptyMessageIsMalformedAndTheNextIsRead) {
  const std::string empty = GetParam() == Framing::length ? header(0) : "\n";
  const std::string good = frame(GetParam(), "good", k_longest).value();
  EXPECT_EQ(read_all(GetParam(), {empty + good}).messages, (std::vector<std::string>{"!", "good"}));
}

TEST_P(AnyFraming, HasPartTellsAMessageThatIsNotWhole) {
  FrameReader reader(GetParam(), k_longest);
  EXPECT_FALSE(reader.has_part());
  const std::string good = frame(GetParam(), "good", k_longest).value();
  ASSERT_TRUE(reader.feed(good + good.substr(0, 2)));
  ASSERT_TRUE(reader.next().value());
  EXPECT_FALSE(reader.next().value());
  EXPECT_TRUE(reader.has_part());
  ASSERT_TRUE(reader.feed(good.substr(2)));
  ASSERT_TRUE(reader.next().value());
  EXPECT_FALSE(reader.next().value());
  EXPECT_FALSE(reader.has_part());
}

TEST(FrameByLength, HugeLengthsAreRefusedAtTheHeader) {
  for (const std::uint32_t length : {static_cast<std::uint32_t>(k_longest + 1), 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    FrameReader reader(Framing::length, k_longest);
    ASSERT_TRUE(reader.feed(header(length).substr(0, 3)));
    EXPECT_FALSE(reader.next().value());
    auto fed = reader.feed(header(length).substr(3));
    ASSERT_FALSE(fed) << length;
    EXPECT_EQ(fed.error().code, Errc::too_large);
    EXPECT_NE(fed.error().message.find(std::to_string(length)), std::string::npos);
    EXPECT_EQ(reader.next().error().code, Errc::too_large);
  }
}

TEST(FrameByLength, LengthIsLittleEndian) {
  EXPECT_EQ(frame(Framing::length, std::string(258, 'x'), k_longest).value().substr(0, 4), std::string("\x02\x01\x00\x00", 4));
}

TEST(FrameByLength, MessageMayHoldAnyByte) {
  const std::string message("\n\0\xff\n", 4);
  EXPECT_EQ(read_all(Framing::length, {frame(Framing::length, message, k_longest).value()}).messages, std::vector<std::string>{message});
}

TEST(FrameByLine, LineBreakInAMessageIsRefused) {
  EXPECT_EQ(frame(Framing::line, "a\nb", k_longest).error().code, Errc::malformed);
}

TEST(FrameByLine, TooLongIsRefusedBeforeItsEnd) {
  FrameReader reader(Framing::line, k_longest);
  ASSERT_TRUE(reader.feed(std::string(k_longest, 'x')));
  EXPECT_FALSE(reader.next().value());
  EXPECT_EQ(reader.feed("x").error().code, Errc::too_large);
}

}  // namespace
}  // namespace zynclone::channel
