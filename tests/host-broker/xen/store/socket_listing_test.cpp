// Answers that the sandbox's store never gives: oxenstored's long ones, and broken ones.

#include "host-broker/xen/store/socket_listing.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include "tests/support/result_matchers.hpp"
#include "tests/support/temporary_folder.hpp"

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::xenstore {
namespace {

// A xenstored that gives its first client one answer, whatever it is asked, as often as it is said, and hangs up.
class OneAnswer {
 public:
  explicit OneAnswer(std::string answer, int times = 1) : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    thread_ = std::thread([this, answer = std::move(answer), times] {
      const Descriptor client(::accept(listener_.get(), nullptr, nullptr));
      for (int i = 0; i < times; ++i) serve(client, answer);
    });
  }
  ~OneAnswer() { thread_.join(); }
  std::string path() const { return (folder_ / "socket").string(); }

 private:
  static void serve(const Descriptor& client, const std::string& answer) {
    std::string request(4096, '\0');
    const ssize_t count = ::recv(client.get(), request.data(), request.size(), 0);
    EXPECT_EQ(count, static_cast<ssize_t>(sizeof(xsd_sockmsg) + std::strlen("/many") + 1));
    EXPECT_STREQ(request.c_str() + sizeof(xsd_sockmsg), "/many");
    for (std::size_t at = 0; at < answer.size();) {
      const ssize_t sent = ::send(client.get(), answer.data() + at, answer.size() - at, MSG_NOSIGNAL);
      if (sent <= 0) return;  // the client has seen enough
      at += static_cast<std::size_t>(sent);
    }
  }

  tests::TemporaryFolder folder_;
  Descriptor listener_;
  std::thread thread_;
};

std::string message(std::uint32_t type, const std::string& payload, std::size_t length) {
  const xsd_sockmsg header{.type = type, .req_id = 0, .tx_id = 0, .len = static_cast<std::uint32_t>(length)};
  return std::string(reinterpret_cast<const char*>(&header), sizeof(header)) + payload;
}

auto ask(const std::string& answer) {
  OneAnswer xenstored(answer);
  SocketListing listing(xenstored.path());
  return listing.list("/many");
}

TEST(SocketListing, AListLongerThanAMessageIsWhole) {
  std::vector<std::string> names;
  std::string payload;
  for (int number = 0; number < 20'000; ++number) {
    names.push_back("child-" + std::to_string(number));
    payload += names.back() + '\0';
  }
  ASSERT_GT(payload.size(), 50u * XENSTORE_PAYLOAD_MAX);
  auto listed = ask(message(XS_DIRECTORY, payload, payload.size()));
  ASSERT_OK(listed);
  EXPECT_EQ(listed.value(), names);
}

TEST(SocketListing, NothingBelowIsAnEmptyList) {
  auto listed = ask(message(XS_DIRECTORY, "", 0));
  ASSERT_OK(listed);
  EXPECT_EQ(listed.value(), std::vector<std::string>());
}

TEST(SocketListing, OneListAfterTheOtherIsAskedOverOneConnection) {
  OneAnswer xenstored(message(XS_DIRECTORY, std::string("a\0", 2), 2), 3);
  SocketListing listing(xenstored.path());
  for (int i = 0; i < 3; ++i) {
    auto listed = listing.list("/many");
    ASSERT_OK(listed);
    EXPECT_EQ(listed.value(), std::vector<std::string>{"a"});
  }
  EXPECT_FAILS(listing.list("/many"), Errc::unavailable);
}

TEST(SocketListing, ErrorsAreLeftToLibxenstore) {
  auto listed = ask(message(XS_ERROR, std::string("E2BIG\0", 6), 6));
  ASSERT_OK(listed);
  EXPECT_EQ(listed.value(), std::nullopt);
  auto nowhere = SocketListing("").list("/many");
  ASSERT_OK(nowhere);
  EXPECT_EQ(nowhere.value(), std::nullopt);
}

TEST(SocketListing, BrokenAnswersAreErrors) {
  EXPECT_FAILS(ask(""), Errc::unavailable);
  EXPECT_FAILS(ask(message(XS_DIRECTORY, "a", 5)), Errc::unavailable);
  EXPECT_FAILS(ask(message(XS_DIRECTORY, "a", 1)), Errc::malformed);
  EXPECT_FAILS(ask(message(XS_DIRECTORY, "", (1u << 20) + 1)), Errc::too_large);
}

}  // namespace
}  // namespace zynclone::xenstore
