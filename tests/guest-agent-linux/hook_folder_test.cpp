#include "guest-agent-linux/hook_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

using Names = std::vector<std::string>;

class HookFolderTest : public ::testing::Test {
 protected:
  HookFolderTest() {
    std::filesystem::create_directories(folder / "quiesce");
    ::chmod(folder.path().c_str(), 0755);
    ::chmod((folder / "quiesce").c_str(), 0755);
  }
  std::string hook(const std::string& name, const std::string& text = "#!/bin/sh\n", mode_t mode = 0755) {
    const std::string path = folder.write_program("quiesce/" + name, text);
    ::chmod(path.c_str(), mode);
    return path;
  }
  Names list() { return hooks.list(HookEvent::quiesce); }

  asio::io_context context;
  TemporaryFolder folder;
  HookFolder hooks{folder.path()};
};

TEST_F(HookFolderTest, NamesInOrder) {
  hook("20-b");
  hook("10-a");
  hook("9-c");
  EXPECT_EQ(list(), (Names{"10-a", "20-b", "9-c"}));
  EXPECT_TRUE(hooks.list(HookEvent::thaw).empty()) << "no folder: no hooks";
}

TEST_F(HookFolderTest, LeavesOutWhatIsNoHook) {
  hook(".hidden");
  hook("backup~");
  std::filesystem::create_directory(folder / "quiesce/folder");
  EXPECT_TRUE(list().empty());
}

TEST_F(HookFolderTest, RefusesWhatOthersCanWriteOrIsNotExecutable) {
  hook("group", "#!/bin/sh\n", 0775);
  hook("others", "#!/bin/sh\n", 0757);
  hook("plain", "#!/bin/sh\n", 0644);
  hook("fine");
  EXPECT_EQ(list(), (Names{"fine"}));
  EXPECT_FAILS(check_hook(folder / "quiesce/group"), Errc::refused);
  EXPECT_FAILS(check_hook(folder / "quiesce/others"), Errc::refused);
  EXPECT_FAILS(check_hook(folder / "quiesce/plain"), Errc::refused);
}

TEST_F(HookFolderTest, RefusesSymbolicLinks) {
  std::filesystem::create_symlink("/bin/true", folder / "quiesce/link");
  std::filesystem::create_symlink("/no/such/file", folder / "quiesce/nowhere");
  hook("fine");
  EXPECT_EQ(list(), (Names{"fine"}));
  std::filesystem::create_symlink(folder / "quiesce", folder / "thaw");
  EXPECT_TRUE(hooks.list(HookEvent::thaw).empty());
}

TEST_F(HookFolderTest, RefusesAFolderThatOthersCanWrite) {
  hook("a");
  ::chmod((folder / "quiesce").c_str(), 0777);
  EXPECT_TRUE(list().empty());
  ::chmod((folder / "quiesce").c_str(), 0755);
  EXPECT_EQ(list(), (Names{"a"}));
  ::chmod(folder.path().c_str(), 0775);
  EXPECT_TRUE(list().empty()) << "nor one above it";
}

TEST_F(HookFolderTest, RefusesWhatBelongsToSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const std::string path = hook("foreign");
  ASSERT_EQ(::chown(path.c_str(), 64321, 0), 0);
  const auto refused = check_hook(path);
  ASSERT_FAILS(refused, Errc::refused);
  EXPECT_NE(refused.error().message.find("it belongs to uid 64321"), std::string::npos);
  EXPECT_TRUE(list().empty());
}

TEST_F(HookFolderTest, RunsWhatItListed) {
  hook("a", "#!/bin/sh\necho \"$ZYNCLONE_TOKEN in $PWD\"\n");
  const HookResult result =
      run(context, hooks.run(HookEvent::quiesce, "a", {{"ZYNCLONE_TOKEN", "01J"}}, std::chrono::seconds(10)));
  EXPECT_FALSE(result.error);
  EXPECT_EQ(result.name, "a");
  EXPECT_EQ(result.output, "01J in /\n");
}

}  // namespace
}  // namespace zynclone::tests
