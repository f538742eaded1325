#include "host-broker/storage/qcow2.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <fstream>
#include <set>
#include <sys/stat.h>
#include <unistd.h>

#include "host-broker/storage/file_use.hpp"
#include "host-broker/storage/qcow2_header.hpp"
#include "host-broker/storage/qcow2_layers.hpp"
#include "system/descriptor.hpp"
#include "system/process.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::storage {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr std::uint64_t k_size = 64 << 20;

class Qcow2Test : public testing::Test {
 protected:
  Qcow2Test() {
    must({"qemu-img", "create", "-q", "-f", "qcow2", source(), std::to_string(k_size)});
    write(source(), 0x11);
  }
  static void must(std::vector<std::string> arguments) { EXPECT_OK(tests::run(run_checked(std::move(arguments), Errc::storage))); }
  static void write(const std::string& image, int byte) {
    must({"qemu-io", "-f", "qcow2", "-c", "write -q -P " + std::to_string(byte) + " 0 64k", image});
  }
  static void expect_byte(const std::string& image, int byte) {
    must({"qemu-io", "-r", "-f", "qcow2", "-c", "read -q -P " + std::to_string(byte) + " 0 64k", image});
  }
  static void overlay(const std::string& image, const std::string& base) {
    must({"qemu-img", "create", "-q", "-f", "qcow2", "-u", "-b", base, "-F", "qcow2", image, std::to_string(k_size)});
  }
  static ino_t inode(const std::string& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_ino : 0;
  }

  std::string file(std::string_view name) const { return (folder_ / name).string(); }
  std::string source() const { return file("pos1.qcow2"); }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) names.insert(entry.path().filename());
    return names;
  }
  SnapshotRequest request(SourceUse use = SourceUse::idle) const {
    return {.source = {VolumeFormat::qcow2, source()}, .name = "copy", .use = use};
  }
  Result<Snapshot> snapshot(const SnapshotRequest& wanted) { return tests::run_on(context_, storage_.snapshot(wanted)); }
  Result<std::optional<Snapshot>> find(const SnapshotRequest& wanted) { return tests::run_on(context_, storage_.find_snapshot(wanted)); }
  Result<void> remove(const SnapshotRequest& wanted) { return tests::run_on(context_, storage_.remove(wanted)); }
  void expect_not_found(const SnapshotRequest& wanted) {
    auto found = find(wanted);
    ASSERT_OK(found);
    EXPECT_FALSE(found.value().has_value());
  }
  static Settings settings() { return Settings{.reserve = {.files = {}}}; }

  tests::TemporaryFolder folder_;
  asio::io_context context_{1};
  asio::thread_pool pool_{1};
  Qcow2 storage_{settings(), pool_};
};

TEST_F(Qcow2Test, CopyAndSourceStandOnTheFrozenBase) {
  const ino_t original = inode(source());
  auto made = snapshot(request());
  ASSERT_OK(made);
  EXPECT_EQ(made.value().volume.path, file("copy"));
  EXPECT_EQ(made.value().kind, "overlay");
  EXPECT_EQ(made.value().size, k_size);
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy", "copy.base"));
  EXPECT_EQ(inode(file("copy.base")), original);
  for (const std::string& layer : {source(), file("copy")}) {
    auto header = read_qcow2_header(layer);
    ASSERT_OK(header);
    EXPECT_EQ(header.value().backing, file("copy.base"));
    EXPECT_EQ(header.value().size, k_size);
    EXPECT_TRUE(header.value().nothing_written);
    must({"qemu-img", "check", "-q", layer});
    expect_byte(layer, 0x11);
  }
}

TEST_F(Qcow2Test, LayersHaveTheSourcesModeAndOwner) {
  ASSERT_EQ(::chmod(source().c_str(), 0640), 0);
  if (::geteuid() == 0) {
    ASSERT_EQ(::chown(source().c_str(), 1234, 4321), 0);
  }
  struct stat before {};
  ASSERT_EQ(::stat(source().c_str(), &before), 0);
  ASSERT_OK(snapshot(request()));
  for (const std::string& layer : {source(), file("copy")}) {
    struct stat after {};
    ASSERT_EQ(::stat(layer.c_str(), &after), 0);
    EXPECT_EQ(after.st_mode, before.st_mode);
    EXPECT_EQ(after.st_uid, before.st_uid);
    EXPECT_EQ(after.st_gid, before.st_gid);
  }
}

