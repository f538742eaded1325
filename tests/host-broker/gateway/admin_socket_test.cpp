#include "host-broker/gateway/admin_socket.hpp"

#include <gtest/gtest.h>

#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::broker::gateway {
namespace {

using channel::Peer;
using tests::run;
using tests::settle;

constexpr std::chrono::seconds k_answer_limit{10};

class AskedHandler : public RequestHandler {
 public:
  std::optional<Caller::Member> identify(const Domain&) override { return std::nullopt; }
  std::string channel_of(const Caller::Member&) override { return "none"; }
  asio::awaitable<std::string> handle(Caller caller, protocol::Request request) override {
    callers.push_back(caller);
    vms.push_back(request.vm ? request.vm->text() : "");
    co_return listing(request.id.value_or(0));
  }
  static std::string listing(std::uint64_t id) { return protocol::encode_response(id, protocol::CloneListing{}); }
  std::vector<Caller> callers;
  std::vector<std::string> vms;
};

class AdminSocketTest : public testing::Test {
 protected:
  AdminSocketTest() : path_((folder_ / "broker.sock").string()), socket_(AdminSocket::create(context_.get_executor(), path_, handler_).value()) {
    asio::co_spawn(context_, socket_.run(), asio::detached);
  }
  ~AdminSocketTest() override {
    // Each client's conversation ends, and says so to the client, before the client goes.
    for (const auto& client : clients_) client->peer.reset();
    socket_.close();
    settle(context_);
  }

  struct Client {
    std::optional<Peer> peer;
    std::optional<Error> ended;
    std::vector<std::string> notified;
    asio::awaitable<std::string> handle(protocol::Request request) {
      notified.emplace_back(protocol::method_name(request.method));
      co_return std::string();
    }
  };
  Client& connect() {
    auto client = std::make_unique<Client>();
    Client& connected = *client;
    auto channel = run(context_, channel::UnixChannel::connect(path_)).value();
    connected.peer.emplace(std::move(channel), channel::Framing::line, protocol::Sender::broker,
                           [&connected](protocol::Request request) { return connected.handle(std::move(request)); });
    tests::start(context_, connected.peer->run(), [&connected](Error error) { connected.ended = std::move(error); });
    clients_.push_back(std::move(client));
    return connected;
  }
  Result<protocol::CloneListing> list(Client& client, const char* vm = "pos1") {
    protocol::Request envelope{.vm = VmName::parse(vm).value()};
    return run(context_, client.peer->call(protocol::CloneList{}, k_answer_limit, envelope));
  }
  void expect(const std::function<bool()>& condition) { EXPECT_TRUE(tests::run_until(context_, condition)); }

  asio::io_context context_;
  tests::TemporaryFolder folder_;
  AskedHandler handler_;
  std::string path_;
  AdminSocket socket_;
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(AdminSocketTest, RequestsComeWithWhoAsks) {
  ASSERT_TRUE(list(connect(), "pos7"));
  ASSERT_EQ(handler_.callers.size(), 1u);
  const auto& administrator = std::get<Caller::Administrator>(handler_.callers[0].identity);
  EXPECT_EQ(administrator.user, user_name(::geteuid()));
  EXPECT_EQ(administrator.role, AdminRole::admin) << "the broker's own user";
  EXPECT_EQ(handler_.vms, std::vector<std::string>{"pos7"});
}

TEST_F(AdminSocketTest, NotificationsReachTheConnectionWhileItIsOpen) {
  Client& client = connect();
  ASSERT_TRUE(list(client));
  const auto notify = handler_.callers[0].notify;
  protocol::OperationView view{.vm = VmName::parse("pos1").value()};
  view.id = make_operation_id(std::chrono::system_clock::now());
  (*notify)(view);
  expect([&] { return client.notified == std::vector<std::string>{"operation.changed"}; });
  client.peer.reset();
  settle(context_);
  (*notify)(view);  // harmless
}

TEST_F(AdminSocketTest, GuestsMethodsOfTheOtherDirectionAreUnknown) {
  Client& client = connect();
  auto health = run(context_, client.peer->call(protocol::GuestHealth{}, k_answer_limit));
  ASSERT_FALSE(health);
  EXPECT_EQ(health.error().code, Errc::unknown_method);
  EXPECT_TRUE(handler_.callers.empty());
}

TEST_F(AdminSocketTest, ConnectionsOfOneUserAreBounded) {
  const std::size_t most = ::geteuid() == 0 ? k_most_connections : k_most_connections_of_a_user;
  for (std::size_t i = 0; i < most; ++i) ASSERT_TRUE(list(connect()));
  Client& last = connect();
  expect([&] { return last.ended.has_value(); });
  EXPECT_EQ(last.ended->code, Errc::limit_exceeded) << last.ended->message;
  clients_.front()->peer.reset();
  settle(context_);
  EXPECT_TRUE(list(connect())) << "there is a place again";
}

TEST_F(AdminSocketTest, ManyWhoAreRefusedLeaveNothingOpen) {
  for (int i = 0; i < 300; ++i) {
    connect();
    clients_.back()->peer.reset();
  }
  settle(context_);
  EXPECT_TRUE(list(connect()));
}

TEST_F(AdminSocketTest, CloseRemovesTheSocket) {
  socket_.close();
  EXPECT_FALSE(std::filesystem::exists(path_));
  EXPECT_FALSE(run(context_, channel::UnixChannel::connect(path_)));
}

// Another user's process: connects and gives what it reads.
std::string read_as(const passwd& user, const std::string& path) {
  int ends[2];
  if (::pipe(ends) != 0) return "no pipe";
  if (::fork() == 0) {
    if (::setgid(user.pw_gid) != 0 || ::setuid(user.pw_uid) != 0) ::_exit(1);
    const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) ::_exit(2);
    char buffer[4096];
    while (const auto count = ::read(socket, buffer, sizeof buffer))
      if (count < 0 || ::write(ends[1], buffer, static_cast<std::size_t>(count)) != count) break;
    ::_exit(0);
  }
  ::close(ends[1]);
  return std::to_string(ends[0]);
}

TEST_F(AdminSocketTest, UserOfNoGroupIsToldWhichThereAre) {
  const passwd* nobody = ::getpwnam("nobody");
  if (::geteuid() != 0 || nobody == nullptr) GTEST_SKIP() << "needs root and a user nobody";
  std::filesystem::permissions(folder_.path(), std::filesystem::perms::all);
  Descriptor output(std::stoi(read_as(*nobody, path_)));
  asio::posix::stream_descriptor reading(context_, output.release());
  std::string text;
  auto read_all = [](asio::posix::stream_descriptor& from, std::string& into) -> asio::awaitable<void> {
    boost::system::error_code ended;
    co_await asio::async_read(from, asio::dynamic_buffer(into), asio::redirect_error(asio::use_awaitable, ended));
  };
  run(context_, read_all(reading, text));
  EXPECT_NE(text.find("refused"), std::string::npos) << text;
  EXPECT_NE(text.find("zynclone-viewer"), std::string::npos) << text;
  int status = 0;
  ::wait(&status);
}

TEST(AdministratorOf, RootAndTheBrokersUserAreAdministrators) {
  EXPECT_EQ(administrator_of({.user = 0}).value().role, AdminRole::admin);
  EXPECT_EQ(administrator_of({.user = ::geteuid()}).value().role, AdminRole::admin);
}

}  // namespace
}  // namespace zynclone::broker::gateway
