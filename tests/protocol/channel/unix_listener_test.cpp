#include "protocol/channel/unix_listener.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/run.hpp"

namespace zynclone::channel {
namespace {

using tests::run;

class UnixListenerTest : public testing::Test {
 protected:
  UnixListenerTest() {
    char name[] = "/tmp/zynclone-listener-XXXXXX";
    folder_ = ::mkdtemp(name);
    path_ = folder_ + "/it.sock";
  }
  ~UnixListenerTest() override { std::filesystem::remove_all(folder_); }

  Result<UnixListener> create() { return UnixListener::create(context_.get_executor(), path_, 0600); }

  asio::io_context context_;
  std::string folder_;
  std::string path_;
};

asio::awaitable<Result<std::string>> meet(UnixListener& listener, std::string path) {
  CO_TRY(auto client, co_await UnixChannel::connect(path));
  CO_TRY(auto accepted, co_await listener.accept());
  if (accepted.peer.process != ::getpid() || accepted.peer.user != ::getuid() || accepted.peer.group != ::getgid())
    co_return fail(Errc::internal, "somebody else connected");
  const std::string greeting = "hello";
  CO_TRY(co_await accepted.channel->write(asio::buffer(greeting)));
  std::string buffer(16, '\0');
  CO_TRY(auto count, co_await client->read_some(asio::buffer(buffer)));
  co_return buffer.substr(0, count);
}

TEST_F(UnixListenerTest, AcceptSaysWhoConnected) {
  auto listener = create();
  ASSERT_TRUE(listener) << listener.error().message;
  auto greeting = run(context_, meet(listener.value(), path_));
  ASSERT_TRUE(greeting) << greeting.error().message;
  EXPECT_EQ(greeting.value(), "hello");
}

TEST_F(UnixListenerTest, FileHasTheModeAsked) {
  auto listener = UnixListener::create(context_.get_executor(), path_, 0660, ::getgid());
  ASSERT_TRUE(listener);
  struct stat status {};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0660u);
  EXPECT_EQ(status.st_gid, ::getgid());
}

TEST_F(UnixListenerTest, CloseRemovesTheFileAndEndsAccept) {
  auto listener = create();
  ASSERT_TRUE(listener);
  auto accepted = [](UnixListener& it) -> asio::awaitable<bool> {
    asio::post(co_await asio::this_coro::executor, [&it] { it.close(); });
    auto result = co_await it.accept();
    co_return !result && result.error().code == Errc::unavailable;
  };
  EXPECT_TRUE(run(context_, accepted(listener.value())));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(UnixListenerTest, FileOfADeadProcessIsReplaced) {
  {
    Descriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
    asio::local::stream_protocol::endpoint address(path_);
    ASSERT_EQ(::bind(dead.get(), address.data(), static_cast<socklen_t>(address.size())), 0);
  }
  ASSERT_TRUE(std::filesystem::exists(path_));
  EXPECT_TRUE(create());
}

TEST_F(UnixListenerTest, SocketOfALivingProcessIsLeftAlone) {
  auto first = create();
  ASSERT_TRUE(first);
  auto second = create();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::already_exists);
  ASSERT_TRUE(run(context_, first.value().accept())) << "the second one's attempt, which has hung up";
  EXPECT_TRUE(run(context_, meet(first.value(), path_)));
}

TEST_F(UnixListenerTest, FileThatIsNoSocketIsLeftAlone) {
  std::ofstream(path_) << "precious";
  auto listener = create();
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::already_exists);
  EXPECT_EQ(std::filesystem::file_size(path_), 8u);
}

TEST_F(UnixListenerTest, SuccessorsFileIsNotRemoved) {
  auto first = create();
  ASSERT_TRUE(first);
  std::filesystem::remove(path_);
  auto second = create();
  ASSERT_TRUE(second);
  first.value().close();
  EXPECT_TRUE(std::filesystem::exists(path_));
}

TEST_F(UnixListenerTest, ConnectWaitsWhileTheBacklogIsFull) {
  auto listener = create();
  ASSERT_TRUE(listener);
  // More than anybody's backlog; each is accepted in time, none is taken for connected before it is.
  struct Crowd {
    static asio::awaitable<bool> come(std::string path, int count, std::vector<std::unique_ptr<Channel>>& come, asio::steady_timer& many) {
      for (int i = 0; i < count; ++i) {
        auto channel = co_await UnixChannel::connect(path);
        if (!channel) co_return false;
        come.push_back(std::move(channel).value());
        if (come.size() == 60) many.expires_at(asio::steady_timer::time_point::min());
      }
      co_return true;
    }
    static asio::awaitable<bool> greet(UnixListener& at, int count, asio::steady_timer& many) {
      co_await many.async_wait(asio::as_tuple(asio::use_awaitable));
      for (int i = 0; i < count; ++i) {
        auto accepted = co_await at.accept();
        if (!accepted) co_return false;
      }
      co_return true;
    }
    static asio::awaitable<bool> both(UnixListener& at, std::string path) {
      using namespace asio::experimental::awaitable_operators;
      std::vector<std::unique_ptr<Channel>> channels;
      asio::steady_timer many(co_await asio::this_coro::executor, asio::steady_timer::time_point::max());  // ends when many have come
      auto done = co_await (come(path, 100, channels, many) && greet(at, 100, many));
      co_return std::get<0>(done) && std::get<1>(done);
    }
  };
  EXPECT_TRUE(run(context_, Crowd::both(listener.value(), path_)));
}

TEST_F(UnixListenerTest, PathThatIsTooLongIsRefused) {
  auto listener = UnixListener::create(context_.get_executor(), "/" + std::string(120, 'p'), 0600);
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Errc::invalid_argument);
}

TEST_F(UnixListenerTest, AdoptTakesAListeningSocketOnly) {
  EXPECT_FALSE(UnixListener::adopt(context_.get_executor(), Descriptor(::socket(AF_UNIX, SOCK_STREAM, 0))));
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  asio::local::stream_protocol::endpoint address(path_);
  ASSERT_EQ(::bind(socket.get(), address.data(), static_cast<socklen_t>(address.size())), 0);
  ASSERT_EQ(::listen(socket.get(), 1), 0);
  auto listener = UnixListener::adopt(context_.get_executor(), std::move(socket));
  ASSERT_TRUE(listener) << listener.error().message;
  EXPECT_TRUE(run(context_, meet(listener.value(), path_)));
  listener.value().close();
  EXPECT_TRUE(std::filesystem::exists(path_)) << "who made the socket removes its file";
}

}  // namespace
}  // namespace zynclone::channel
