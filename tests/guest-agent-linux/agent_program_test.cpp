#include "tests/guest-agent-linux/agent_program.hpp"

#include <csignal>
#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/result_matchers.hpp"
#include "tests/support/service/messages.hpp"

namespace zynclone::tests {
namespace {

using Lines = std::vector<std::string>;
using protocol::GuestQuiesce;
using protocol::GuestThaw;

class AgentProgramTest : public ::testing::Test {
 protected:
  template <class T>
  Result<T> answer(std::shared_ptr<std::optional<Result<T>>> asked) {
    EXPECT_TRUE(run_until(context, [&] { return asked->has_value(); })) << "no answer";
    return asked->has_value() ? **asked : Result<T>(Error{Errc::internal, "no answer"});
  }
  bool wait(std::function<bool()> condition) { return run_until(context, condition); }
  Result<protocol::QuiesceReport> quiesce(FakePeer& broker, unsigned token, std::uint64_t hold_ms = 60'000) {
    return answer(broker.ask(GuestQuiesce{operation_number(token), hold_ms}));
  }
  Result<protocol::ThawReport> thaw(FakePeer& broker, unsigned token) { return answer(broker.ask(GuestThaw{operation_number(token)})); }
  static std::string family_for(const protocol::Request& request) { return protocol::encode_response(*request.id, sample_family()); }

  asio::io_context context;
};

TEST_F(AgentProgramTest, SaysWhatItIs) {
  ProgramRun help("zynclone-agent", {"--help"});
  EXPECT_EQ(help.finish(), 0);
  EXPECT_TRUE(help.output().starts_with("usage: zynclone-agent"));
  ProgramRun version("zynclone-agent", {"--version"});
  EXPECT_EQ(version.finish(), 0);
  EXPECT_EQ(version.output(), "zynclone-agent " ZYNCLONE_VERSION "\n");
}

TEST_F(AgentProgramTest, RefusesAWrongCommandLineAndConfiguration) {
  ProgramRun unknown("zynclone-agent", {"--confg", "x"});
  EXPECT_EQ(unknown.finish(), 2);
  EXPECT_NE(unknown.errors().find("cannot use '--confg'"), std::string::npos);
  ProgramRun no_file("zynclone-agent", {"--config"});
  EXPECT_EQ(no_file.finish(), 2);
  AgentProgram agent(context, "hook_timeout=soon\n");
  agent.begin();
  EXPECT_EQ(agent.run().finish(), 2);
  EXPECT_NE(agent.run().errors().find("agent.conf:7: cannot set 'hook_timeout'"), std::string::npos) << agent.run().errors();
}

TEST_F(AgentProgramTest, PassesARequestThrough) {
  AgentProgram agent(context);
  agent.begin();
  auto broker = agent.connect_broker();
  broker->answer = family_for;
  auto caller = agent.connect_caller();
  const auto family = answer(caller->ask(protocol::FamilyShow{}));
  ASSERT_OK(family);
  EXPECT_EQ(family.value().clones.at(0).name.text(), "upgrade-1");
  EXPECT_EQ(agent.stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(agent.socket()));
}

TEST_F(AgentProgramTest, AnswersWhatItCannotRead) {
  AgentProgram agent(context);
  agent.begin();
  auto broker = agent.connect_broker();
  auto channel = run(context, channel::UnixChannel::connect(agent.socket()));
  while (!channel) channel = run(context, channel::UnixChannel::connect(agent.socket()));
  for (const auto& [request, code] : std::map<std::string, std::string>{
           {"nonsense", "malformed"},
           {R"({"jsonrpc":"2.0","id":1,"method":"no.such"})", "unknown-method"},
           {R"({"jsonrpc":"2.0","id":1,"method":"clone.show","params":{"name":"../x"}})", "invalid-argument"},
           {R"({"jsonrpc":"2.0","id":1,"method":"family.show","params":{"vm":"other"}})", "invalid-argument"}}) {
    ASSERT_OK(run(context, channel.value()->write(asio::buffer(request + "\n"))));
    std::array<char, 4096> bytes;
    const auto count = run(context, channel.value()->read_some(asio::buffer(bytes)));
    ASSERT_OK(count);
    const std::string text(bytes.data(), count.value());
    EXPECT_NE(text.find("\"code\":\"" + code), std::string::npos) << request << " → " << text;
  }
  EXPECT_EQ(broker->requests.size(), 1u) << "none of it got to the broker";
}

TEST_F(AgentProgramTest, ALineThatIsTooLongEndsTheConnectionOnly) {
  AgentProgram agent(context);
  agent.begin();
  auto broker = agent.connect_broker();
  broker->answer = family_for;
  auto caller = agent.connect_caller();
  ASSERT_OK(answer(caller->ask(protocol::FamilyShow{})));
  auto flood = run(context, channel::UnixChannel::connect(agent.socket()));
  ASSERT_OK(flood);
  const std::string text(protocol::k_longest_message + 4096, 'x');
  (void)run(context, flood.value()->write(asio::buffer(text)));
  std::array<char, 4096> bytes;
  Result<std::size_t> count = std::size_t{1};
  while (count) count = run(context, flood.value()->read_some(asio::buffer(bytes)));
  EXPECT_FAILS(count, Errc::unavailable);
  EXPECT_OK(answer(caller->ask(protocol::FamilyShow{})));
}

// A connection of a user who is in no group that counts, made in a process of its own.
TEST_F(AgentProgramTest, ACallerOutsideTheGroupMayOnlyRead) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become somebody else";
  AgentProgram agent(context);
  agent.begin();
  auto broker = agent.connect_broker();
  broker->answer = family_for;
  ASSERT_OK(answer(agent.connect_caller()->ask(protocol::FamilyShow{})));

