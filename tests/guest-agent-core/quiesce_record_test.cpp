#include "guest-agent-core/quiesce_record.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"

namespace zynclone::tests {
namespace {

TEST(QuiesceRecord, ReadsBackWhatWasWritten) {
  const QuiesceRecord record{operation_number(7), {"/srv", "/var/lib/pos data"}};
  const auto read = decode_quiesce_record(encode_quiesce_record(record));
  ASSERT_OK(read);
  EXPECT_EQ(read.value().token, record.token);
  EXPECT_EQ(read.value().mounts, record.mounts);
}

TEST(QuiesceRecord, RefusesWhatItDidNotWrite) {
  EXPECT_FAILS(decode_quiesce_record(""), Errc::malformed);
  EXPECT_FAILS(decode_quiesce_record("mount=/srv\n"), Errc::malformed);
  EXPECT_FAILS(decode_quiesce_record("token=01J00000000000000000000007\nmount=/sr"), Errc::malformed);
  EXPECT_FAILS(decode_quiesce_record("token=01J00000000000000000000007\nunknown=1\n"), Errc::malformed);
  EXPECT_FALSE(decode_quiesce_record("token=../x\n"));
}

}  // namespace
}  // namespace zynclone::tests
