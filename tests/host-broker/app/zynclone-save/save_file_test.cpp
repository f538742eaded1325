#include "host-broker/app/zynclone-save/save_file.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstring>

namespace zynclone::broker {
namespace {

std::uint32_t number_at(const std::string& text, std::size_t place) {
  std::uint32_t value = 0;
  std::memcpy(&value, text.data() + place, sizeof value);
  return value;
}

// The bytes that `xl save` of Xen 4.17 puts there; what it wrote in the lab was the same but for the configuration.
TEST(SaveFile, BeginsAsXlsDo) {
  const std::string head = save_file_head("{}");
  ASSERT_EQ(head.size(), 32u + 4 * 4 + 4 + 3);
  EXPECT_EQ(head.substr(0, 32), std::string("Xen saved domain, xl format\n \0 \r", 32));
  EXPECT_EQ(number_at(head, 32), 0x01020304u);
  EXPECT_EQ(number_at(head, 36), 3u) << "the configuration is JSON, the stream version 2";
  EXPECT_EQ(number_at(head, 40), 0u);
  EXPECT_EQ(number_at(head, 44), 7u) << "bytes that follow";
  EXPECT_EQ(number_at(head, 48), 3u) << "the configuration with its NUL";
  EXPECT_EQ(head.substr(52), std::string("{}\0", 3));
}

}  // namespace
}  // namespace zynclone::broker
