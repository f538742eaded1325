#include "host-broker/storage/raw_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "host-broker/storage/sparse_copy.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class RawFileTest : public testing::Test {
 protected:
  RawFileTest() {
    std::ofstream(source()).close();
    std::filesystem::resize_file(source(), 256 << 20);
    std::fstream image(source(), std::ios::in | std::ios::out | std::ios::binary);
    image << std::string(100'000, 'a');
    image.seekp(128 << 20);
    image << std::string(3'000'000, 'b');
    image.seekp((256 << 20) - 1);
    image << 'z';
  }
  static struct stat status(const std::string& path) {
    struct stat result {};
    EXPECT_EQ(::stat(path.c_str(), &result), 0);
    return result;
  }
  static bool same_bytes(const std::string& a, const std::string& b) {
    std::ifstream first(a, std::ios::binary);
    std::ifstream second(b, std::ios::binary);
    std::string left(1 << 20, '\0');
    std::string right(1 << 20, '\0');
    while (first && second) {
      first.read(left.data(), 1 << 20);
      second.read(right.data(), 1 << 20);
      if (first.gcount() != second.gcount() || left != right) return false;
    }
    return first.eof() && second.eof();
  }
  std::string file(std::string_view name) const { return (folder_ / name).string(); }
  std::string source() const { return file("pos1.img"); }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) names.insert(entry.path().filename());
    return names;
  }
  SnapshotRequest request(SourceUse use = SourceUse::idle) const {
    return {.source = {VolumeFormat::raw, source()}, .name = "copy", .use = use};
  }
  static Settings settings() { return Settings{.reserve = {.files = {}}}; }

  tests::TemporaryFolder folder_;
  asio::io_context context_{1};
  asio::thread_pool pool_{1};
  RawFile storage_{settings(), pool_, pool_};
};

TEST_F(RawFileTest, TheCopyHasTheSameBytesAndHoles) {
  ASSERT_EQ(::chmod(source().c_str(), 0640), 0);
  auto made = tests::run_on(context_, storage_.snapshot(request()));
  ASSERT_OK(made);
  EXPECT_EQ(made.value().volume, (Volume{VolumeFormat::raw, file("copy")}));
  EXPECT_THAT(made.value().kind, testing::AnyOf("sparse copy", "reflink"));
  EXPECT_EQ(made.value().size, 256u << 20);
  EXPECT_TRUE(same_bytes(source(), file("copy")));
  EXPECT_LT(status(file("copy")).st_blocks * 512, 8 << 20);
  EXPECT_EQ(status(file("copy")).st_mode, status(source()).st_mode);
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.img", "copy"));
}

TEST_F(RawFileTest, ADiskInUseIsNotCopiedBlockByBlock) {
  if (can_reflink(source(), folder_.path())) GTEST_SKIP() << "copies by reflink are of one instant";
  EXPECT_FAILS(tests::run_on(context_, storage_.check_room(request().source, SourceUse::in_use)), Errc::conflict);
  auto made = tests::run_on(context_, storage_.snapshot(request(SourceUse::in_use)));
  ASSERT_FAILS(made, Errc::conflict);
  EXPECT_THAT(made.error().message, HasSubstr("would not be of one instant; shut the VM down and use mode offline"));
  EXPECT_THAT(files(), ElementsAre("pos1.img"));
}

TEST_F(RawFileTest, CopyingTellsHowFarItHasCome) {
  if (can_reflink(source(), folder_.path())) GTEST_SKIP() << "a reflink has nothing to measure";
  {
    std::ofstream all(source(), std::ios::binary | std::ios::trunc);
    all << std::string(64 << 20, 'x');
  }
  std::vector<unsigned> percents;
  SnapshotRequest wanted = request();
  wanted.progress = [&](unsigned percent) { percents.push_back(percent); };
  ASSERT_OK(tests::run_on(context_, storage_.snapshot(wanted)));
  EXPECT_THAT(percents, ElementsAre(25, 50, 75)) << "once a chunk of 16 MiB";
}

TEST_F(RawFileTest, AnUnfinishedCopyIsNoneAndIsMadeAnew) {
  folder_.write("copy.part", "half");
  auto found = tests::run_on(context_, storage_.find_snapshot(request()));
  ASSERT_OK(found);
  EXPECT_FALSE(found.value().has_value());
  ASSERT_OK(tests::run_on(context_, storage_.snapshot(request())));
  EXPECT_TRUE(same_bytes(source(), file("copy")));
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.img", "copy"));
}

