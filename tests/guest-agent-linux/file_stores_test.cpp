#include "guest-agent-linux/file_stores.hpp"

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

TEST(FileQuiesceStore, KeepsARecordUntilItIsCleared) {
  const TemporaryFolder folder;
  FileQuiesceStore store(folder / "state");
  ASSERT_OK(store.load());
  EXPECT_FALSE(store.load().value());
  ASSERT_OK(store.save(QuiesceRecord{operation_number(1), {"/srv"}}));
  FileQuiesceStore next(folder / "state");
  const auto loaded = next.load();
  ASSERT_OK(loaded);
  ASSERT_TRUE(loaded.value());
  EXPECT_EQ(loaded.value()->token, operation_number(1));
  EXPECT_EQ(loaded.value()->mounts, (std::vector<std::string>{"/srv"}));
  ASSERT_OK(next.clear());
  EXPECT_FALSE(store.load().value());
  EXPECT_OK(store.clear());
}

TEST(FileQuiesceStore, ABrokenRecordIsAnError) {
  const TemporaryFolder folder;
  folder.write("quiesced", "token=");
  EXPECT_FAILS(FileQuiesceStore(folder.path()).load(), Errc::malformed);
}

TEST(FileQuiesceStore, AFolderThatCannotBeMadeIsAnError) {
  const TemporaryFolder folder;
  folder.write("file", "");
  FileQuiesceStore store(folder / "file" / "state");
  EXPECT_FALSE(store.save(QuiesceRecord{operation_number(1), {}}));
}

TEST(FileVolumeStore, KeepsARecordForEachVolume) {
  const TemporaryFolder folder;
  FileVolumeStore store(folder / "state");
  const auto sales = VolumeName::parse("sales").value();
  const auto log = VolumeName::parse("log").value();
  EXPECT_FALSE(store.load(sales).value());
  const VolumeRecord record{.token = 6, .change = VolumeChange::acquire, .is_done = true, .device = "xvds", .hooks = 2};
  ASSERT_OK(store.save(sales, record));
  FileVolumeStore next(folder / "state");
  EXPECT_EQ(next.load(sales).value(), record);
  EXPECT_FALSE(next.load(log).value());
  folder.write("state/volumes/log", "token=");
  EXPECT_FAILS(next.load(log), Errc::malformed);
  folder.write("file", "");
  EXPECT_FALSE(FileVolumeStore(folder / "file").save(sales, record));
}

TEST(FileLastIdentity, RemembersTheVm) {
  const TemporaryFolder folder;
  FileLastIdentity last(folder / "state/identity");
  EXPECT_FALSE(last.load());
  ASSERT_OK(last.save(uuid_number(5)));
  EXPECT_EQ(FileLastIdentity(folder / "state/identity").load(), uuid_number(5));
}

TEST(FileLastIdentity, NonsenseIsNoVm) {
  const TemporaryFolder folder;
  folder.write("identity", "not a uuid\n");
  EXPECT_FALSE(FileLastIdentity(folder / "identity").load());
}

TEST(StateFolder, IsLockedByOneAgent) {
  const TemporaryFolder folder;
  {
    const auto first = lock_state_folder(folder / "state");
    ASSERT_OK(first);
    EXPECT_FAILS(lock_state_folder(folder / "state"), Errc::already_exists);
  }
  EXPECT_OK(lock_state_folder(folder / "state")) << "the lock ends with its holder";
}

}  // namespace
}  // namespace zynclone::tests
