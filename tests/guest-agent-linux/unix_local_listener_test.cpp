#include "guest-agent-linux/unix_local_listener.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

TEST(UnixLocalListener, AnyoneMayConnect) {
  asio::io_context context;
  const TemporaryFolder folder;
  const std::string path = (folder / "run/agent.sock").string();
  UnixLocalListener listener(context.get_executor(), path, "zynclone");
  ASSERT_OK(listener.open());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666u);

  auto client = run(context, channel::UnixChannel::connect(path));
  ASSERT_OK(client);
  const auto accepted = run(context, listener.accept());
  ASSERT_OK(accepted);
  EXPECT_EQ(accepted.value().caller.user, "uid " + std::to_string(::geteuid()));
  EXPECT_EQ(accepted.value().caller.rights(), Rights::change) << "whom the agent runs as may make requests";
  listener.close();
  EXPECT_FAILS(run(context, listener.accept()), Errc::unavailable);
  EXPECT_NE(::stat(path.c_str(), &status), 0);
}

TEST(UnixLocalListener, ASocketThatSomebodyServesIsNotTaken) {
  asio::io_context context;
  const TemporaryFolder folder;
  const std::string path = (folder / "agent.sock").string();
  UnixLocalListener first(context.get_executor(), path, "zynclone");
  ASSERT_OK(first.open());
  UnixLocalListener second(context.get_executor(), path, "zynclone");
  EXPECT_FAILS(second.open(), Errc::already_exists);
}

TEST(UnixLocalListener, RootAndTheGroupMayChange) {
  const group* group_of_test = ::getgrgid(1);
  ASSERT_NE(group_of_test, nullptr);
  const std::string name = group_of_test->gr_name;
  const uid_t stranger = 64321;
  EXPECT_EQ(rights_of({.process = 1, .user = 0, .group = 0}, name), Rights::change);
  EXPECT_EQ(rights_of({.process = 1, .user = stranger, .group = 1}, name), Rights::change) << "its primary group";
  EXPECT_EQ(rights_of({.process = 1, .user = stranger, .group = 64321}, name), Rights::read);
  EXPECT_EQ(rights_of({.process = 1, .user = stranger, .group = 1}, "no-such-group"), Rights::read);
}

}  // namespace
}  // namespace zynclone::tests
