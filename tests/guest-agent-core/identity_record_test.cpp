#include "guest-agent-core/identity_record.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

TEST(IdentityRecord, IsReadAsItWasWritten) {
  const IdentityRecord record{operation_number(3), 6};
  const auto read = decode_identity_record(encode_identity_record(record));
  ASSERT_OK(read);
  EXPECT_EQ(read.value(), record);
}

TEST(IdentityRecord, WhatIsNotWholeIsRefused) {
  const std::string token = "token=" + operation_number(3).text() + "\n";
  const std::vector<std::string> texts{"",         "\n",         token,        "hooks=6\n",           token + "hooks=6", token + "hooks=\n", token + "hooks=-1\n",
                                       token + "hooks=6x\n", token + "hooks=99999999999\n", token + "hooks=6\nmore=1\n", "token=no id\nhooks=6\n"};
  for (const std::string& text : texts) EXPECT_FAILS(decode_identity_record(text), text.find("no id") == std::string::npos ? Errc::malformed : Errc::invalid_argument) << text;
}

}  // namespace
}  // namespace zynclone::tests