  int sockets[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets), 0);
  const std::string path = agent.socket();
  const pid_t stranger = ::fork();
  if (stranger == 0) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    const int connection = ::socket(AF_UNIX, SOCK_STREAM, 0);
    const bool connected = ::setgid(64321) == 0 && ::setuid(64321) == 0 &&
                           ::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    // The kernel keeps who connected; the test goes on with the descriptor.
    char control[CMSG_SPACE(sizeof(int))] = {};
    char byte = 'x';
    iovec data{&byte, 1};
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    *reinterpret_cast<int*>(CMSG_DATA(header)) = connection;
    ::_exit(connected && ::sendmsg(sockets[1], &message, 0) == 1 ? 0 : 1);
  }
  int status = 0;
  ::waitpid(stranger, &status, 0);
  ASSERT_EQ(status, 0);
  char control[CMSG_SPACE(sizeof(int))] = {};
  char byte = 0;
  iovec data{&byte, 1};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ASSERT_EQ(::recvmsg(sockets[0], &message, MSG_CMSG_CLOEXEC), 1);
  ::close(sockets[0]);
  ::close(sockets[1]);
  Descriptor connection(*reinterpret_cast<int*>(CMSG_DATA(CMSG_FIRSTHDR(&message))));
  FakePeer caller(context, channel::UnixChannel::adopt(context.get_executor(), std::move(connection)).value(), channel::Framing::line,
                  protocol::Sender::broker);

  EXPECT_OK(answer(caller.ask(protocol::FamilyShow{})));
  const std::size_t before = broker->requests.size();
  const auto refused = answer(caller.ask(protocol::CloneStart{CloneName::parse("upgrade-1").value()}));
  ASSERT_FAILS(refused, Errc::refused);
  EXPECT_NE(refused.error().message.find("uid 64321 is not in the group 'zynclone'"), std::string::npos) << refused.error().message;
  EXPECT_FAILS(answer(caller.ask(protocol::OperationCancel{operation_number(1)})), Errc::refused);
  EXPECT_EQ(broker->requests.size(), before);
}

TEST_F(AgentProgramTest, WithoutABrokerItSaysSo) {
  AgentProgram agent(context);
  agent.begin();
  auto caller = agent.connect_caller();
  EXPECT_FAILS(answer(caller->ask(protocol::FamilyShow{})), Errc::unavailable);
}

