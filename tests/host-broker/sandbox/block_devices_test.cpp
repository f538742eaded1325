#include "host-broker/sandbox/block_devices.hpp"

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host-broker/sandbox/disk_use.hpp"
#include "system/process.hpp"
#include "tests/host-broker/ports/block_devices_contract.hpp"
#include "tests/host-broker/sandbox/fixture.hpp"

namespace zynclone {
namespace sandbox {
namespace {

using broker::Detach;

class SandboxBlockDevicesTest : public SandboxTest {
 protected:
  DomainId paused(const std::string& vm, const std::string& what = "wait", const std::string& more = "") {
    const auto domain = run(toolstack.start_original(vm_file(vm, what, more)));
    EXPECT_OK(domain);
    return domain.value();
  }
  // With its program's process, once that has said what it does.
  std::pair<DomainId, pid_t> running(const std::string& vm, const std::string& what = "wait") {
    const DomainId domain = paused(vm, what);
    EXPECT_OK(run(toolstack.unpause(domain)));
    return {domain, heard.next(context).second};
  }
  // A guest whose program has the disk open.
  std::pair<DomainId, pid_t> holding(const broker::VmDisk& held) {
    const DomainId domain = paused("pos1", "hold");
    EXPECT_OK(run(devices.attach(domain, held)));
    EXPECT_OK(run(toolstack.unpause(domain)));
    const auto [word, pid] = heard.next(context);
    EXPECT_EQ(word, "hold");
    return {domain, pid};
  }
  broker::VmDisk sales() { return {.device = "xvds", .volume = {broker::VolumeFormat::raw, disk("sales.raw")}}; }
  std::vector<broker::Attachment> holders(const broker::VmDisk& of) { return run(devices.attachments_of(of.volume)).value(); }
  std::filesystem::path shown(DomainId domain, const std::string& device = "xvds") { return layout.devices(domain) / device; }
  // Asks for it, and does not wait.
  void begin_detach(DomainId domain, const broker::VmDisk& held, std::optional<Result<void>>& detached) {
    asio::co_spawn(context, detach_into(domain, held, detached), asio::detached);
  }
  asio::awaitable<void> detach_into(DomainId domain, broker::VmDisk held, std::optional<Result<void>>& detached) {
    detached.emplace(co_await devices.detach(domain, std::move(held), Detach::ask, std::chrono::seconds(10)));
  }