TEST_F(Qcow2Test, RemovedBeforeAnythingIsWrittenTheSourceIsItsOwnFileAgain) {
  const ino_t original = inode(source());
  ASSERT_OK(snapshot(request()));
  write(file("copy"), 0x33);
  ASSERT_OK(remove(request()));
  EXPECT_THAT(files(), ElementsAre("pos1.qcow2"));
  EXPECT_EQ(inode(source()), original);
  expect_byte(source(), 0x11);
}

TEST_F(Qcow2Test, RemovedAfterWritesTheSourceStaysOnItsBase) {
  ASSERT_OK(snapshot(request()));
  write(source(), 0x22);
  ASSERT_OK(remove(request()));
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy.base"));
  must({"qemu-img", "check", "-q", source()});
  expect_byte(source(), 0x22);
  EXPECT_OK(remove(request()));
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy.base"));
}

TEST_F(Qcow2Test, TheSameNameAgainIsOfTheNewInstantOnABaseOfItsOwn) {
  ASSERT_OK(snapshot(request()));
  write(source(), 0x22);
  ASSERT_OK(remove(request()));
  ASSERT_OK(snapshot(request()));
  write(source(), 0x33);
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy", "copy.base", "copy.base.2"));
  expect_byte(file("copy"), 0x22);
  expect_byte(source(), 0x33);
  ASSERT_OK(remove(request()));
  expect_byte(source(), 0x33);
}

TEST_F(Qcow2Test, ABaseOnWhichAnotherCopyStandsIsKept) {
  ASSERT_OK(snapshot(request()));
  SnapshotRequest of_copy = request();
  of_copy.source.path = file("copy");
  of_copy.name = "second";
  ASSERT_OK(snapshot(of_copy));  // a clone of the clone
  ASSERT_OK(remove(request()));
  expect_byte(file("second"), 0x11);
  expect_byte(source(), 0x11);
  ASSERT_OK(remove(of_copy));
  expect_byte(source(), 0x11);
}

// Each of the states that a crash may leave, made by hand: the copy is not there, it can be made and it can be removed.
TEST_F(Qcow2Test, EachHalfMadeStateIsKnown) {
  const ino_t original = inode(source());
  const std::vector<std::vector<std::string>> states = {{"top"}, {"part top"}, {"top", "part"}, {"top", "part", "base"}, {"top", "base", "copy"}};
  const auto make = [&](const std::vector<std::string>& state) {
    for (const std::string& step : state) {
      if (step == "part top") folder_.write("copy.top", "QFI");  // qemu-img was killed
      if (step == "top") overlay(file("copy.top"), file("copy.base"));
      if (step == "part") folder_.write("copy.part", "QF");
      if (step == "base") {
        ASSERT_EQ(::link(source().c_str(), file("copy.base").c_str()), 0);
      }
      if (step == "copy") overlay(file("copy"), file("copy.base"));
    }
  };
  for (const auto& state : states) {
    make(state);
    expect_not_found(request());
    ASSERT_OK(remove(request()));
    EXPECT_THAT(files(), ElementsAre("pos1.qcow2"));
    EXPECT_EQ(inode(source()), original);

    make(state);
    ASSERT_OK(snapshot(request()));
    EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy", "copy.base"));
    expect_byte(file("copy"), 0x11);
    expect_byte(source(), 0x11);
    ASSERT_OK(remove(request()));
    EXPECT_EQ(inode(source()), original);
  }
}

