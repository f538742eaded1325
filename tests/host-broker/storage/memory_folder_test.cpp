#include "host-broker/storage/memory_folder.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Place {
  tests::TemporaryFolder temporary;
  std::string path = (temporary / "memory").string();
  MemoryFolder folder{path, Share{}};
  unsigned mode() const {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 0777 : 0;
  }
};

TEST(MemoryFolder, IsForItsOwnerOnly) {
  Place place;
  ASSERT_OK(place.folder.prepare());
  EXPECT_EQ(place.mode(), 0700u);
  ASSERT_EQ(::chmod(place.path.c_str(), 0755), 0);
  ASSERT_OK(place.folder.prepare());
  EXPECT_EQ(place.mode(), 0700u);
}

TEST(MemoryFolder, ALinkOrAFileInItsPlaceIsNotUsed) {
  Place place;
  place.temporary.write("elsewhere", "x");
  std::filesystem::create_symlink(place.temporary / "elsewhere", place.path);
  EXPECT_FAILS(place.folder.prepare(), Errc::storage);
  EXPECT_FAILS(place.folder.check_room(1), Errc::storage);
}

TEST(MemoryFolder, KnowsItsImages) {
  Place place;
  EXPECT_THAT(place.folder.images().value(), IsEmpty()) << "before it is there";
  ASSERT_OK(place.folder.prepare());
  place.temporary.write("memory/01b.image", "x");
  place.temporary.write("memory/01a.image", "x");
  place.temporary.write("memory/notes", "x");
  EXPECT_THAT(place.folder.images().value(), ElementsAre("01a", "01b"));
  ASSERT_OK(place.folder.remove("01a"));
  ASSERT_OK(place.folder.remove("01a"));
  EXPECT_THAT(place.folder.images().value(), ElementsAre("01b"));
}

TEST(MemoryFolder, KnowsWhatMustStayFree) {
  Place place;
  EXPECT_FAILS(place.folder.reserve(), Errc::storage) << "before it is there";
  ASSERT_OK(place.folder.prepare());
  EXPECT_EQ(place.folder.reserve().value(), 0u);
  const MemoryFolder whole(place.path, Share{.percent = 100});
  const MemoryFolder half(place.path, Share{.percent = 50});
  EXPECT_GT(half.reserve().value(), 0u);
  EXPECT_GE(half.reserve().value() * 2, whole.reserve().value());
}

TEST(MemoryFolder, WantsAQuarterMoreThanTheMemory) {
  Place place;
  ASSERT_OK(place.folder.check_room(1 << 20));
  const auto full = place.folder.check_room(1ull << 60);
  EXPECT_FAILS(full, Errc::no_space);
  EXPECT_THAT(full.error().message, HasSubstr("it needs 1310720 TiB"));
  const MemoryFolder reserved(place.path, Share{.percent = 100});
  EXPECT_FAILS(reserved.check_room(1), Errc::no_space);
}

}  // namespace
}  // namespace zynclone::broker::storage