TEST_F(RawFileTest, RemoveTakesTheUnfinishedToo) {
  folder_.write("copy.part", "half");
  ASSERT_OK(tests::run_on(context_, storage_.remove(request())));
  EXPECT_THAT(files(), ElementsAre("pos1.img"));
}

TEST_F(RawFileTest, WithoutRoomNothingIsMade) {
  Settings tight = settings();
  tight.reserve.files = {.percent = 100};
  RawFile storage(tight, pool_, pool_);
  EXPECT_FAILS(tests::run_on(context_, storage.check_room(request().source, SourceUse::idle)), Errc::no_space);
  EXPECT_FAILS(tests::run_on(context_, storage.snapshot(request())), Errc::no_space);
  EXPECT_THAT(files(), ElementsAre("pos1.img"));
}

TEST_F(RawFileTest, AFileThatIsLargerThanItsFileSystemNeedsOnlyWhatItHolds) {
  std::filesystem::resize_file(source(), 1ull << 40);
  EXPECT_OK(tests::run_on(context_, storage_.check_room(request().source, SourceUse::idle)));
  ASSERT_OK(tests::run_on(context_, storage_.snapshot(request())));
  EXPECT_EQ(status(file("copy")).st_size, 1ll << 40);
}

TEST_F(RawFileTest, OnlyRegularFilesAreCopied) {
  std::filesystem::create_directory(folder_ / "folder");
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  for (const std::string& path : {file("folder"), file("fifo"), std::string("/dev/null")}) {
    SnapshotRequest wanted = request();
    wanted.source.path = path;
    EXPECT_FAILS(tests::run_on(context_, storage_.check_room(wanted.source, SourceUse::idle)), Errc::storage) << path;
    if (path.starts_with(folder_.path().string())) {
      EXPECT_FAILS(tests::run_on(context_, storage_.snapshot(wanted)), Errc::storage) << path;
    }
  }
}

TEST_F(RawFileTest, BlockDevicesAreRefusedWithTheReason) {
  if (::mknod(file("device").c_str(), S_IFBLK | 0600, makedev(7, 99)) != 0) GTEST_SKIP() << "no right to make a device node";
  auto room = tests::run_on(context_, storage_.check_room({VolumeFormat::raw, file("device")}, SourceUse::idle));
  ASSERT_FAILS(room, Errc::storage);
  EXPECT_THAT(room.error().message, HasSubstr("only thin logical volumes"));
}

TEST_F(RawFileTest, TheSourceIsNeverTakenForACopy) {
  SnapshotRequest wanted = request();
  wanted.name = "pos1.img";
  EXPECT_FAILS(tests::run_on(context_, storage_.snapshot(wanted)), Errc::storage);
  EXPECT_FAILS(tests::run_on(context_, storage_.remove(wanted)), Errc::storage);
  std::filesystem::create_directory(folder_ / "copy");
  EXPECT_FAILS(tests::run_on(context_, storage_.snapshot(request())), Errc::storage);
  EXPECT_FAILS(tests::run_on(context_, storage_.remove(request())), Errc::storage);
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.img", "copy"));
}

TEST_F(RawFileTest, HostileNamesAreRefused) {
  for (const std::string& name : {std::string(), std::string("../copy"), std::string("-copy"), std::string("a\0b", 3), std::string(121, 'x')}) {
    SnapshotRequest wanted = request();
    wanted.name = name;
    EXPECT_FAILS(tests::run_on(context_, storage_.snapshot(wanted)), Errc::invalid_argument) << name;
    EXPECT_FAILS(tests::run_on(context_, storage_.remove(wanted)), Errc::invalid_argument) << name;
  }
}

TEST_F(RawFileTest, AStoppedCopyEnds) {
  if (can_reflink(source(), folder_.path())) GTEST_SKIP() << "a reflink is over at once";
  const std::atomic<bool> stop = true;
  EXPECT_FAILS(copy_image(source(), file("copy"), CopyControl{stop, {}}), Errc::cancelled);
}

// /dev/shm is another file system than /tmp on most machines, so the kernel may refuse to copy between them.
TEST_F(RawFileTest, CopiesBetweenFileSystems) {
  std::string folder = "/dev/shm/zynclone-test-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) GTEST_SKIP() << "no /dev/shm to write to";
  const std::atomic<bool> stop = false;
  const auto copied = copy_image(source(), folder + "/copy", CopyControl{stop, {}});
  EXPECT_OK(copied);
  EXPECT_TRUE(same_bytes(source(), folder + "/copy"));
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace zynclone::broker::storage