TEST_F(Qcow2Test, AStrangersFileOfTheCopysNameIsLeftAlone) {
  folder_.write("copy", "somebody's diary");
  EXPECT_FAILS(find(request()), Errc::storage);
  EXPECT_FAILS(snapshot(request()), Errc::storage);
  EXPECT_FAILS(remove(request()), Errc::storage);
  EXPECT_EQ(folder_.read("copy"), "somebody's diary");
  overlay(file("other"), source());
  std::filesystem::rename(file("other"), file("copy"));
  auto made = snapshot(request());
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("'" + file("copy") + "'"), HasSubstr("'" + source() + "'")));
  EXPECT_FAILS(remove(request()), Errc::storage);
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy"));
}

TEST_F(Qcow2Test, ACopyWhoseBaseIsGoneIsAnError) {
  ASSERT_OK(snapshot(request()));
  std::filesystem::remove(file("copy.base"));
  EXPECT_FAILS(find(request()), Errc::storage);
  EXPECT_OK(remove(request()));
}

// A writer that keeps its descriptor, as QEMU does until it is told of the new layer.
TEST_F(Qcow2Test, ASourceInUseNeedsASwitchUntilItsWriterHasTheNewTop) {
  Descriptor writer(::open(source().c_str(), O_RDWR | O_CLOEXEC));
  auto made = snapshot(request(SourceUse::in_use));
  ASSERT_OK(made);
  EXPECT_TRUE(made.value().source_needs_switch);
  expect_not_found(request(SourceUse::in_use));
  made = snapshot(request(SourceUse::in_use));
  ASSERT_OK(made);
  EXPECT_TRUE(made.value().source_needs_switch);

  Descriptor new_top(::open(source().c_str(), O_RDWR | O_CLOEXEC));
  auto found = find(request(SourceUse::in_use));
  ASSERT_OK(found);
  ASSERT_TRUE(found.value().has_value());
  EXPECT_FALSE(found.value()->source_needs_switch);
}

TEST_F(Qcow2Test, RemovedBeforeTheSwitchTheWriterHasItsFileUnderItsNameAgain) {
  const ino_t original = inode(source());
  Descriptor writer(::open(source().c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_OK(snapshot(request(SourceUse::in_use)));
  ASSERT_OK(remove(request(SourceUse::in_use)));
  EXPECT_EQ(inode(source()), original);
  EXPECT_THAT(files(), ElementsAre("pos1.qcow2"));
}

TEST_F(Qcow2Test, RemovedAfterTheSwitchTheWriterKeepsTheNewTop) {
  ASSERT_OK(snapshot(request(SourceUse::idle)));
  const ino_t top = inode(source());
  Descriptor writer(::open(source().c_str(), O_RDWR | O_CLOEXEC));  // what it has written may still be in its memory only
  ASSERT_OK(remove(request(SourceUse::in_use)));
  EXPECT_EQ(inode(source()), top);
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy.base"));
}

TEST_F(Qcow2Test, AnIdleSourceThatIsWrittenToIsAConflict) {
  Descriptor writer(::open(source().c_str(), O_RDWR | O_CLOEXEC));
  auto made = snapshot(request(SourceUse::idle));
  ASSERT_FAILS(made, Errc::conflict);
  EXPECT_THAT(files(), ElementsAre("pos1.qcow2"));
  Descriptor reader(::open(source().c_str(), O_RDONLY | O_CLOEXEC));
  writer.reset();
  EXPECT_OK(snapshot(request(SourceUse::idle)));
}

TEST_F(Qcow2Test, ALinkToTheSourceIsFollowed) {
  std::filesystem::create_directory(folder_ / "etc");
  std::filesystem::create_symlink("../pos1.qcow2", folder_ / "etc/disk");
  SnapshotRequest wanted = request();
  wanted.source.path = file("etc/disk");
  auto made = snapshot(wanted);
  ASSERT_OK(made);
  EXPECT_EQ(made.value().volume.path, file("copy"));
  EXPECT_TRUE(std::filesystem::is_symlink(file("etc/disk")));
  expect_byte(file("etc/disk"), 0x11);
  ASSERT_OK(remove(wanted));
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "etc"));
}

