#include "host-broker/sandbox/store/server.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "host-broker/sandbox/store/limits.hpp"
#include "system/descriptor.hpp"
#include "tests/host-broker/sandbox/store/running_store.hpp"

extern "C" {
#include <xen/io/xs_wire.h>
}

namespace zynclone::sandbox {
namespace {

using namespace std::string_literals;

constexpr int k_patience = 10'000;  // ms; only a failing test waits so long

// A client that may send whatever it likes.
class RawClient {
 public:
  explicit RawClient(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  }

  bool connected() const { return connected_; }
  int descriptor() const { return socket_.get(); }

  // As many bytes as the socket takes without waiting.
  std::size_t send(const std::string& bytes) {
    const auto sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent < 0 ? 0 : static_cast<std::size_t>(sent);
  }

  // The next message; nullopt at the end of the connection.
  std::optional<StoreMessage> receive() {
    while (true) {
      auto message = reader_.next();
      if (!message) return std::nullopt;
      if (message.value()) return *message.value();
      pollfd waiting{socket_.get(), POLLIN, 0};
      if (::poll(&waiting, 1, k_patience) != 1) {
        ADD_FAILURE() << "nothing came";
        return std::nullopt;
      }
      char bytes[4096];
      const auto count = ::recv(socket_.get(), bytes, sizeof(bytes), 0);
      if (count <= 0) return std::nullopt;
      reader_.feed({bytes, static_cast<std::size_t>(count)});
    }
  }

  std::string say(std::uint32_t type, std::string payload) {
    send(encode({type, 1, 0, std::move(payload)}));
    const auto reply = receive();
    return reply ? reply->payload : "disconnected";
  }

 private:
  Descriptor socket_;
  bool connected_ = false;
  StoreReader reader_;
};

class Server : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(store.started());
    store.add_guest({5});
  }
  RunningStore store;
};

TEST_F(Server, TheSocketDecidesTheDomain) {
  RawClient host(store.socket_of({0}));
  RawClient guest(store.socket_of({5}));
  EXPECT_EQ(guest.say(XS_WRITE, "data/x\0value"s), "OK\0"s);
  EXPECT_EQ(host.say(XS_GET_PERMS, "/local/domain/5/data/x\0"s), "n5\0"s);
  EXPECT_EQ(guest.say(XS_WRITE, "/local/domain/5/name\0x"s), "EACCES\0"s);
}

TEST_F(Server, ALongPayloadCostsTheConnectionOnly) {
  RawClient hostile(store.socket_of({5}));
  hostile.send("\x02\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\xff"s);
  EXPECT_FALSE(hostile.receive());
  RawClient another(store.socket_of({5}));
  EXPECT_EQ(another.say(XS_READ, "data\0"s), "");
}

TEST_F(Server, TruncatedMessagesHoldUpNobody) {
  RawClient slow(store.socket_of({5}));
  const std::string request = encode({XS_READ, 1, 0, "data\0"s});
  slow.send(request.substr(0, 18));
  RawClient another(store.socket_of({5}));
  EXPECT_EQ(another.say(XS_READ, "data\0"s), "");
  slow.send(request.substr(18));
  EXPECT_TRUE(slow.receive());
}

TEST_F(Server, RequestsMayComeManyAtOnceAndAreAnsweredInOrder) {
  RawClient guest(store.socket_of({5}));
  std::string requests;
  for (std::uint32_t number = 0; number < 200; ++number) requests += encode({XS_READ, number, 0, "data\0"s});
  ASSERT_EQ(guest.send(requests), requests.size());
  for (std::uint32_t number = 0; number < 200; ++number) {
    const auto reply = guest.receive();
    ASSERT_TRUE(reply);
    EXPECT_EQ(reply->request, number);
  }
}

// It asks for large answers and never reads: the server stops reading its requests, and goes on serving others.
TEST_F(Server, AClientThatDoesNotReadIsNotReadEither) {
  RawClient host(store.socket_of({0}));
  EXPECT_EQ(host.say(XS_WRITE, "/local/domain/5/data/large\0"s + std::string(4000, 'a')), "OK\0"s);
  RawClient hostile(store.socket_of({5}));
  const std::string request = encode({XS_READ, 1, 0, "data/large\0"s});
  std::size_t accepted = 0;
  while (true) {
    pollfd waiting{hostile.descriptor(), POLLOUT, 0};
    if (::poll(&waiting, 1, 200) != 1) break;  // the socket's buffers are full, and stay so
    accepted += hostile.send(request);
    ASSERT_LT(accepted, std::size_t{64} << 20) << "the server reads on and on";
  }
  EXPECT_EQ(host.say(XS_READ, "/local/domain/5/data\0"s), "");
}

TEST_F(Server, AGuestHasSoManyConnections) {
  std::vector<std::unique_ptr<RawClient>> clients;
  for (std::size_t number = 0; number < k_most_connections; ++number) {
    clients.push_back(std::make_unique<RawClient>(store.socket_of({5})));
    ASSERT_EQ(clients.back()->say(XS_READ, "data\0"s), "");
  }
  EXPECT_EQ(RawClient(store.socket_of({5})).say(XS_READ, "data\0"s), "disconnected");
  EXPECT_EQ(RawClient(store.socket_of({0})).say(XS_READ, "/local\0"s), "") << "the host is not affected";
}

TEST_F(Server, AReleasedDomainIsDisconnectedAndItsSocketGone) {
  RawClient guest(store.socket_of({5}));
  ASSERT_EQ(guest.say(XS_READ, "data\0"s), "");
  RawClient host(store.socket_of({0}));
  EXPECT_EQ(host.say(XS_RELEASE, "5\0"s), "OK\0"s);
  EXPECT_FALSE(guest.receive());
  EXPECT_FALSE(RawClient(store.socket_of({5})).connected());
  EXPECT_FALSE(std::filesystem::exists(store.socket_of({5})));
}

TEST_F(Server, WatchesReachOtherClients) {
  RawClient host(store.socket_of({0}));
  RawClient guest(store.socket_of({5}));
  EXPECT_EQ(host.say(XS_WATCH, "/local/domain/5/data\0token\0"s), "OK\0"s);
  EXPECT_EQ(host.receive()->payload, "/local/domain/5/data\0token\0"s);
  EXPECT_EQ(guest.say(XS_WRITE, "data/x\0value"s), "OK\0"s);
  EXPECT_EQ(host.receive()->payload, "/local/domain/5/data/x\0token\0"s);
}

TEST_F(Server, APathThatNoSocketCanHaveIsAnError) {
  const auto opened = store.on_thread([](StoreEngine& engine, StoreServer&) {
    asio::io_context context;
    engine.on_release({});
    StoreServer far(context.get_executor(), engine, "/tmp/" + std::string(120, 'x'));
    return far.open({0});
  });
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("at most 107 bytes"), std::string::npos) << opened.error().message;
}

}  // namespace
}  // namespace zynclone::sandbox
