#include "system/size.hpp"

#include <gtest/gtest.h>

namespace zynclone {
namespace {

TEST(Size, IsRoundedToOneDecimal) {
  EXPECT_EQ(size_text(0), "0 bytes");
  EXPECT_EQ(size_text(1023), "1023 bytes");
  EXPECT_EQ(size_text(1024), "1 KiB");
  EXPECT_EQ(size_text(1536), "1.5 KiB");
  EXPECT_EQ(size_text((1ull << 30) - 1), "1 GiB");
  EXPECT_EQ(size_text(~0ull), "16 EiB");
}

}  // namespace
}  // namespace zynclone
