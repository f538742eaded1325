#include "host-broker/storage/lvm_thin.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/sysmacros.h>

#include "tests/host-broker/storage/fake_lvm.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone::broker::storage {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const Volume k_root{VolumeFormat::lvm_thin, "/dev/vg0/root"};

class LvmThinTest : public testing::Test {
 protected:
  static SnapshotRequest request(Volume source = k_root, std::string name = "root.01copy") {
    return {.source = std::move(source), .name = std::move(name), .use = SourceUse::in_use};
  }
  Result<Snapshot> snapshot(SnapshotRequest wanted = request()) { return tests::run(storage_.snapshot(wanted)); }

  tests::FakeLvm lvm_;
  LvmThin storage_{Settings{}};
};

TEST_F(LvmThinTest, SnapshotIsThinActiveAndTagged) {
  auto made = snapshot();
  ASSERT_OK(made);
  EXPECT_EQ(made.value().volume, (Volume{VolumeFormat::lvm_thin, "/dev/vg0/root.01copy"}));
  EXPECT_EQ(made.value().kind, "thin");
  EXPECT_EQ(made.value().size, 1u << 30);
  EXPECT_FALSE(made.value().source_needs_switch);
  EXPECT_THAT(lvm_.calls(), Contains("lvcreate -q --snapshot --setactivationskip n --addtag zynclone --name root.01copy -- vg0/root"));
}

TEST_F(LvmThinTest, TakesTheMapperNameToo) {
  lvm_.put("pos-1", {});
  auto made = snapshot(request({VolumeFormat::lvm_thin, "/dev/mapper/vg0-pos--1"}, "c"));
  ASSERT_OK(made);
  EXPECT_EQ(made.value().volume.path, "/dev/vg0/c");
  EXPECT_THAT(lvm_.calls(), Contains(testing::EndsWith("-- vg0/pos-1")));
}

TEST_F(LvmThinTest, AFullPoolIsRefusedWithItsFigures) {
  lvm_.put_pool("90.01", "3.00");
  auto made = snapshot();
  ASSERT_FAILS(made, Errc::no_space);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("'vg0/pool'"), HasSubstr("data, 10 GiB"), HasSubstr("1 GiB must stay free")));
  EXPECT_FAILS(tests::run(storage_.check_room(k_root, SourceUse::idle)), Errc::no_space);
  EXPECT_THAT(lvm_.calls(), Not(Contains(StartsWith("lvcreate"))));
  lvm_.put_pool("89.99", "3.00");
  EXPECT_OK(tests::run(storage_.check_room(k_root, SourceUse::idle)));
}

TEST_F(LvmThinTest, FullMetadataIsRefusedWithItsFigures) {
  lvm_.put_pool("1.00", "95.00");
  auto made = snapshot();
  ASSERT_FAILS(made, Errc::no_space);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("metadata, 64 MiB, 3.2 MiB is free"), HasSubstr("6.4 MiB must stay free")));
}

TEST_F(LvmThinTest, TheReserveMayBeInBytes) {
  Settings settings;
  settings.reserve.pool_data = {.bytes = 9ull << 30};
  LvmThin storage(settings);
  EXPECT_FAILS(tests::run(storage.check_room(k_root, SourceUse::idle)), Errc::no_space);  // 8.75 GiB are free
  settings.reserve.pool_data = {.bytes = 8ull << 30};
  EXPECT_OK(tests::run(LvmThin(settings).check_room(k_root, SourceUse::idle)));
}

TEST_F(LvmThinTest, AnInactivePoolIsAnError) {
  lvm_.put_pool("", "");
  auto made = snapshot();
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, HasSubstr("not active"));
}

TEST_F(LvmThinTest, AnInactiveCopyIsNotWholeAndIsActivated) {
  lvm_.put("root.01copy", {.active = "", .origin = "root", .tags = "zynclone"});
  auto found = tests::run(storage_.find_snapshot(request()));
  ASSERT_OK(found);
  EXPECT_FALSE(found.value().has_value());
  ASSERT_OK(snapshot());
  EXPECT_THAT(lvm_.calls(), AllOf(Contains("lvchange -q --activate y --ignoreactivationskip -- vg0/root.01copy"),
                                  Not(Contains(StartsWith("lvcreate")))));
  found = tests::run(storage_.find_snapshot(request()));
  ASSERT_OK(found);
  EXPECT_TRUE(found.value().has_value());
}

// Whatever a stranger's volume is named, it is neither taken for a copy nor removed.
TEST_F(LvmThinTest, AStrangersVolumeIsLeftAlone) {
  for (const auto& volume : {tests::FakeLvm::Volume{.origin = "root", .tags = "backup"}, {.origin = "other", .tags = "zynclone"},
                             {.origin = "", .tags = "not-zynclone,zynclone2"}}) {
    lvm_.put("root.01copy", volume);
    EXPECT_FAILS(snapshot(), Errc::storage);
    EXPECT_FAILS(tests::run(storage_.find_snapshot(request())), Errc::storage);
    auto removed = tests::run(storage_.remove(request()));
    ASSERT_FAILS(removed, Errc::storage);
    EXPECT_THAT(removed.error().message, HasSubstr("'vg0/root.01copy'"));
    EXPECT_TRUE(lvm_.has("root.01copy"));
  }
}

