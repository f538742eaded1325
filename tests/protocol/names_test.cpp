#include "protocol/names.hpp"

#include <gtest/gtest.h>

namespace zynclone {
namespace {

using namespace std::string_literals;

TEST(Names, OrdinaryNamesAreTaken) {
  for (const char* text : {"a", "pos1", "upgrade-1", "A.b_c-9", "0"}) {
    EXPECT_EQ(VmName::parse(text).value().text(), text);
  }
  EXPECT_TRUE(VmName::parse(std::string(63, 'x')));
}

TEST(Names, WhatCouldLeaveAPathOrAnArgumentIsRefused) {
  for (const std::string& text : {""s, "."s, ".."s, "-rf"s, "_x"s, "a/b"s, "../etc"s, "a b"s, "a\nb"s, "a\0b"s, "ä"s, "a$b"s, "a\""s, std::string(64, 'x')}) {
    const auto parsed = CloneName::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, Errc::invalid_argument);
    EXPECT_NE(parsed.error().message.find("allowed are"), std::string::npos);
  }
}

TEST(Names, ErrorsShowNoControlCharacters) {
  const auto parsed = VmName::parse("x\x1b[31m");
  ASSERT_FALSE(parsed);
  EXPECT_NE(parsed.error().message.find("x\\x1b[31m"), std::string::npos);
}

TEST(OperationIds, SortByTimeAndDiffer) {
  const auto now = std::chrono::system_clock::now();
  const auto first = make_operation_id(now);
  const auto second = make_operation_id(now + std::chrono::milliseconds(1));
  EXPECT_EQ(first.text().size(), 26u);
  EXPECT_LT(first, second);
  EXPECT_NE(make_operation_id(now), make_operation_id(now));
}

TEST(Uuids, AreKeptInLowerCase) {
  EXPECT_EQ(Uuid::parse("0A1B2C3D-0000-4000-8000-ABCDEF012345").value().text(), "0a1b2c3d-0000-4000-8000-abcdef012345");
  for (const char* text : {"", "0a1b2c3d", "0a1b2c3d-0000-4000-8000-abcdef01234g", "0a1b2c3d-0000-4000-8000-abcdef0123456"}) {
    EXPECT_FALSE(Uuid::parse(text)) << text;
  }
}

TEST(Uuids, DerivedOnesDependOnTheSeedOnly) {
  EXPECT_EQ(Uuid::derived("a"), Uuid::derived("a"));
  EXPECT_NE(Uuid::derived("a"), Uuid::derived("b"));
  EXPECT_EQ(Uuid::derived("a").text()[14], '8');
  EXPECT_EQ(Uuid::random().text()[14], '4');
  EXPECT_NE(Uuid::random(), Uuid::random());
}

TEST(MacAddresses, DerivedOnesAreInXensRange) {
  EXPECT_EQ(MacAddress::derived("a").text().substr(0, 9), "00:16:3e:");
  EXPECT_EQ(MacAddress::parse("00:16:3E:0A:0b:0c").value().text(), "00:16:3e:0a:0b:0c");
  EXPECT_FALSE(MacAddress::parse("00-16-3e-00-00-00"));
}

TEST(VifMasks, InterfacesAboveTheMaskMayNotSpeak) {
  const VifMask mask{0b101};
  EXPECT_TRUE(mask.allows(0));
  EXPECT_FALSE(mask.allows(1));
  EXPECT_TRUE(mask.allows(2));
  EXPECT_FALSE(VifMask{~0ull}.allows(64));
}

TEST(Times, AreWrittenAndReadAlike) {
  const Timestamp time(std::chrono::milliseconds(1'700'000'000'123));
  EXPECT_EQ(to_rfc3339(time), "2023-11-14T22:13:20.123Z");
  EXPECT_EQ(parse_rfc3339("2023-11-14T22:13:20.123Z").value(), time);
  for (const char* text : {"", "2023-11-14", "2023-02-30T00:00:00.000Z", "2023-11-14T24:00:00.000Z", "2023-11-14T22:13:20.123+01:00"}) {
    EXPECT_FALSE(parse_rfc3339(text)) << text;
  }
}

TEST(Sha256, IsTheStandards) {
  // FIPS 180-4, example of "abc".
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(CutText, NeverWithinALetter) {
  EXPECT_EQ(cut_text("abc", 3), "abc");
  EXPECT_EQ(cut_text("abcd", 3), "abc");
  EXPECT_EQ(cut_text("ab✓", 5), "ab✓");
  EXPECT_EQ(cut_text("ab✓", 4), "ab");
  EXPECT_EQ(cut_text("ab✓", 3), "ab");
  EXPECT_EQ(cut_text("\xf0\x9f\x90\xa7", 3), "");
  EXPECT_EQ(cut_text("\x80\x80\x80\x80\x80\x80\x80", 6).size(), 6u) << "no UTF-8 at all";
}

TEST(Printable, TerminalsAreNotControlled) {
  EXPECT_EQ(printable("plain, ünïcode ✓"), "plain, ünïcode ✓");
  EXPECT_EQ(printable("\x1b]0;x\x07"), "\\x1b]0;x\\x07");
  EXPECT_EQ(printable("a\nb\tc"), "a\\x0ab\\x09c");
  EXPECT_EQ(printable("\xff\xc0\x80"), "\\xff\\xc0\\x80");
  EXPECT_EQ(printable("\xe2\x80\xae" "x"), "\\xe2\\x80\\xaex");  // right-to-left override
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");        // a surrogate
  EXPECT_EQ(printable("\xe2\x80"), "\\xe2\\x80");                 // cut short
}

}  // namespace
}  // namespace zynclone
