// zynclone-sandbox itself, as its users run it.

#include <sys/syscall.h>
#include <sys/wait.h>

#include <thread>

#include "host-broker/sandbox/control_client.hpp"
#include "host-broker/sandbox/session_processes.hpp"
#include "system/process.hpp"
#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone::sandbox {
namespace {

const std::string k_sandbox = std::string(TEST_BINARY_DIR) + "/bin/zynclone-sandbox";

std::string padded(std::string text) {
  text.resize(8, ' ');
  return text;
}

// `zynclone-sandbox serve` as a process, and the other commands asking it.
class Program : public ::testing::Test {
 protected:
  void TearDown() override {
    if (server == 0) return;
    ::kill(server, SIGKILL);
    ::waitpid(server, nullptr, 0);
  }

  template <class T>
  T run(asio::awaitable<T> task) {
    return tests::run_on(context, std::move(task));
  }

  ProcessOutput command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), k_sandbox);
    auto output = run(run_process(std::move(arguments)));
    EXPECT_OK(output);
    return output ? output.value() : ProcessOutput{.status = -1};
  }

  // Starts the server and waits for its readiness as systemd does.
  void serve() {
    ASSERT_OK(layout.prepare());
    auto readiness = NotifySocket::open(context.get_executor(), (folder.path() / "notify").string());
    ASSERT_OK(readiness);
    const std::string notify = readiness.value()->path();
    const std::string log = (folder.path() / "log").string();
    server = ::fork();
    ASSERT_GE(server, 0);
    if (server == 0) {
      ::setenv("NOTIFY_SOCKET", notify.c_str(), 1);
      const int descriptor = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
      ::dup2(descriptor, 2);
      ::execl(k_sandbox.c_str(), k_sandbox.c_str(), "serve", "--dir", folder.path().c_str(), nullptr);
      ::_exit(127);
    }
    ASSERT_OK(run(with_timeout(readiness.value()->wait_ready(), std::chrono::seconds(10), "serve")));
  }

  // A VM that runs the test program; gives its process.
  pid_t start(const std::string& vm, const std::string& what) {
    const auto file = layout.vm_file(VmName::parse(vm).value()).string();
    EXPECT_OK(write_file_whole(file, "uuid = " + Uuid::derived(vm).text() + "\nagent = no\nrun0 = " + k_test_program + " " + what + " " + heard.path() + "\n"));
    const auto created = command({"domain", "create", "--dir", folder.path().string(), vm});
    EXPECT_EQ(created.status, 0) << created.errors;
    return heard.next(context).second;
  }

  // A descriptor by which the end of a process that is not our child can be waited for.
  static Descriptor watch(pid_t pid) { return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }
  static bool ends(const Descriptor& process) {
    pollfd waiting{process.get(), POLLIN, 0};
    return ::poll(&waiting, 1, 10'000) == 1;
  }

  asio::io_context context{1};
  tests::TemporaryFolder folder;
  Layout layout = Layout::of(folder.path()).value();
  Heard heard{(folder.path() / "fifo").string()};
  pid_t server = 0;
};

TEST_F(Program, DomainsAreControlledFromTheCommandLine) {
  serve();
  const pid_t pid = start("pos1", "wait");
  const std::string dir = folder.path().string();
  EXPECT_NE(command({"domain", "list", "--dir", dir}).output.find("running  " + Uuid::derived("pos1").text() + "  pos1"), std::string::npos);
  EXPECT_EQ(command({"domain", "pause", "--dir", dir, "pos1"}).status, 0);
  EXPECT_NE(command({"domain", "list", "--dir", dir}).output.find("paused"), std::string::npos);
  EXPECT_EQ(command({"domain", "unpause", "--dir", dir, "1"}).status, 0);
  EXPECT_EQ(command({"domain", "destroy", "--dir", dir, "pos1"}).status, 0);
  EXPECT_TRUE(is_gone(pid));
  const auto again = command({"domain", "destroy", "--dir", dir, "pos1"});
  EXPECT_EQ(again.status, 6);
  EXPECT_EQ(again.errors, "zynclone-sandbox: cannot find domain 'pos1': no such domain\n");
}

