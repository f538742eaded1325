#include "system/notify.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "system/descriptor.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone {
namespace {

class Notify : public testing::Test {
 protected:
  void TearDown() override { ::unsetenv("NOTIFY_SOCKET"); }
};

std::string receive(int socket) {
  char buffer[256];
  const ssize_t count = ::recv(socket, buffer, sizeof buffer, MSG_DONTWAIT);
  return count < 0 ? std::string("nothing") : std::string(buffer, static_cast<std::size_t>(count));
}

TEST_F(Notify, WithoutASocketNothingHappens) {
  ::unsetenv("NOTIFY_SOCKET");
  EXPECT_OK(notify_service_manager("READY=1"));
}

TEST_F(Notify, ReachesTheSocket) {
  tests::TemporaryFolder folder;
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = (folder / "notify").string();
  std::strcpy(address.sun_path, path.c_str());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  EXPECT_OK(notify_service_manager("READY=1\nSTATUS=serving"));
  EXPECT_EQ(receive(socket.get()), "READY=1\nSTATUS=serving");
}

TEST_F(Notify, ReachesAnAbstractSocket) {
  Descriptor socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::string name = "zynclone-notify-test-" + std::to_string(::getpid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path + 1, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), size), 0);
  ::setenv("NOTIFY_SOCKET", ("@" + name).c_str(), 1);
  EXPECT_OK(notify_service_manager("STOPPING=1"));
  EXPECT_EQ(receive(socket.get()), "STOPPING=1");
}

TEST_F(Notify, ABadSocketIsAnError) {
  for (const std::string& path : {std::string("/no/such/socket"), std::string("relative"), "/" + std::string(200, 'x')}) {
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    EXPECT_FAILS(notify_service_manager("READY=1"), Errc::system) << path;
  }
}

}  // namespace
}  // namespace zynclone