TEST_F(Qcow2Test, CopiesGoIntoTheFolderThatIsSet) {
  std::filesystem::create_directory(folder_ / "copies");
  Settings other = settings();
  other.copy_folder = file("copies");
  Qcow2 storage(other, pool_);
  auto made = tests::run_on(context_, storage.snapshot(request()));
  ASSERT_OK(made);
  EXPECT_EQ(made.value().volume.path, file("copies/copy"));
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copy.base", "copies"));
  expect_byte(file("copies/copy"), 0x11);
  ASSERT_OK(tests::run_on(context_, storage.remove(request())));
  EXPECT_THAT(files(), UnorderedElementsAre("pos1.qcow2", "copies"));
}

TEST_F(Qcow2Test, TooManyLayersAreRefusedWithTheWayOut) {
  std::string below = source();
  for (unsigned layer = 1; layer <= k_most_layers; ++layer) {
    const std::string next = file("layer-" + std::to_string(layer));
    overlay(next, below);
    below = next;
  }
  SnapshotRequest wanted = request();
  wanted.source.path = below;
  asio::thread_pool pool(1);
  Qcow2 storage({}, pool);
  EXPECT_EQ(tests::run_on(context_, storage.layers_of(wanted.source)).value().count, k_most_layers);
  EXPECT_EQ(tests::run_on(context_, storage.layers_of(request().source)).value().count, 0u);
  const auto before = files();
  auto made = snapshot(wanted);
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("32 layers"), HasSubstr("qemu-img convert")));
  EXPECT_EQ(files(), before);
  wanted.source.path = file("layer-" + std::to_string(k_most_layers - 1));
  EXPECT_OK(snapshot(wanted));
}

TEST_F(Qcow2Test, ARawFileMayEndTheChain) {
  folder_.write("raw", std::string(65536, '\x44'));
  must({"qemu-img", "create", "-q", "-f", "qcow2", "-b", file("raw"), "-F", "raw", file("on-raw")});
  SnapshotRequest wanted = request();
  wanted.source.path = file("on-raw");
  ASSERT_OK(snapshot(wanted));
  expect_byte(file("copy"), 0x44);
}

TEST_F(Qcow2Test, WithoutRoomNothingIsMade) {
  Settings tight = settings();
  tight.reserve.files = {.percent = 100};
  Qcow2 storage(tight, pool_);
  EXPECT_FAILS(tests::run_on(context_, storage.check_room(request().source, SourceUse::idle)), Errc::no_space);
  auto made = tests::run_on(context_, storage.snapshot(request()));
  ASSERT_FAILS(made, Errc::no_space);
  EXPECT_THAT(made.error().message, HasSubstr("must stay free"));
  EXPECT_THAT(files(), ElementsAre("pos1.qcow2"));
}

TEST_F(Qcow2Test, AFailingQemuImgLeavesNothing) {
  tests::TemporaryFolder programs;
  programs.write_program("qemu-img", "#!/bin/sh\necho half >\"${10}\"\necho 'Failed to get \"write\" lock' >&2\nexit 1\n");
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", (programs.path().string() + ":" + path).c_str(), 1);
  auto made = snapshot(request());
  ::setenv("PATH", path.c_str(), 1);
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, HasSubstr("\"write\" lock"));
  EXPECT_THAT(files(), ElementsAre("pos1.qcow2"));
}

TEST_F(Qcow2Test, WhatIsNoQcow2FileIsRefused) {
  folder_.write("empty", "");
  folder_.write("raw", std::string(1 << 20, 'x'));
  std::filesystem::create_directory(folder_ / "folder");
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  for (const char* name : {"empty", "raw", "folder", "fifo"}) {
    SnapshotRequest wanted = request();
    wanted.source.path = file(name);
    EXPECT_FAILS(snapshot(wanted), Errc::storage) << name;
    EXPECT_FAILS(tests::run_on(context_, storage_.check_room(wanted.source, SourceUse::idle)), Errc::storage) << name;
  }
  for (const std::string path : {"relative", "/a/../b", "/a\nb", ""}) {
    SnapshotRequest wanted = request();
    wanted.source.path = path;
    EXPECT_FAILS(snapshot(wanted), Errc::invalid_argument) << path;
  }
}