TEST_F(Program, ExecIsInTheGuestsWorldAndHostInTheHosts) {
  serve();
  start("pos1", "wait");
  const std::string dir = folder.path().string();
  const auto guest = command({"exec", "--dir", dir, "pos1", "--", "printenv", "XENSTORED_PATH", "ZYNCLONE_SOCKET"});
  EXPECT_EQ(guest.output, layout.store_socket({1}).string() + "\n" + layout.agent_socket({1}).string() + "\n");
  const auto host = command({"host", "--dir", dir, "--", "printenv", "XENSTORED_PATH", "ZYNCLONE_BROKER_SOCKET"});
  EXPECT_EQ(host.output, layout.store_socket({0}).string() + "\n" + (layout.run() / "broker.sock").string() + "\n");
  EXPECT_EQ(command({"exec", "--dir", dir, "pos1", "--", "sh", "-c", "exit 7"}).status, 7) << "the command's own status";
  EXPECT_EQ(command({"exec", "--dir", dir, "pos1", "--", "/nowhere/program"}).status, 127);
  EXPECT_EQ(command({"exec", "--dir", dir, "pos9", "--", "true"}).status, 6);
}

TEST_F(Program, DownLeavesNothingRunning) {
  serve();
  const auto deaf = watch(start("pos1", "deaf"));
  const auto family = watch(start("pos2", "wait"));
  const std::string dir = folder.path().string();
  // A child of ours would stay a zombie, for which `down` would wait: reap it as init does.
  std::thread reaper([this] { ::waitpid(server, nullptr, 0); });
  const auto down = command({"down", "--dir", dir});
  reaper.join();
  server = 0;
  EXPECT_EQ(down.status, 0) << down.errors;
  EXPECT_TRUE(ends(deaf));
  EXPECT_TRUE(ends(family));
  EXPECT_FALSE(std::filesystem::exists(layout.control_socket()));
  EXPECT_FALSE(std::filesystem::exists(layout.store_socket({1})));
  const auto again = command({"down", "--dir", dir});
  EXPECT_EQ(again.status, 4);
  EXPECT_NE(again.errors.find("cannot reach the sandbox at '"), std::string::npos);
}

TEST_F(Program, ASignalEndsItInOrder) {
  serve();
  const auto guest = watch(start("pos1", "deaf"));
  ::kill(server, SIGTERM);
  int status = 0;
  ASSERT_EQ(::waitpid(server, &status, 0), server);
  server = 0;
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_TRUE(ends(guest));
}

TEST_F(Program, ItsSuddenDeathIsTheDeathOfAll) {
  serve();
  const auto guest = watch(start("pos1", "deaf"));
  const auto paused = watch(start("pos2", "deaf"));
  EXPECT_EQ(command({"domain", "pause", "--dir", folder.path().string(), "pos2"}).status, 0);
  ::kill(server, SIGKILL);
  ::waitpid(server, nullptr, 0);
  server = 0;
  EXPECT_TRUE(ends(guest));
  EXPECT_TRUE(ends(paused));
  serve();
  EXPECT_NE(start("pos1", "wait"), 0) << "another sandbox starts where one died";
}

TEST_F(Program, DisksComeAndGoFromTheCommandLine) {
  serve();
  start("pos1", "wait");
  start("pos2", "wait");
  const std::string dir = folder.path().string();
  const auto image = (layout.images() / "sales.raw").string();
  ASSERT_OK(write_file_whole(image, "disk"));
  EXPECT_EQ(command({"attach", "--dir", dir, "pos1", "xvds,raw," + image}).status, 0);
  EXPECT_EQ(command({"exec", "--dir", dir, "pos1", "--", "sh", "-c", "cat \"$ZYNCLONE_SANDBOX_DOMAIN_DIR/dev/xvds\""}).output, "disk");
  const auto taken = command({"attach", "--dir", dir, "pos2", "xvdt,raw," + image});
  EXPECT_EQ(taken.status, 6);
  EXPECT_EQ(taken.errors, "zynclone-sandbox: cannot attach '" + image + "' to domain 2: disk '" + image + "' is in use by domain 1 as 'xvds'\n");
  EXPECT_EQ(command({"detach", "--dir", dir, "pos1", "xvds"}).status, 0);
  EXPECT_EQ(command({"detach", "--dir", dir, "pos1", "xvds"}).status, 6);
  EXPECT_EQ(command({"attach", "--dir", dir, "pos2", "xvdt,raw," + image}).status, 0);
  EXPECT_EQ(command({"detach", "--dir", dir, "pos2", "xvdt", "--force"}).status, 0);
  EXPECT_EQ(command({"attach", "--dir", dir, "pos1", "sales.raw"}).status, 2);
  EXPECT_NE(command({"attach", "--help"}).output.find("as xl block-attach"), std::string::npos);
}

