#include "host-broker/sandbox/toolstack.hpp"

#include <cstdlib>

#include "host-broker/xen/store/xenstore.hpp"
#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone::sandbox {
namespace {

using broker::DomainState;

class ToolstackTest : public SandboxTest {
 protected:
  // An original that runs, with its program's process id.
  std::pair<DomainId, pid_t> start(const std::string& vm, const std::string& what = "wait") {
    const auto domain = run(toolstack.start_original(vm_file(vm, what)));
    EXPECT_OK(domain);
    EXPECT_OK(run(toolstack.unpause(domain.value())));
    return {domain.value(), heard.next(context).second};
  }

  std::vector<broker::Domain> list() { return run(toolstack.list_domains()).value(); }

  broker::CloneDomain clone_of(const std::string& vm, const std::string& name) {
    return {.original_file = vm_file(vm), .name = vm + "." + name, .uuid = Uuid::derived(vm + name), .disks = {}, .vifs = {}};
  }
};

TEST_F(ToolstackTest, ReadsTheConfigurationOfAnOriginal) {
  const auto file = vm_file("pos1", "wait", "disk0 = xvda,qcow2,/images/root.qcow2\nvif0 = 00:16:3e:11:22:33,xenbr0\n");
  const auto config = run(toolstack.read_config(VmName::parse("pos1").value(), file));
  ASSERT_OK(config);
  EXPECT_EQ(config.value().name.text(), "pos1");
  EXPECT_EQ(config.value().uuid, Uuid::derived("pos1"));
  EXPECT_EQ(config.value().file, file);
  ASSERT_EQ(config.value().disks.size(), 1u);
  EXPECT_EQ(config.value().disks[0].volume.path, "/images/root.qcow2");
  ASSERT_EQ(config.value().vifs.size(), 1u);
  EXPECT_EQ(config.value().vifs[0].mac, "00:16:3e:11:22:33");
  EXPECT_FAILS(run(toolstack.read_config(VmName::parse("pos2").value(), "/nowhere.cfg")), Errc::configuration);
}

TEST_F(ToolstackTest, ADomainStartsPausedAndRunsWhenUnpaused) {
  const auto domain = run(toolstack.start_original(vm_file("pos1")));
  ASSERT_OK(domain);
  ASSERT_EQ(list().size(), 1u);
  EXPECT_EQ(list()[0].state, DomainState::paused);
  EXPECT_EQ(list()[0].name, "pos1");
  EXPECT_EQ(list()[0].uuid, Uuid::derived("pos1"));
  ASSERT_OK(run(toolstack.unpause(domain.value())));
  EXPECT_EQ(heard.next(context).first, "wait");
  EXPECT_EQ(list()[0].state, DomainState::running);
  EXPECT_OK(run(toolstack.unpause(domain.value()))) << "again";
}

TEST_F(ToolstackTest, PauseStopsAllOfADomain) {
  const auto domain = run(toolstack.start_original(vm_file("pos1", "family")));
  ASSERT_OK(run(toolstack.unpause(domain.value())));
  const std::set<pid_t> all{heard.next(context).second, heard.next(context).second};
  ASSERT_OK(run(toolstack.pause(domain.value())));
  EXPECT_EQ(list()[0].state, DomainState::paused);
  for (const pid_t pid : all) EXPECT_TRUE(run_until([&] { return state_of(pid) == 'T'; })) << "also a child in another process group";
  ASSERT_OK(run(toolstack.unpause(domain.value())));
  for (const pid_t pid : all) EXPECT_TRUE(run_until([&] { return state_of(pid) != 'T'; }));
}

TEST_F(ToolstackTest, DestroyLeavesNothing) {
  const auto domain = run(toolstack.start_original(vm_file("pos1", "family")));
  ASSERT_OK(run(toolstack.unpause(domain.value())));
  const std::set<pid_t> all{heard.next(context).second, heard.next(context).second};
  ASSERT_OK(run(toolstack.destroy(domain.value())));
  for (const pid_t pid : all) EXPECT_TRUE(is_gone(pid));
  EXPECT_TRUE(list().empty());
  EXPECT_FALSE(std::filesystem::exists(layout.store_socket(domain.value())));
  EXPECT_OK(run(toolstack.destroy(domain.value()))) << "one that is not there is no error";
  EXPECT_OK(run(toolstack.destroy({999})));
}

TEST_F(ToolstackTest, APausedDomainIsDestroyedToo) {
  const auto [domain, pid] = start("pos1", "deaf");
  ASSERT_OK(run(toolstack.pause(domain)));
  ASSERT_OK(run(toolstack.destroy(domain)));
  EXPECT_TRUE(is_gone(pid));
  const auto never_run = run(toolstack.start_original(vm_file("pos1")));
  ASSERT_OK(run(toolstack.destroy(never_run.value())));
  EXPECT_NE(never_run.value(), domain) << "numbers are not used again at once";
}

TEST_F(ToolstackTest, AKilledProgramIsStartedAgainAndTheDomainStays) {
  const auto [domain, pid] = start("pos1");
  ::kill(pid, SIGKILL);
  const auto again = heard.next(context);
  EXPECT_EQ(again.first, "wait");
  EXPECT_NE(again.second, pid);
  ASSERT_EQ(list().size(), 1u);
  EXPECT_EQ(list()[0].id, domain);
  ASSERT_OK(run(toolstack.destroy(domain)));
  EXPECT_TRUE(is_gone(again.second));
}

TEST_F(ToolstackTest, AProgramKilledWhilePausedComesBackAfterwards) {
  const auto [domain, pid] = start("pos1");
  ASSERT_OK(run(toolstack.pause(domain)));
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(run_until([&, killed = pid] { return state_of(killed) == '0'; }));
  ASSERT_OK(run(toolstack.unpause(domain)));
  EXPECT_EQ(heard.next(context).first, "wait");
}

TEST_F(ToolstackTest, ShutdownEndsTheProgramsAndTheDomain) {
  const auto [domain, pid] = start("pos1");
  ASSERT_OK(run(toolstack.shut_down(domain, std::chrono::seconds(10))));
  EXPECT_TRUE(is_gone(pid));
  EXPECT_TRUE(list().empty());
}

TEST_F(ToolstackTest, AGuestThatDoesNotListenStaysAsItIs) {
  const auto [domain, pid] = start("pos1", "deaf");
  const auto shut_down = run(toolstack.shut_down(domain, std::chrono::milliseconds(50)));
  ASSERT_FAILS(shut_down, Errc::timed_out);
  EXPECT_NE(shut_down.error().message.find("cannot shut down domain"), std::string::npos);
  ASSERT_EQ(list().size(), 1u);
  EXPECT_EQ(list()[0].state, DomainState::running);
  EXPECT_FALSE(is_gone(pid));
  EXPECT_OK(run(toolstack.destroy(domain)));
}

TEST_F(ToolstackTest, APausedGuestShutsDownWhenItRuns) {
  const auto [domain, pid] = start("pos1");
  ASSERT_OK(run(toolstack.pause(domain)));
  EXPECT_FAILS(run(toolstack.shut_down(domain, std::chrono::milliseconds(20))), Errc::timed_out);
  EXPECT_FALSE(is_gone(pid));
  ASSERT_OK(run(toolstack.unpause(domain)));
  EXPECT_TRUE(run_until([&] { return list().empty(); }));
  EXPECT_FAILS(run(toolstack.shut_down({999}, std::chrono::seconds(1))), Errc::not_found);
}

TEST_F(ToolstackTest, AGuestMayShutItselfDown) {
  const auto [domain, pid] = start("pos1");
  ASSERT_EQ(::setenv("XENSTORED_PATH", layout.store_socket(domain).c_str(), 1), 0);
  // libxenstore blocks, and the store is on this thread: another one plays the guest.
  asio::thread_pool pool(1);
  const auto written = run(run_blocking(pool, [&] {
    auto guest = xenstore::Store::open(context.get_executor());
    return guest ? guest.value().write("control/shutdown", "poweroff") : Result<void>(guest.error());
  }));
  ASSERT_OK(written);
  EXPECT_TRUE(run_until([&] { return list().empty(); }));
  EXPECT_TRUE(is_gone(pid));
}

TEST_F(ToolstackTest, ProgramsOfAGuestAreInItsWorld) {
  const auto domain = run(toolstack.start_original(vm_file("pos1", "environment")));
  ASSERT_OK(run(toolstack.unpause(domain.value())));
  EXPECT_EQ(heard.next(context).first, layout.store_socket(domain.value()).string() + " " + layout.agent_socket(domain.value()).string());
}

TEST_F(ToolstackTest, AnOriginalsNameAndUuidAreUsedOnce) {
  const auto original = run(toolstack.start_original(vm_file("pos1")));
  ASSERT_OK(original);
  EXPECT_FAILS(run(toolstack.start_original(vm_file("pos1"))), Errc::already_exists);
  auto clone = clone_of("pos1", "upgrade");
  clone.name = "pos1";
  EXPECT_FAILS(run(toolstack.start_paused(clone)), Errc::already_exists);
  EXPECT_EQ(list().size(), 1u);
}

TEST_F(ToolstackTest, AnOriginalIsStartedByItsFileOnce) {
  const auto vm = VmName::parse("pos1").value();
  const auto file = vm_file("pos1");
  const auto first = run(toolstack.start_original_paused(vm, file));
  ASSERT_OK(first);
  ASSERT_EQ(list().size(), 1u);
  EXPECT_EQ(list()[0].name, "pos1");
  EXPECT_EQ(list()[0].uuid, Uuid::derived("pos1"));
  EXPECT_EQ(list()[0].state, DomainState::paused);
  const auto again = run(toolstack.start_original_paused(vm, file));
  ASSERT_OK(again);
  EXPECT_EQ(first.value(), again.value());
  EXPECT_FAILS(run(toolstack.start_original_paused(VmName::parse("pos2").value(), file)), Errc::configuration);
  EXPECT_FAILS(run(toolstack.start_original_paused(vm, "/nowhere/pos1.cfg")), Errc::configuration);
  EXPECT_EQ(list().size(), 1u);
}

TEST_F(ToolstackTest, StartedTwiceItIsTheSameDomainAndEndedItIsNone) {
  const auto clone = clone_of("pos1", "upgrade");
  const auto first = run(toolstack.start_paused(clone));
  ASSERT_OK(first);
  const auto second = run(toolstack.start_paused(clone));
  ASSERT_OK(second);
  EXPECT_EQ(first.value(), second.value());
  ASSERT_OK(run(toolstack.end(clone.uuid)));
  EXPECT_TRUE(list().empty());
  EXPECT_OK(run(toolstack.end(clone.uuid))) << "nothing there is no error";
}

TEST_F(ToolstackTest, ACloneIsAsItIsDescribed) {
  auto clone = clone_of("pos1", "upgrade");
  clone.disks = {{.device = "xvda", .volume = {broker::VolumeFormat::qcow2, disk("clone.qcow2")}}};
  clone.vifs = {{.index = 1, .mac = "00:16:3e:00:00:01", .bridge = "xenbr0", .interface = "zc0a1"}};
  const auto domain = run(toolstack.start_paused(clone));
  ASSERT_OK(domain);
  EXPECT_EQ(list()[0].name, "pos1.upgrade");
  EXPECT_EQ(list()[0].state, DomainState::paused);
  ASSERT_OK(run(toolstack.switch_layer(domain.value(), clone.disks[0])));
  EXPECT_FAILS(run(toolstack.switch_layer(domain.value(), {.device = "xvdz"})), Errc::not_found);
  ASSERT_OK(run(toolstack.unpause(domain.value())));
  EXPECT_EQ(heard.next(context).first, "wait") << "what its original runs";
}

TEST_F(ToolstackTest, ADiskThatIsMissingOrInUseFailsTheStartAndLeavesNothing) {
  auto first = clone_of("pos1", "first");
  first.disks = {{.device = "xvda", .volume = {broker::VolumeFormat::qcow2, "/nowhere/root.qcow2"}}};
  const auto missing = run(toolstack.start_paused(first));
  ASSERT_FAILS(missing, Errc::xen);
  EXPECT_NE(missing.error().message.find("disk '/nowhere/root.qcow2' is not there"), std::string::npos);
  first.disks[0].volume.path = disk("root.qcow2");
  ASSERT_OK(run(toolstack.start_paused(first)));
  auto second = clone_of("pos1", "second");
  second.disks = first.disks;
  EXPECT_FAILS(run(toolstack.start_paused(second)), Errc::xen);
  EXPECT_EQ(list().size(), 1u);
}

TEST_F(ToolstackTest, AProgramThatIsMissingFailsTheStartAndLeavesNothing) {
  const auto file = layout.vm_file(VmName::parse("pos9").value()).string();
  ASSERT_OK(write_file_whole(file, "uuid = " + Uuid::derived("pos9").text() + "\nagent = no\nrun0 = /nowhere/program\n"));
  const auto started = run(toolstack.start_original(file));
  ASSERT_FAILS(started, Errc::not_found);
  EXPECT_TRUE(list().empty());
  EXPECT_FALSE(std::filesystem::exists(layout.store_socket({1})));
}

TEST_F(ToolstackTest, BadDescriptionsAreRefused) {
  auto clone = clone_of("pos1", "x");
  clone.vifs = {{.index = 0, .mac = "no mac", .bridge = "xenbr0"}};
  EXPECT_FAILS(run(toolstack.start_paused(clone)), Errc::invalid_argument);
  clone.vifs.clear();
  clone.original_file = "/nowhere.cfg";
  EXPECT_FAILS(run(toolstack.start_paused(clone)), Errc::configuration);
  EXPECT_TRUE(list().empty());
}

TEST_F(ToolstackTest, ManyDomainsAreListedWhole) {
  for (int number = 0; number < 450; ++number) {
    auto clone = clone_of("pos1", std::to_string(number));
    ASSERT_OK(run(toolstack.start_paused(clone)));
  }
  EXPECT_EQ(list().size(), 450u);
}

TEST_F(ToolstackTest, TheEndOfTheSandboxIsTheEndOfItsDomains) {
  const auto [first, first_pid] = start("pos1", "deaf");
  const auto [second, second_pid] = start("pos2");
  TearDown();
  EXPECT_TRUE(is_gone(first_pid));
  EXPECT_TRUE(is_gone(second_pid));
}

}  // namespace
}  // namespace zynclone::sandbox