class Qcow2HeaderTest : public Qcow2Test {
 protected:
  void patch(std::size_t offset, std::vector<unsigned char> bytes) {
    std::fstream image(source(), std::ios::in | std::ios::out | std::ios::binary);
    image.seekp(static_cast<std::streamoff>(offset));
    image.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  }
};

TEST_F(Qcow2HeaderTest, SaysWhetherAnythingWasWritten) {
  overlay(file("layer"), "pos1.qcow2");  // relative to itself
  auto header = read_qcow2_header(file("layer"));
  ASSERT_OK(header);
  EXPECT_EQ(header.value().backing, source());
  EXPECT_TRUE(header.value().nothing_written);
  write(file("layer"), 0);
  header = read_qcow2_header(file("layer"));
  ASSERT_OK(header);
  EXPECT_FALSE(header.value().nothing_written);
}

TEST_F(Qcow2HeaderTest, AnInternalSnapshotCountsAsWritten) {
  overlay(file("layer"), source());
  must({"qemu-img", "snapshot", "-q", "-c", "before", file("layer")});
  auto header = read_qcow2_header(file("layer"));
  ASSERT_OK(header);
  EXPECT_FALSE(header.value().nothing_written);
}

TEST_F(Qcow2HeaderTest, AnUnknownVersionIsRefused) {
  patch(4, {0, 0, 0, 4});
  EXPECT_FAILS(read_qcow2_header(source()), Errc::storage);
}

TEST_F(Qcow2HeaderTest, LengthsAreCheckedBeforeTheyAreUsed) {
  patch(8, {0, 0, 0, 0, 0, 0, 1, 0, 0xff, 0xff, 0xff, 0xff});  // a backing name of 4 GiB
  EXPECT_FAILS(read_qcow2_header(source()), Errc::storage);
  patch(8, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 10});  // one before the file
  EXPECT_FAILS(read_qcow2_header(source()), Errc::storage);
  patch(8, std::vector<unsigned char>(12, 0));
  patch(36, {0xff, 0xff, 0xff, 0xff});  // a table of 32 GiB
  EXPECT_FAILS(read_qcow2_header(source()), Errc::storage);
  patch(36, {0, 0, 0, 1, 0x7f, 0, 0, 0, 0, 0, 0, 0});  // one behind the file
  EXPECT_FAILS(read_qcow2_header(source()), Errc::storage);
}

TEST_F(Qcow2HeaderTest, CorruptAndEncryptedSourcesAreRefused) {
  patch(72, {0, 0, 0, 0, 0, 0, 0, 2});
  auto made = snapshot(request());
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, HasSubstr("corrupt"));
  patch(72, std::vector<unsigned char>(8, 0));
  patch(32, {0, 0, 0, 2});
  made = snapshot(request());
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, HasSubstr("encrypted"));
  EXPECT_THAT(files(), ElementsAre("pos1.qcow2"));
}

TEST_F(Qcow2HeaderTest, ALoopOfLayersEnds) {
  overlay(file("a"), file("b"));
  overlay(file("b"), file("a"));
  SnapshotRequest wanted = request();
  wanted.source.path = file("a");
  EXPECT_FAILS(snapshot(wanted), Errc::storage);
}

TEST_F(Qcow2HeaderTest, AMissingLayerIsAnError) {
  overlay(file("a"), file("gone"));
  SnapshotRequest wanted = request();
  wanted.source.path = file("a");
  auto made = snapshot(wanted);
  ASSERT_FAILS(made, Errc::not_found);
  EXPECT_THAT(made.error().message, HasSubstr("gone"));
}

TEST_F(Qcow2Test, FileUseTellsReadersFromWriters) {
  EXPECT_FALSE(file_use(source()).open);
  Descriptor reader(::open(source().c_str(), O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(file_use(source()).open);
  EXPECT_FALSE(file_use(source()).written);
  Descriptor writer(::open(source().c_str(), O_WRONLY | O_CLOEXEC));
  EXPECT_TRUE(file_use(source()).written);
  EXPECT_FALSE(file_use(file("none")).open);
}

}  // namespace
}  // namespace zynclone::broker::storage