TEST_F(AgentProgramTest, ABrokerThatRestartsInACallIsFoundAgain) {
  AgentProgram agent(context);
  agent.begin();
  auto broker = agent.connect_broker();
  auto caller = agent.connect_caller();
  const auto pending = caller->ask(protocol::FamilyShow{});
  ASSERT_TRUE(wait([&] { return broker->requests.size() == 2; }));
  broker.reset();
  EXPECT_FAILS(answer(pending), Errc::unavailable);
  broker = agent.connect_broker();
  broker->answer = family_for;
  EXPECT_OK(answer(caller->ask(protocol::FamilyShow{}))) << "on the same connection";
}

TEST_F(AgentProgramTest, QuiescesWithRealHooks) {
  AgentProgram agent(context, "freeze=/srv /data\n");
  agent.hook(HookEvent::quiesce, "10-database", "echo \"$ZYNCLONE_TOKEN $ZYNCLONE_HOLD_MS\" > token");
  agent.hook(HookEvent::quiesce, "20-spool");
  agent.hook(HookEvent::thaw, "10-database");
  agent.hook(HookEvent::thaw, "20-spool");
  agent.begin();
  auto broker = agent.connect_broker();
  const auto report = quiesce(*broker, 1);
  ASSERT_OK(report);
  EXPECT_EQ(report.value().hooks, 2u);
  EXPECT_EQ(report.value().frozen, (Lines{"/srv", "/data"}));
  EXPECT_EQ(agent.folder().read("token"), operation_number(1).text() + " 60000\n");
  EXPECT_TRUE(agent.has_record());
  const auto thawed = thaw(*broker, 1);
  ASSERT_OK(thawed);
  EXPECT_TRUE(thawed.value().was_quiesced);
  EXPECT_EQ(agent.hooks_that_ran(), (Lines{"quiesce 10-database", "quiesce 20-spool", "thaw 20-spool", "thaw 10-database"}));
  EXPECT_FALSE(agent.has_record());
}

TEST_F(AgentProgramTest, AHookThatFailsIsNamedToTheBroker) {
  AgentProgram agent(context);
  agent.hook(HookEvent::quiesce, "10-database", "echo cannot lock; exit 7");
  agent.hook(HookEvent::thaw, "10-database");
  agent.begin();
  auto broker = agent.connect_broker();
  const auto failed = quiesce(*broker, 1);
  ASSERT_FAILS(failed, Errc::system);
  EXPECT_EQ(failed.error().message, "cannot run the quiesce hook '10-database': exit status 7 (it said: cannot lock)");
  EXPECT_EQ(agent.hooks_that_ran(), (Lines{"quiesce 10-database", "thaw 10-database"}));
  EXPECT_FALSE(agent.has_record());
  EXPECT_TRUE(agent.run().wait_for_errors("(it said: cannot lock)"));
}

TEST_F(AgentProgramTest, AHookThatHangsIsEndedAndThawed) {
  AgentProgram agent(context, "hook_timeout=1s\n");
  agent.hook(HookEvent::quiesce, "10-hangs", "sleep 1000 & sleep 1000");
  agent.hook(HookEvent::thaw, "10-hangs");
  agent.begin();
  auto broker = agent.connect_broker();
  EXPECT_FAILS(quiesce(*broker, 1), Errc::timed_out);
  EXPECT_EQ(agent.hooks_that_ran().back(), "thaw 10-hangs");
}

TEST_F(AgentProgramTest, ThawsWhenTheHoldTimeEnds) {
  AgentProgram agent(context, "freeze=/srv\n");
  agent.hook(HookEvent::thaw, "a");
  agent.begin();
  auto broker = agent.connect_broker();
  ASSERT_OK(quiesce(*broker, 1, 50));
  ASSERT_TRUE(agent.wait_hook("thaw a"));
  EXPECT_FALSE(thaw(*broker, 1).value().was_quiesced);
}

TEST_F(AgentProgramTest, ThawsWhenTheBrokerGoes) {
  AgentProgram agent(context, "freeze=/srv\n");
  agent.hook(HookEvent::thaw, "a");
  agent.begin();
  auto broker = agent.connect_broker();
  ASSERT_OK(quiesce(*broker, 1));
  broker.reset();
  EXPECT_TRUE(agent.wait_hook("thaw a"));
}