  // A shell beside the guest's programs, with the file open and the guest's mark in its environment, that has begun its script; `word` is its $1.
  pid_t shell_with(const std::filesystem::path& file, const std::string& script, const std::string& word = "") {
    const auto fifo = folder.path() / "begun";
    EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    const Descriptor ours(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    const std::string begins = "echo >\"$0\"; " + script;
    const pid_t child = ::fork();
    if (child == 0) {
      const int inherited = ::dup(ours.get());
      ::setenv("ZYNCLONE_SANDBOX_DOMAIN_DIR", "/nowhere", 1);
      ::execl("/bin/sh", "sh", "-c", begins.c_str(), fifo.c_str(), word.c_str(), nullptr);
      ::_exit(inherited);
    }
    EXPECT_GT(child, 0);
    const Descriptor begun(::open(fifo.c_str(), O_RDONLY | O_CLOEXEC));
    char line_end = 0;
    EXPECT_EQ(::read(begun.get(), &line_end, 1), 1);  // a shell that writes when nobody reads any more is killed
    return child;
  }

  SandboxBlockDevices devices{layout};
};

TEST_F(SandboxBlockDevicesTest, TheGuestsProgramsFindTheDisk) {
  const auto [domain, pid] = running("pos1");
  const auto disk = sales();
  ASSERT_OK(run(devices.attach(domain, disk)));
  EXPECT_EQ(std::filesystem::read_symlink(shown(domain)), disk.volume.path);
  ASSERT_OK(run(devices.detach(domain, disk, Detach::ask, std::chrono::seconds(5))));
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::symlink_status(shown(domain))));
  EXPECT_FALSE(is_gone(pid));
}

TEST_F(SandboxBlockDevicesTest, DisksOfTheFileAreThereFromTheStart) {
  const auto root = disk("root.qcow2");
  const DomainId domain = paused("pos1", "wait", "disk0 = xvda,qcow2," + root + "\n");
  EXPECT_EQ(std::filesystem::read_symlink(shown(domain, "xvda")), root);
  const auto found = run(devices.attachments_of({broker::VolumeFormat::qcow2, root})).value();
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found[0].domain, domain);
  EXPECT_EQ(found[0].device, "xvda");
  const auto other = running("pos2").first;
  const auto refused = run(devices.attach(other, {.device = "xvds", .volume = {broker::VolumeFormat::qcow2, root}}));
  ASSERT_FAILS(refused, Errc::conflict);
  EXPECT_NE(refused.error().message.find("domain " + std::to_string(domain.value)), std::string::npos);
  ASSERT_OK(run(toolstack.destroy(domain)));
  EXPECT_FALSE(std::filesystem::exists(layout.devices(domain)));
  EXPECT_TRUE(run(devices.attachments_of({broker::VolumeFormat::qcow2, root})).value().empty());
}

TEST_F(SandboxBlockDevicesTest, AnotherNameOfTheFileIsTheSameVolume) {
  const auto disk = sales();
  const DomainId domain = paused("pos1");
  ASSERT_OK(run(devices.attach(domain, disk)));
  const auto link = (folder.path() / "link").string();
  std::filesystem::create_symlink(disk.volume.path, link);
  const auto linked = run(devices.attachments_of({broker::VolumeFormat::raw, link}));
  ASSERT_OK(linked);
  EXPECT_EQ(linked.value().size(), 1u);
  EXPECT_FAILS(run(devices.attach(paused("pos2"), {.device = "xvds", .volume = {broker::VolumeFormat::raw, link}})), Errc::conflict);
}

TEST_F(SandboxBlockDevicesTest, AGuestThatHasItOpenKeepsIt) {
  const auto disk = sales();
  const auto [domain, pid] = holding(disk);
  const auto kept = run(devices.detach(domain, disk, Detach::ask, std::chrono::milliseconds(50)));
  ASSERT_FAILS(kept, Errc::timed_out);
  EXPECT_NE(kept.error().message.find("have it open: " + std::to_string(pid)), std::string::npos) << kept.error().message;
  EXPECT_EQ(holders(disk).size(), 1u);
  EXPECT_TRUE(std::filesystem::exists(shown(domain)));
  EXPECT_FALSE(is_gone(pid));
}

TEST_F(SandboxBlockDevicesTest, AGuestThatLetsItGoInTimeIsWaitedFor) {
  const auto disk = sales();
  const auto [domain, pid] = holding(disk);
  std::optional<Result<void>> detached;
  begin_detach(domain, disk, detached);
  EXPECT_FALSE(run_until([&] { return detached.has_value(); }, std::chrono::milliseconds(100)));
  ::kill(pid, SIGUSR1);
  ASSERT_TRUE(run_until([&] { return detached.has_value(); }));
  EXPECT_OK(*detached);
  EXPECT_FALSE(is_gone(pid));
  EXPECT_TRUE(holders(disk).empty());
}

TEST_F(SandboxBlockDevicesTest, ByForceItIsTakenFromWhoHasItOpen) {
  const auto disk = sales();
  const auto [domain, pid] = holding(disk);
  ASSERT_OK(run(devices.detach(domain, disk, Detach::force, std::chrono::seconds(10))));
  EXPECT_TRUE(is_gone(pid));
  EXPECT_TRUE(holders(disk).empty());
  EXPECT_EQ(heard.next(context).first, "no disk") << "the program was started again, and finds none";
  EXPECT_EQ(run(toolstack.list_domains()).value().size(), 1u);
}

TEST_F(SandboxBlockDevicesTest, APausedGuestAnswersNothingButCannotKeepItByForce) {
  const auto disk = sales();
  const auto [domain, pid] = holding(disk);
  ASSERT_OK(run(toolstack.pause(domain)));
  EXPECT_FAILS(run(devices.detach(domain, disk, Detach::ask, std::chrono::seconds(10))), Errc::timed_out);
  ASSERT_OK(run(devices.detach(domain, disk, Detach::force, std::chrono::seconds(10))));
  EXPECT_TRUE(is_gone(pid));
  EXPECT_TRUE(holders(disk).empty());
}

TEST_F(SandboxBlockDevicesTest, ProcessesBesideItsProgramsAreTheGuestsToo) {
  const auto file = disk("sales.raw");
  const Descriptor ours(::open(file.c_str(), O_RDWR | O_CLOEXEC));
  GuestProcesses guest{.sessions = {}, .marker = "ZYNCLONE_SANDBOX_DOMAIN_DIR=/nowhere"};
  EXPECT_TRUE(users_of(file, guest).empty());
  const pid_t child = shell_with(file, "exec sleep 1000");
  ASSERT_GT(child, 0);
  EXPECT_EQ(users_of(file, guest), std::vector<pid_t>{child});
  guest.marker = "ZYNCLONE_SANDBOX_DOMAIN_DIR=/nowher";
  EXPECT_TRUE(users_of(file, guest).empty()) << "of another domain";
  guest.sessions = {::getsid(child)};
  EXPECT_EQ(users_of(file, guest), std::vector<pid_t>{child});
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

// Meanwhile its environment, by which it is known, is not to be read.
TEST_F(SandboxBlockDevicesTest, AProcessThatBecomesAnotherProgramIsFound) {
  const auto file = disk("sales.raw");
  const GuestProcesses guest{.sessions = {}, .marker = "ZYNCLONE_SANDBOX_DOMAIN_DIR=/nowhere"};
  const pid_t child = shell_with(file, R"(exec sh -c "$1" "$1")", R"(exec sh -c "$0" "$0")");
  ASSERT_GT(child, 0);
  unsigned found = 0;
  for (int i = 0; i < 300; ++i) found += users_of(file, guest) == std::vector<pid_t>{child} ? 1 : 0;
  EXPECT_EQ(found, 300u);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
}

TEST_F(SandboxBlockDevicesTest, WhatCannotBeAttachedLeavesNothing) {
  const DomainId domain = paused("pos1");
  const broker::VmDisk missing{.device = "xvds", .volume = {broker::VolumeFormat::raw, "/nowhere/sales.raw"}};
  EXPECT_FAILS(run(devices.attach(domain, missing)), Errc::not_found);
  auto unknown = sales();
  EXPECT_FAILS(run(devices.attach({999}, unknown)), Errc::not_found);
  unknown.device = "vda";
  EXPECT_FAILS(run(devices.attach(domain, unknown)), Errc::invalid_argument);
  EXPECT_TRUE(std::filesystem::is_empty(layout.devices(domain)));
  EXPECT_TRUE(holders(sales()).empty());
}

TEST_F(SandboxBlockDevicesTest, TwoMayReadWhatNobodyWrites) {
  auto first = sales();
  first.writable = false;
  const DomainId reader = paused("pos1", "wait", "disk0 = xvdb,raw," + first.volume.path + ",ro\n");
  auto clone_of_it = run(toolstack.start_original(vm_file("pos2", "wait", "disk0 = xvdb,raw," + first.volume.path + ",ro\n")));
  EXPECT_OK(clone_of_it);
  EXPECT_EQ(holders(first).size(), 2u);
  EXPECT_FAILS(run(devices.attach(reader, first)), Errc::conflict) << "the broker gives a volume to one";
}

TEST_F(SandboxBlockDevicesTest, AGuestThatEndsMeanwhileHasNothingLeft) {
  const auto disk = sales();
  const auto [domain, pid] = holding(disk);
  std::optional<Result<void>> detached;
  begin_detach(domain, disk, detached);
  EXPECT_FALSE(run_until([&] { return detached.has_value(); }, std::chrono::milliseconds(50)));
  ASSERT_OK(run(toolstack.destroy(domain)));
  ASSERT_TRUE(run_until([&] { return detached.has_value(); }));
  EXPECT_OK(*detached);
  EXPECT_TRUE(holders(disk).empty());
}

TEST_F(SandboxBlockDevicesTest, AProgramKnowsItsDomainsFolder) {
  const DomainId domain = paused("pos1", "folder");
  ASSERT_OK(run(toolstack.unpause(domain)));
  EXPECT_EQ(heard.next(context).first, layout.domain(domain).string() + " pos1");
  EXPECT_TRUE(std::filesystem::is_directory(layout.mounts(domain)));
}

TEST_F(SandboxBlockDevicesTest, TheAgentKnowsItsDomainsFolders) {
  const auto file = layout.vm_file(VmName::parse("pos1").value()).string();
  ASSERT_OK(write_file_whole(file, "uuid = " + Uuid::derived("pos1").text() + "\nagent_shared_volume.sales = ~/mnt/sales\nagent_hook_timeout = 2s\n"));
  const auto domain = run(toolstack.start_original(file));
  ASSERT_OK(domain);
  const auto text = read_file(layout.domain(domain.value()) / "agent.conf", 4096);
  ASSERT_OK(text);
  EXPECT_NE(text.value().find("shared_volume.sales = " + (layout.mounts(domain.value()) / "sales").string() + "\n"), std::string::npos) << text.value();
  EXPECT_NE(text.value().find("devices_dir = " + layout.devices(domain.value()).string() + "\n"), std::string::npos);
  EXPECT_NE(text.value().find("mounter = pretended\n"), std::string::npos);
  EXPECT_NE(text.value().find("hook_timeout = 2s\n"), std::string::npos);
}

}  // namespace
}  // namespace sandbox