TEST_F(Program, ServicesAreControlledFromTheCommandLine) {
  serve();
  const std::string dir = folder.path().string();
  const auto started = command({"service", "start", "--dir", dir, "--set", "COLOUR=blue", "--set", "EMPTY=", "broker", "--", k_test_program, "ready", heard.path()});
  ASSERT_EQ(started.status, 0) << started.errors;
  const pid_t pid = heard.next(context).second;
  EXPECT_EQ(command({"service", "list", "--dir", dir}).output,
            "service              process  readiness  restarts\nbroker               " + padded(std::to_string(pid)) + " ready      0\n");
  const auto environment = read_file("/proc/" + std::to_string(pid) + "/environ", 65536);
  EXPECT_NE(environment.value().find("COLOUR=blue"), std::string::npos);
  EXPECT_EQ(command({"service", "stop", "--dir", dir, "broker"}).status, 0);
  EXPECT_TRUE(is_gone(pid));
  const auto failing = command({"service", "start", "--dir", dir, "broker", "--", k_test_program, "fail", heard.path()});
  EXPECT_EQ(failing.status, 1);
  EXPECT_EQ(failing.errors, "zynclone-sandbox: cannot start 'broker': it ended with status 3: the end is near\n");
}

TEST_F(Program, HelpAndVersionAreNoMistakes) {
  EXPECT_EQ(command({"--version"}).output.find("zynclone-sandbox "), 0u);
  const auto help = command({"domain", "--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.output.find("shuts one down"), std::string::npos);
  EXPECT_NE(help.output.find("destroys one"), std::string::npos);
}

TEST_F(Program, BadCommandLinesAreRefused) {
  const std::string dir = folder.path().string();
  for (const auto& arguments : std::vector<std::vector<std::string>>{{}, {"fly"}, {"domain"}, {"domain", "create"}, {"exec", "pos1"}, {"up", "--nothing"}, {"attach", "pos1"}, {"detach"}})
    EXPECT_EQ(command(arguments).status, 2);
  EXPECT_EQ(command({"fly"}).errors, "zynclone-sandbox: cannot read the command line: no such command 'fly'; see zynclone-sandbox --help\n");
  EXPECT_EQ(command({"domain", "fly"}).errors, "zynclone-sandbox: cannot read the command line: no such command 'fly'; see zynclone-sandbox domain --help\n");
  EXPECT_NE(command({"up", "--dir", dir, "--disk-size", "huge"}).errors.find("cannot use disk size 'huge'"), std::string::npos);
  EXPECT_NE(command({"up", "--dir", dir, "--vm", "../pos1"}).errors.find("cannot "), std::string::npos);
  EXPECT_NE(command({"serve", "--dir", "/" + std::string(90, 'x')}).errors.find("cannot use folder"), std::string::npos);
  const auto missing = command({"serve", "--dir", dir + "/no/where"});
  EXPECT_EQ(missing.status, 6);
  EXPECT_EQ(missing.errors, "zynclone-sandbox: cannot make folder '" + dir + "/no/where': there is no folder '" + dir + "/no'\n");
  EXPECT_FALSE(std::filesystem::exists(dir + "/no"));
  EXPECT_NE(command({"domain", "create", "--dir", dir, "pos 1"}).errors.find("VM name"), std::string::npos);
}

}  // namespace
}  // namespace zynclone::sandbox
