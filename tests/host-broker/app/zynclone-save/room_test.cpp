#include "host-broker/app/zynclone-save/room.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <limits>

#include "system/descriptor.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker {
namespace {

TEST(Room, IsWhatIsFreeOnTheFilesFileSystem) {
  const tests::TemporaryFolder folder;
  const Descriptor file(::open((folder / "image").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_GE(file.get(), 0);
  EXPECT_TRUE(keeps_free(file.get(), 0));
  EXPECT_TRUE(keeps_free(file.get(), 1));
  EXPECT_FALSE(keeps_free(file.get(), std::numeric_limits<std::uint64_t>::max()));
}

TEST(Room, WhereItCannotBeToldNothingIsGivenUp) { EXPECT_TRUE(keeps_free(-1, std::numeric_limits<std::uint64_t>::max())); }

}  // namespace
}  // namespace zynclone::broker