namespace tests {
namespace {

class SandboxWorld : public BlockDevicesWorld {
 public:
  SandboxWorld() : layout_(sandbox::Layout::of(folder_.path()).value()), toolstack_(layout_), devices_(layout_) {
    host_ = sandbox::Host::open(context_.get_executor(), layout_).value();
    first_ = start("pos1");
    second_ = start("pos2");
  }
  ~SandboxWorld() override {
    host_->request_stop();
    run_on(context_, [](sandbox::Host& host) -> asio::awaitable<bool> {
      co_await host.run();
      co_return true;
    }(*host_));
  }
  asio::io_context& context() override { return context_; }
  broker::BlockDevices& devices() override { return devices_; }
  DomainId first() override { return first_; }
  DomainId second() override { return second_; }
  broker::Volume volume(const std::string& name) override {
    const auto path = (layout_.images() / name).string();
    EXPECT_OK(write_file_whole(path, "disk"));
    return {broker::VolumeFormat::raw, path};
  }

 private:
  DomainId start(const std::string& vm) {
    const auto file = layout_.vm_file(VmName::parse(vm).value()).string();
    EXPECT_OK(write_file_whole(file, "uuid = " + Uuid::derived(vm).text() + "\nagent = no\nrun0 = /bin/sleep 1000\n"));
    const auto domain = run_on(context_, toolstack_.start_original(file));
    EXPECT_OK(domain);
    EXPECT_OK(run_on(context_, toolstack_.unpause(domain.value())));
    return domain.value();
  }

  asio::io_context context_{1};
  TemporaryFolder folder_;
  sandbox::Layout layout_;
  sandbox::SandboxToolstack toolstack_;
  sandbox::SandboxBlockDevices devices_;
  std::unique_ptr<sandbox::Host> host_;
  DomainId first_;
  DomainId second_;
};

std::unique_ptr<BlockDevicesWorld> make_world() { return std::make_unique<SandboxWorld>(); }

INSTANTIATE_TEST_SUITE_P(Sandbox, BlockDevicesContract, testing::Values(&make_world));

}  // namespace
}  // namespace tests
}  // namespace zynclone