TEST_F(AgentProgramTest, ThawsBeforeItStops) {
  AgentProgram agent(context, "freeze=/srv\n");
  agent.hook(HookEvent::thaw, "a");
  agent.begin();
  auto broker = agent.connect_broker();
  ASSERT_OK(quiesce(*broker, 1));
  EXPECT_EQ(agent.stop(), 0);
  EXPECT_EQ(agent.hooks_that_ran(), (Lines{"thaw a"}));
  EXPECT_FALSE(agent.has_record());
}

TEST_F(AgentProgramTest, KilledWhileItHoldsIsThawedByTheNext) {
  AgentProgram agent(context, "freeze=/srv\n");
  agent.hook(HookEvent::thaw, "a");
  agent.begin();
  {
    auto broker = agent.connect_broker();
    ASSERT_OK(quiesce(*broker, 1));
    agent.kill();
  }
  EXPECT_TRUE(agent.has_record());
  EXPECT_TRUE(agent.hooks_that_ran().empty());
  agent.begin();
  auto broker = agent.connect_broker();
  EXPECT_EQ(agent.hooks_that_ran(), (Lines{"thaw a"})) << "before it talks to anybody";
  EXPECT_FALSE(agent.has_record());
  EXPECT_FALSE(thaw(*broker, 1).value().was_quiesced);
  EXPECT_OK(quiesce(*broker, 2));
}

TEST_F(AgentProgramTest, KilledInAHookIsThawedByTheNext) {
  AgentProgram agent(context);
  agent.hook(HookEvent::quiesce, "a", "echo $$ > pid; exec sleep 1000");
  agent.hook(HookEvent::thaw, "a", "kill $(cat pid)");
  agent.begin();
  {
    auto broker = agent.connect_broker();
    const auto asked = broker->ask(GuestQuiesce{operation_number(1), 60'000});
    ASSERT_TRUE(agent.wait_hook("quiesce a"));
    agent.kill();
  }
  EXPECT_TRUE(agent.has_record());
  agent.begin();
  auto broker = agent.connect_broker();
  EXPECT_EQ(agent.hooks_that_ran(), (Lines{"quiesce a", "thaw a"}));
}

TEST_F(AgentProgramTest, AnotherAgentByMistakeThawsNothing) {
  AgentProgram agent(context, "freeze=/srv\n");
  agent.hook(HookEvent::thaw, "a");
  agent.begin();
  auto broker = agent.connect_broker();
  ASSERT_OK(quiesce(*broker, 1));
  ProgramRun second("zynclone-agent", {"--config", agent.path("agent.conf")});
  EXPECT_EQ(second.finish(), 1);
  EXPECT_NE(second.errors().find("another agent holds it"), std::string::npos) << second.errors();
  EXPECT_TRUE(thaw(*broker, 1).value().was_quiesced);
}

TEST_F(AgentProgramTest, MovesAVolumeWithRealHooksAndAPretendedMount) {
  const TemporaryFolder disks;
  AgentProgram agent(context, "mounter=pretended\ndevices_dir=" + disks.path().string() + "\nshared_volume.sales=" + (disks / "mnt").string() + "\n");
  agent.hook(HookEvent::prepare_cutover, "till", "echo $ZYNCLONE_SIDE > side");
  agent.hook(HookEvent::release_volume, "till", "echo released >> $ZYNCLONE_MOUNT/$ZYNCLONE_VOLUME");
  agent.hook(HookEvent::acquire_volume, "till", "echo $ZYNCLONE_TOKEN >> $ZYNCLONE_MOUNT/$ZYNCLONE_VOLUME");
  agent.begin();
  auto broker = agent.connect_broker();
  protocol::GuestPrepareCutover prepare;
  prepare.token = operation_number(1);
  prepare.side = protocol::CutoverSide::taking;
  EXPECT_EQ(answer(broker->ask(prepare)).value().hooks, 1u);
  EXPECT_EQ(agent.folder().read("side"), "taking\n");

  protocol::GuestAcquireVolume acquire;
  acquire.volume = VolumeName::parse("sales").value();
  acquire.device = "xvds";
  acquire.filesystem = "ext4";
  acquire.token = 6;
  const auto asked = broker->ask(acquire);
  const auto disk = disks.write("sales.img", "");
  std::filesystem::create_symlink(disk, disks / "xvds");
  const auto acquired = answer(asked);
  ASSERT_OK(acquired);
  EXPECT_EQ(acquired.value().mount_point, (disks / "mnt").string());
  EXPECT_EQ(disks.read("sales.img"), "6\n");

  // An agent that is killed forgets nothing of it.
  broker.reset();
  agent.kill();
  agent.begin();
  broker = agent.connect_broker();
  protocol::GuestReleaseVolume release;
  release.volume = acquire.volume;
  release.device = "xvds";
  release.token = 5;
  EXPECT_FAILS(answer(broker->ask(release)), Errc::conflict);
  release.token = 6;
  const auto released = answer(broker->ask(release));
  ASSERT_OK(released);
  EXPECT_TRUE(released.value().was_mounted);
  EXPECT_EQ(disks.read("sales.img"), "6\nreleased\n");
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(disks / "mnt/sales")));
  EXPECT_TRUE(answer(broker->ask(release)).value().was_mounted) << "the same answer";
  EXPECT_EQ(disks.read("sales.img"), "6\nreleased\n") << "and nothing is done twice";
}

