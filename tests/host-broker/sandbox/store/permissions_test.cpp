#include "host-broker/sandbox/store/permissions.hpp"

#include <gtest/gtest.h>

namespace zynclone::sandbox {
namespace {

using namespace std::string_literals;

TEST(StorePermissions, ReadAndWrittenAsOnTheWire) {
  const auto permissions = parse_permissions("n3\0r5\0b7\0w0\0"s);
  ASSERT_TRUE(permissions);
  EXPECT_EQ(permissions.value().owner(), DomainId{3});
  EXPECT_EQ(to_strings(permissions.value()), "n3\0r5\0b7\0w0\0"s);
}

TEST(StorePermissions, BadOnesAreRefused) {
  for (const auto& text : {""s, "n"s, "n3"s, "\0"s, "x3\0"s, "n\0"s, "n3x\0"s, "n-1\0"s, "n65536\0"s, "n99999999999\0"s, "n 3\0"s, "3\0"s})
    EXPECT_FALSE(parse_permissions(text)) << text;
}

TEST(StorePermissions, OwnerAndHostMayDoAll) {
  const auto permissions = parse_permissions("n3\0"s).value();
  EXPECT_EQ(permissions.access_of({3}), k_may_read | k_may_write | k_is_owner);
  EXPECT_EQ(permissions.access_of({0}), k_may_read | k_may_write | k_is_owner);
  EXPECT_EQ(permissions.access_of({4}), k_no_access);
}

TEST(StorePermissions, NamedDomainsGetTheirsAndOthersTheDefault) {
  const auto permissions = parse_permissions("r3\0n5\0w6\0"s).value();
  EXPECT_EQ(permissions.access_of({5}), k_no_access) << "less than the default, because it is named";
  EXPECT_EQ(permissions.access_of({6}), k_may_write);
  EXPECT_EQ(permissions.access_of({8}), k_may_read);
}

TEST(StorePermissions, IgnoredEntriesGiveNothing) {
  auto permissions = parse_permissions("n3\0r5\0"s).value();
  permissions.entries[1].ignored = true;
  EXPECT_EQ(permissions.access_of({5}), k_no_access);
}

}  // namespace
}  // namespace zynclone::sandbox
