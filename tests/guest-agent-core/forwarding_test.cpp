#include "guest-agent-core/forwarding.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

LocalCaller caller(Rights rights) {
  return LocalCaller{"uid 1000", "zynclone", [rights] { return rights; }};
}

TEST(Forwarding, AnyoneMayRead) {
  const LocalCaller reader = caller(Rights::read);
  EXPECT_OK(check_rights(reader, protocol::FamilyShow{}));
  EXPECT_OK(check_rights(reader, protocol::CloneList{}));
  EXPECT_OK(check_rights(reader, protocol::OperationWatch{}));
}

TEST(Forwarding, WhatChangesSomethingNeedsTheGroup) {
  const LocalCaller reader = caller(Rights::read);
  for (const protocol::Method& method :
       {protocol::Method(protocol::CloneCreate{}), protocol::Method(protocol::CloneStart{}), protocol::Method(protocol::CloneStop{}),
        protocol::Method(protocol::CloneActivate{}), protocol::Method(protocol::CloneDeactivate{}),
        protocol::Method(protocol::CloneRemove{}), protocol::Method(protocol::CloneRename{}),
        protocol::Method(protocol::OperationCancel{})}) {
    const auto refused = check_rights(reader, method);
    ASSERT_FAILS(refused, Errc::refused) << protocol::method_name(method);
    EXPECT_NE(refused.error().message.find("uid 1000 is not in the group 'zynclone'"), std::string::npos) << refused.error().message;
    EXPECT_OK(check_rights(caller(Rights::change), method));
  }
}

}  // namespace
}  // namespace zynclone::tests
