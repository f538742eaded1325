#include "system/trusted_file.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "system/file.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone {
namespace {

class TrustedFile : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(write_file_whole(path_, "text", 0644)); }
  tests::TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_.path() / "a.conf";
};

TEST_F(TrustedFile, IsRead) { EXPECT_EQ(read_trusted_file(path_, 4).value(), "text"); }

TEST_F(TrustedFile, MayBeReadThroughALink) {
  std::filesystem::create_symlink(path_, folder_.path() / "link");
  EXPECT_EQ(read_trusted_file(folder_.path() / "link", 4).value(), "text");
}

TEST_F(TrustedFile, ThatOthersMayWriteIsRefused) {
  for (mode_t mode : {0664, 0646, 0666}) {
    ASSERT_EQ(::chmod(path_.c_str(), mode), 0);
    auto read = read_trusted_file(path_, 100);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, Errc::configuration);
    EXPECT_NE(read.error().message.find("chmod go-w"), std::string::npos) << read.error().message;
  }
}

TEST_F(TrustedFile, OfAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to give a file away";
  ASSERT_EQ(::chown(path_.c_str(), 4711, 0), 0);
  auto read = read_trusted_file(path_, 100);
  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("user 4711"), std::string::npos) << read.error().message;
}

TEST_F(TrustedFile, SaysWhatIsWrongWithAPath) {
  EXPECT_EQ(read_trusted_file(folder_.path() / "none", 100).error().code, Errc::not_found);
  EXPECT_EQ(read_trusted_file(folder_.path(), 100).error().code, Errc::configuration);
  EXPECT_EQ(read_trusted_file(path_, 3).error().code, Errc::too_large);
}

}  // namespace
}  // namespace zynclone
