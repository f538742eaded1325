#include "system/file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(File, WrittenWholeAndRead) {
  tests::TemporaryFolder folder;
  ASSERT_OK(write_file_whole(folder / "a.json", "first", 0600));
  ASSERT_OK(write_file_whole(folder / "a.json", std::string("sec\0nd", 6), 0644));
  auto text = read_file(folder / "a.json", 6);
  ASSERT_OK(text);
  EXPECT_EQ(text.value(), std::string("sec\0nd", 6));
  struct stat status {};
  ASSERT_EQ(::stat((folder / "a.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644u);
}

TEST(File, LongerThanAllowedIsTooLarge) {
  tests::TemporaryFolder folder;
  folder.write("a", std::string(100'000, 'x'));
  auto text = read_file(folder / "a", 99'999);
  ASSERT_FAILS(text, Errc::too_large);
  EXPECT_THAT(text.error().message, HasSubstr("99999 bytes"));
  EXPECT_OK(read_file(folder / "a", 100'000));
  EXPECT_FAILS(read_file("/dev/zero", 1000), Errc::too_large);
}

TEST(File, MissingIsNotFoundAndAFolderIsAnError) {
  tests::TemporaryFolder folder;
  EXPECT_FAILS(read_file(folder / "none", 10), Errc::not_found);
  EXPECT_FAILS(read_file(folder.path(), 10), Errc::system);
}

TEST(File, AFailedWriteLeavesTheOldFileAndNothingElse) {
  tests::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "a/inside");  // a folder cannot be replaced by a file
  EXPECT_FAILS(write_file_whole(folder / "a", "x"), Errc::system);
  EXPECT_FAILS(write_file_whole(folder / "none/b", "x"), Errc::not_found);
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) names.push_back(entry.path().filename());
  EXPECT_THAT(names, ElementsAre("a"));
}

TEST(File, RemovedTwiceIsNoError) {
  tests::TemporaryFolder folder;
  folder.write("a", "x");
  EXPECT_OK(remove_file(folder / "a"));
  EXPECT_OK(remove_file(folder / "a"));
  EXPECT_FALSE(std::filesystem::exists(folder / "a"));
  std::filesystem::create_directory(folder / "b");
  EXPECT_FAILS(remove_file(folder / "b"), Errc::system);
}

TEST(File, ListIsSortedAndOfRegularFilesOnly) {
  tests::TemporaryFolder folder;
  folder.write("20-b.policy", "");
  folder.write("10-a.policy", "");
  folder.write(".hidden", "");
  folder.write("old~", "");
  std::filesystem::create_directory(folder / "folder");
  auto names = list_files(folder.path());
  ASSERT_OK(names);
  EXPECT_THAT(names.value(), ElementsAre("10-a.policy", "20-b.policy"));
}

TEST(File, ListOfNoFolderIsEmptyAndOfAFileAnError) {
  tests::TemporaryFolder folder;
  auto names = list_files(folder / "none");
  ASSERT_OK(names);
  EXPECT_TRUE(names.value().empty());
  folder.write("a", "");
  EXPECT_FAILS(list_files(folder / "a"), Errc::system);
}

}  // namespace
}  // namespace zynclone
