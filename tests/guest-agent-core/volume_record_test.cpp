#include "guest-agent-core/volume_record.hpp"

#include "tests/support/result_matchers.hpp"

namespace zynclone::agent {
namespace {

VolumeRecord sample() {
  return {.token = 18446744073709551615ull, .change = VolumeChange::release, .is_done = true, .device = "xvds", .hooks = 3, .was_mounted = true};
}

TEST(VolumeRecord, SurvivesItsText) {
  const std::string text = encode_volume_record(sample());
  EXPECT_EQ(text, "token=18446744073709551615\nchange=release\ndone=yes\ndevice=xvds\nhooks=3\nwas_mounted=yes\n");
  const auto decoded = decode_volume_record(text);
  ASSERT_OK(decoded);
  EXPECT_EQ(decoded.value(), sample());
  const VolumeRecord begun{.token = 1, .change = VolumeChange::acquire, .device = "xvdt"};
  EXPECT_EQ(decode_volume_record(encode_volume_record(begun)).value(), begun);
}

TEST(VolumeRecord, WhatIsNoneIsRefused) {
  for (const std::string text : {"", "token=5\n", "device=xvds", "device=../x\n", "device=xvds\ntoken=-1\n", "device=xvds\ntoken=1x\n",
                                 "device=xvds\ndone=perhaps\n", "device=xvds\nchange=steal\n", "device=xvds\nmore=1\n", "device=xvds\n\n",
                                 "device=xvds\ntoken=18446744073709551616\n"}) {
    EXPECT_FAILS(decode_volume_record(text), Errc::malformed) << text;
  }
}

}  // namespace
}  // namespace zynclone::agent
