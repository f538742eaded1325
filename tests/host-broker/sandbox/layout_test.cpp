#include "host-broker/sandbox/layout.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::sandbox {
namespace {

TEST(Layout, IsAbsoluteAndHasNoSlashAtItsEnd) {
  EXPECT_EQ(Layout::of("/tmp/x/").value().folder(), "/tmp/x");
  EXPECT_EQ(Layout::of("x/../y").value().folder(), std::filesystem::current_path() / "y");
}

TEST(Layout, PathsOfSocketsMustFit) {
  EXPECT_FAILS(Layout::of("/" + std::string(80, 'x')), Errc::invalid_argument);
  EXPECT_FAILS(Layout::of("/tmp/a b"), Errc::invalid_argument);
  EXPECT_FAILS(Layout::of("/tmp/a\nb"), Errc::invalid_argument);
  EXPECT_FAILS(Layout::of(""), Errc::invalid_argument);
}

TEST(Layout, PreparesFoldersForThisUserOnly) {
  const tests::TemporaryFolder folder;
  const auto layout = Layout::of(folder / "sandbox").value();
  ASSERT_OK(layout.prepare());
  ASSERT_OK(layout.prepare()) << "again";
  struct stat status {};
  ASSERT_EQ(::stat(layout.folder().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_TRUE(std::filesystem::is_directory(layout.clone_folder() / "guest"));
  EXPECT_TRUE(std::filesystem::is_directory(layout.configuration() / "policy.d"));
}

TEST(Layout, AFileInTheWayIsAnError) {
  const tests::TemporaryFolder folder;
  const auto layout = Layout::of(folder.write("file", "")).value();
  EXPECT_FAILS(layout.prepare(), Errc::system);
}

}  // namespace
}  // namespace zynclone::sandbox
