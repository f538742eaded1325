// The agent as a service of systemd: readiness, status, watchdog, and a socket that it inherits.

#include <csignal>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest-agent-linux/service_manager.hpp"
#include "tests/guest-agent-linux/agent_program.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/service/messages.hpp"

namespace zynclone::tests {
namespace {

// The other end of NOTIFY_SOCKET.
class FakeServiceManager {
 public:
  explicit FakeServiceManager(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  // The next message that begins with this; others are passed over.
  std::string next(std::string_view prefix) {
    while (true) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 10'000) <= 0) return "";
      char text[4096];
      const ssize_t count = ::recv(socket_.get(), text, sizeof text, 0);
      const std::string message(text, count > 0 ? static_cast<std::size_t>(count) : 0);
      if (message.starts_with(prefix)) return message;
    }
  }

 private:
  Descriptor socket_;
};

TEST(AgentService, TellsSystemdHowItDoes) {
  asio::io_context context;
  AgentProgram agent(context);
  FakeServiceManager manager(agent.path("notify"));
  agent.begin({{"NOTIFY_SOCKET", agent.path("notify")}, {"WATCHDOG_USEC", "20000"}});
  EXPECT_EQ(manager.next("READY=1"), "READY=1\nSTATUS=waiting for the broker");
  EXPECT_EQ(manager.next("WATCHDOG"), "WATCHDOG=1");
  EXPECT_EQ(manager.next("WATCHDOG"), "WATCHDOG=1");
  auto broker = agent.connect_broker();
  EXPECT_EQ(manager.next("STATUS"), "STATUS=connected to the broker");
  broker.reset();
  EXPECT_EQ(manager.next("STATUS"), "STATUS=waiting for the broker");
  EXPECT_EQ(agent.stop(), 0);
  EXPECT_EQ(manager.next("STOPPING"), "STOPPING=1\nSTATUS=thawing and stopping");
}

TEST(AgentService, IsReadyOnlyWhenItHasThawed) {
  asio::io_context context;
  AgentProgram agent(context);
  agent.hook(HookEvent::thaw, "a");
  FakeServiceManager manager(agent.path("notify"));
  std::filesystem::create_directory(agent.folder() / "state");
  agent.folder().write("state/quiesced", encode_quiesce_record(QuiesceRecord{operation_number(1), {}}));
  agent.begin({{"NOTIFY_SOCKET", agent.path("notify")}});
  manager.next("READY=1");
  EXPECT_EQ(agent.hooks_that_ran(), (std::vector<std::string>{"thaw a"}));
}

TEST(AgentService, ServesTheSocketThatSystemdMade) {
  asio::io_context context;
  AgentProgram agent(context);
  const std::string path = agent.path("activated.sock");
  Descriptor listening(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listening.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listening.get(), 8), 0);

  char self[4096] = {};
  ASSERT_GT(::readlink("/proc/self/exe", self, sizeof self - 1), 0);
  const std::string program = (std::filesystem::path(self).parent_path() / "zynclone-agent").string();
  const std::string file = agent.path("agent.conf");
  const pid_t process = ::fork();
  if (process == 0) {
    const std::string pid = "LISTEN_PID=" + std::to_string(::getpid());
    const char* arguments[] = {"zynclone-agent", "--config", file.c_str(), nullptr};
    const char* environment[] = {pid.c_str(), "LISTEN_FDS=1", "XENSTORED_PATH=/no-xenstored", nullptr};
    ::dup2(::dup(listening.get()), 3);  // by a copy: where it is 3 already, dup2 would leave its close-on-exec flag
    ::execve(program.c_str(), const_cast<char* const*>(arguments), const_cast<char* const*>(environment));
    ::_exit(127);
  }
  auto connected = run(context, channel::UnixChannel::connect(path));
  ASSERT_OK(connected);
  FakePeer caller(context, std::move(connected).value(), channel::Framing::line, protocol::Sender::broker);
  const auto answer = caller.ask(protocol::FamilyShow{});
  ASSERT_TRUE(run_until(context, [&] { return answer->has_value(); }));
  EXPECT_FAILS(**answer, Errc::unavailable) << "it answers, without a broker";
  EXPECT_FALSE(std::filesystem::exists(agent.socket()));
  ::kill(process, SIGTERM);
  int status = 0;
  ::waitpid(process, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(std::filesystem::exists(path)) << "the file is systemd's";
}

TEST(AgentService, TheJournalIsNeverWaitedFor) {
  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  const Descriptor kept(::dup(STDERR_FILENO));
  ::dup2(sockets[1], STDERR_FILENO);
  agent::never_wait_for_journal();
  const std::string line(4096, 'x');
  ssize_t written = 1;
  for (int i = 0; i < 10'000 && written > 0; ++i) written = ::write(STDERR_FILENO, line.data(), line.size());
  const int number = errno;
  ::dup2(kept.get(), STDERR_FILENO);
  EXPECT_EQ(written, -1);
  EXPECT_EQ(number, EAGAIN) << "a journal that reads nothing";
  ::close(sockets[0]);
  ::close(sockets[1]);
}

}  // namespace
}  // namespace zynclone::tests