TEST_F(LvmThinTest, ACopyWhoseOriginIsGoneCanBeRemoved) {
  lvm_.put("root.01copy", {.origin = "", .tags = "other,zynclone"});
  EXPECT_OK(tests::run(storage_.remove(request({VolumeFormat::lvm_thin, "/dev/vg0/gone"}))));
  EXPECT_FALSE(lvm_.has("root.01copy"));
}

TEST_F(LvmThinTest, AThickVolumeIsRefusedWithTheReason) {
  auto made = snapshot(request({VolumeFormat::lvm_thin, "/dev/vg0/thick"}));
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, HasSubstr("no thin volume"));
}

TEST_F(LvmThinTest, OtherDevicesAreRefusedBeforeAnyProgramRuns) {
  for (const std::string path : {"/dev/sda1", "/dev/drbd0", "/dev/drbd/by-res/r0/0", "/dev/vg0", "/images/a.img", "relative", "/dev/vg0/../sda",
                                 "/dev/-vg/x", "/dev/vg0/-x", "/dev/vg0/a b", "/dev/vg0/a\n", "/dev/mapper/vg0", "/dev/vg0/"}) {
    EXPECT_FAILS(snapshot(request({VolumeFormat::lvm_thin, path})), Errc::invalid_argument) << path;
    EXPECT_FAILS(tests::run(storage_.check_room({VolumeFormat::lvm_thin, path}, SourceUse::idle)), Errc::invalid_argument) << path;
  }
  EXPECT_TRUE(lvm_.calls().empty());
}

TEST_F(LvmThinTest, AHostileNameIsRefused) {
  for (const std::string& name : {std::string(), std::string("-rf"), std::string("a/b"), std::string(".."), std::string("a b"),
                                  std::string("a\0b", 3), std::string(121, 'x')}) {
    EXPECT_FAILS(snapshot(request(k_root, name)), Errc::invalid_argument) << name;
    EXPECT_FAILS(tests::run(storage_.remove(request(k_root, name))), Errc::invalid_argument) << name;
  }
  EXPECT_TRUE(lvm_.calls().empty());
}

TEST_F(LvmThinTest, MissingSourceAndGroupAreNotFound) {
  EXPECT_FAILS(snapshot(request({VolumeFormat::lvm_thin, "/dev/vg0/none"})), Errc::not_found);
  EXPECT_FAILS(tests::run(storage_.size_of({VolumeFormat::lvm_thin, "/dev/vg0/none"})), Errc::not_found);
  auto made = snapshot(request({VolumeFormat::lvm_thin, "/dev/vg9/root"}));
  ASSERT_FAILS(made, Errc::not_found);
  EXPECT_THAT(made.error().message, HasSubstr("'vg9'"));
}

TEST_F(LvmThinTest, AFailedSnapshotLeavesNothing) {
  lvm_.fail_after("lvcreate", "  device-mapper: reload ioctl failed");
  auto made = snapshot();
  ASSERT_FAILS(made, Errc::storage);
  EXPECT_THAT(made.error().message, AllOf(HasSubstr("'/dev/vg0/root'"), HasSubstr("exit status 5"), HasSubstr("reload ioctl failed")));
  EXPECT_FALSE(lvm_.has("root.01copy"));
}

TEST_F(LvmThinTest, FailingToolsAreReported) {
  lvm_.fail("lvcreate", "  no");
  EXPECT_FAILS(snapshot(), Errc::storage);
  lvm_.put("root.01copy", {.origin = "root", .tags = "zynclone"});
  lvm_.fail("lvremove", "  Logical volume vg0/root.01copy in use.");
  auto removed = tests::run(storage_.remove(request()));
  ASSERT_FAILS(removed, Errc::storage);
  EXPECT_THAT(removed.error().message, HasSubstr("in use"));
  lvm_.fail("lvs", "  lvmlockd is not running");
  EXPECT_FAILS(tests::run(storage_.check_room(k_root, SourceUse::idle)), Errc::storage);
}

TEST_F(LvmThinTest, AHangingToolIsEnded) {
  lvm_.hang("lvs");
  Settings settings;
  settings.tool_limit = std::chrono::milliseconds(200);
  EXPECT_FAILS(tests::run(LvmThin(settings).check_room(k_root, SourceUse::idle)), Errc::timed_out);
}

TEST_F(LvmThinTest, AReportThatIsNoneIsAnError) {
  for (const std::string text : {"", "no json", "[]", "{}", "{\"report\": 1}", "{\"report\": [1]}", "{\"report\": [{\"lv\": [1]}]}",
                                 "{\"report\": [{\"lv\": [{\"lv_name\": \"root\"}]}]}", "{\"report\": [{\"lv\": [{\"lv_name\": \"root\", \"lv_size\": \"1g\"}]}]}"}) {
    lvm_.answer("lvs", text);
    auto made = snapshot();
    ASSERT_FAILS(made, Errc::storage) << text;
    EXPECT_THAT(made.error().message, HasSubstr("lvs"));
  }
}

