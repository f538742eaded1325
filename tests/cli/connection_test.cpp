#include "cli/connection.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>

#include "tests/support/result_matchers.hpp"
#include "tests/support/service/fake_service.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::cli {
namespace {

using namespace std::chrono_literals;
using tests::Conversation;
using tests::FakeService;
using tests::TemporaryFolder;

TimePoint soon() { return std::chrono::steady_clock::now() + 10s; }
TimePoint at_once() { return std::chrono::steady_clock::now() + 50ms; }

TEST(Connection, NobodyListens) {
  const TemporaryFolder folder;
  EXPECT_FAILS(Connection::open(folder / "absent.sock", soon()), Errc::unavailable);
  folder.write("file", "");
  EXPECT_FAILS(Connection::open(folder / "file", soon()), Errc::unavailable);
  EXPECT_FAILS(Connection::open(folder / "file/below", soon()), Errc::unavailable);
}

TEST(Connection, PathThatNoSocketCanHave) {
  EXPECT_FAILS(Connection::open(std::string(200, 'x'), soon()), Errc::invalid_argument);
  EXPECT_FAILS(Connection::open("", soon()), Errc::invalid_argument);
}

TEST(Connection, LinesCrossBothWays) {
  const TemporaryFolder folder;
  FakeService service(folder / "s", {[](Conversation& client) { client.send_line("got " + client.read_line()); }});
  auto connection = Connection::open(service.path(), soon());
  ASSERT_OK(connection);
  ASSERT_OK(connection.value().send("hello", soon()));
  const auto line = connection.value().receive(soon());
  ASSERT_OK(line);
  EXPECT_EQ(line.value(), "got hello");
  EXPECT_FAILS(connection.value().receive(soon()), Errc::unavailable);
}

TEST(Connection, ALineCutOffIsNoMessage) {
  const TemporaryFolder folder;
  FakeService service(folder / "s", {[](Conversation& client) { client.send_bytes("{\"jsonrpc\":"); }});
  auto connection = Connection::open(service.path(), soon());
  ASSERT_OK(connection);
  EXPECT_FAILS(connection.value().receive(soon()), Errc::unavailable);
}

TEST(Connection, ALineLongerThanAllowedIsNotKept) {
  const TemporaryFolder folder;
  FakeService service(folder / "s", {[](Conversation& client) {
                        client.send_bytes(std::string(protocol::k_longest_message + 1, 'x'));
                        client.wait_closed();
                      }});
  auto connection = Connection::open(service.path(), soon());
  ASSERT_OK(connection);
  EXPECT_FAILS(connection.value().receive(soon()), Errc::too_large);
  EXPECT_FAILS(connection.value().send(std::string(protocol::k_longest_message + 1, 'x'), soon()), Errc::too_large);
}

TEST(Connection, EndsAtTheTimeLimit) {
  const TemporaryFolder folder;
  FakeService service(folder / "s", {[](Conversation& client) { client.wait_closed(); }});
  auto connection = Connection::open(service.path(), soon());
  ASSERT_OK(connection);
  EXPECT_FAILS(connection.value().receive(at_once()), Errc::timed_out);
}

TEST(Connection, APeerThatReadsNothingCostsTheTimeLimitOnly) {
  const TemporaryFolder folder;
  std::atomic<bool> done = false;
  FakeService service(folder / "s", {[&](Conversation&) { done.wait(false); }});
  auto connection = Connection::open(service.path(), soon());
  ASSERT_OK(connection);
  auto sent = Result<void>(outcome::success());
  const TimePoint until = std::chrono::steady_clock::now() + 200ms;
  while (sent) sent = connection.value().send(std::string(60'000, 'x'), until);
  EXPECT_FAILS(sent, Errc::timed_out);
  done = true;
  done.notify_all();
}

TEST(Connection, WakesUp) {
  const TemporaryFolder folder;
  FakeService service(folder / "s", {[](Conversation& client) { client.wait_closed(); }});
  const Descriptor wake(::eventfd(1, EFD_CLOEXEC));
  auto connection = Connection::open(service.path(), soon());
  ASSERT_OK(connection);
  EXPECT_FAILS(connection.value().receive(soon(), wake.get()), Errc::cancelled);
}

TEST(Connection, WithoutPermissionItIsRefused) {
  const TemporaryFolder folder;
  ASSERT_EQ(::chmod(folder.path().c_str(), 0755), 0);
  const Descriptor listener(::socket(AF_UNIX, SOCK_STREAM, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = folder / "s";
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  EXPECT_EXIT(
      {
        // root may always connect, so give up root.
        if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(9);
        const auto opened = Connection::open(path, soon());
        ::_exit(!opened && opened.error().code == Errc::refused ? 3 : 9);
      },
      ::testing::ExitedWithCode(3), "");
}

}  // namespace
}  // namespace zynclone::cli