TEST_F(AgentProgramTest, AHookThatForksAndHangsIsEndedAndTheTillGoesOn) {
  const TemporaryFolder disks;
  disks.write("xvds", "");
  AgentProgram agent(context, "hook_timeout=500ms\nmounter=pretended\ndevices_dir=" + disks.path().string() + "\nshared_volume.sales=" +
                                  (disks / "mnt").string() + "\n");
  agent.hook(HookEvent::release_volume, "till", "test -e calm || { setsid sleep 1000 & sleep 1000; }");
  agent.hook(HookEvent::acquire_volume, "till");
  agent.begin();
  auto broker = agent.connect_broker();
  protocol::GuestAcquireVolume acquire;
  acquire.volume = VolumeName::parse("sales").value();
  acquire.device = "xvds";
  acquire.filesystem = "ext4";
  acquire.token = 6;
  ASSERT_OK(answer(broker->ask(acquire)));
  protocol::GuestReleaseVolume release;
  release.volume = acquire.volume;
  release.device = "xvds";
  release.token = 6;
  EXPECT_FAILS(answer(broker->ask(release)), Errc::timed_out);
  EXPECT_EQ(agent.hooks_that_ran(), (Lines{"acquire-volume till", "release-volume till", "acquire-volume till"}));
  EXPECT_TRUE(std::filesystem::exists(disks / "mnt/sales")) << "it stays mounted";
  agent.folder().write("calm", "");
  EXPECT_OK(answer(broker->ask(release)));
}

TEST_F(AgentProgramTest, AChangedOperationReachesWhoAskedForIt) {
  AgentProgram agent(context);
  agent.begin();
  auto broker = agent.connect_broker();
  broker->answer = [](const protocol::Request& request) { return protocol::encode_response(*request.id, accepted(1)); };
  auto caller = agent.connect_caller();
  protocol::CloneCreate create;
  create.name = CloneName::parse("upgrade-1").value();
  ASSERT_OK(answer(caller->ask(create)));
  ASSERT_TRUE(broker->peer().post(protocol::OperationChanged{operation_view(1, protocol::OperationState::succeeded)}));
  ASSERT_TRUE(wait([&] { return caller->changes().size() == 1; }));
}

TEST_F(AgentProgramTest, ItsMemoryStaysFlat) {
  AgentProgram agent(context);
  agent.begin();
  auto broker = agent.connect_broker();
  broker->answer = family_for;
  auto caller = agent.connect_caller();
  const auto private_kib = [&] {
    std::ifstream file("/proc/" + std::to_string(agent.run().process()) + "/smaps_rollup");
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("Anonymous:")) return std::atol(line.c_str() + std::string("Anonymous:").size());
    }
    return 0L;
  };
  for (int i = 0; i < 200; ++i) ASSERT_OK(answer(caller->ask(protocol::FamilyShow{})));
  const long before = private_kib();
  ASSERT_GT(before, 0);
  for (int i = 0; i < 2000; ++i) {
    if (i % 10 == 0) caller = agent.connect_caller();
    ASSERT_OK(answer(caller->ask(protocol::FamilyShow{})));
  }
  EXPECT_LE(private_kib(), before + 32);
}

}  // namespace
}  // namespace zynclone::tests