TEST(LvmReport, ReadsWhatLvsOfDebian12Prints) {
  auto volumes = parse_lvs_report(R"(  {
      "report": [
          {
              "lv": [
                  {"lv_name":"pool", "lv_size":"10733223936", "lv_active":"active", "lv_layout":"thin,pool", "pool_lv":"", "origin":"", "lv_tags":"", "lv_metadata_size":"12582912", "data_percent":"7.33", "metadata_percent":"12.50"},
                  {"lv_name":"pos1-root", "lv_size":"1073741824", "lv_active":"active", "lv_layout":"thin,sparse", "pool_lv":"pool", "origin":"", "lv_tags":"", "lv_metadata_size":"", "data_percent":"58.91", "metadata_percent":""},
                  {"lv_name":"swap", "lv_size":"4194304", "lv_active":"", "lv_layout":"linear", "pool_lv":"", "origin":"", "lv_tags":"a,zynclone", "lv_metadata_size":"", "data_percent":"", "metadata_percent":""}
              ]
          }
      ]
  })");
  ASSERT_OK(volumes);
  ASSERT_EQ(volumes.value().size(), 3u);
  const LogicalVolume& pool = volumes.value()[0];
  EXPECT_TRUE(pool.thin_pool);
  EXPECT_FALSE(pool.thin_volume);
  EXPECT_EQ(pool.metadata_size, 12582912u);
  EXPECT_EQ(pool.metadata_percent, 12.5);
  const LogicalVolume& root = volumes.value()[1];
  EXPECT_TRUE(root.thin_volume);
  EXPECT_TRUE(root.active);
  EXPECT_EQ(root.pool, "pool");
  EXPECT_EQ(root.data_percent, 58.91);
  EXPECT_FALSE(root.metadata_percent.has_value());
  EXPECT_FALSE(volumes.value()[2].active);
  EXPECT_THAT(volumes.value()[2].tags, ElementsAre("a", "zynclone"));
}

TEST(DeviceMapper, ReadsWhatTheKernelSays) {
  EXPECT_EQ(parse_thin_table("253:4 17"), makedev(253, 4));
  EXPECT_EQ(parse_thin_table("253:4 17 253:9"), makedev(253, 4));  // with an external origin
  EXPECT_EQ(parse_thin_pool_table("253:2 253:3 128 0 1 skip_block_zeroing"), 65536u);
  auto use = parse_thin_pool_status("5 330/3072 1200/163840 - rw discard_passdown queue_if_no_space - 1024", 65536);
  ASSERT_TRUE(use.has_value());
  EXPECT_EQ(use->metadata_size, 3072u * 4096);
  EXPECT_EQ(use->metadata_used, 330u * 4096);
  EXPECT_EQ(use->data_size, 163840ull * 65536);
  EXPECT_EQ(use->data_used, 1200u * 65536);
  EXPECT_EQ(use->mode, "rw");
  EXPECT_EQ(parse_thin_pool_status("5 1/2 2/2 - out_of_data_space ", 1)->mode, "out_of_data_space");
}

TEST(DeviceMapper, NonsenseIsNotAnswered) {
  for (const char* text : {"", "253:4", "253 4", "a:b 1", "253:4:5 1", "99999:1 1", "1:99999999 1", ": 1"}) EXPECT_FALSE(parse_thin_table(text)) << text;
  for (const char* text : {"", "1:1 1:2", "1:1 1:2 0", "1:1 1:2 x", "1:1 1:2 99999999999999999999", "1:1 1:2 4194304"})
    EXPECT_FALSE(parse_thin_pool_table(text)) << text;
  for (const char* text : {"", "Fail", "Error", "1 2/3 4/5", "1 3/2 1/2 - rw", "1 1/2 3/2 - rw", "1 1/2/3 1/2 - rw", "1 x/2 1/2 - rw"})
    EXPECT_FALSE(parse_thin_pool_status(text, 65536)) << text;
  EXPECT_FALSE(ask_thin_volume("no-such-volume"));
  EXPECT_FALSE(ask_thin_volume(std::string(1000, 'x')));
}

TEST(ParseLvmPath, DividesMapperNames) {
  auto name = parse_lvm_path("/dev/mapper/my--vg-a--b-c");
  ASSERT_OK(name);
  EXPECT_EQ(name.value().group, "my-vg");
  EXPECT_EQ(name.value().volume, "a-b-c");
  EXPECT_EQ(name.value().mapper_name(), "my--vg-a--b--c");
}

TEST(Share, OfAWhole) {
  EXPECT_EQ((Share{.percent = 10}.of(1000)), 100u);
  EXPECT_EQ((Share{.percent = 10}.of(1001)), 101u);
  EXPECT_EQ((Share{.percent = 99}.of(UINT64_MAX) / (UINT64_MAX / 100)), 99u);
  EXPECT_EQ((Share{.bytes = 5}.of(1000)), 5u);
  EXPECT_EQ((Share{.bytes = 2000}.of(1000)), 1000u);
}

}  // namespace
}  // namespace zynclone::broker::storage
