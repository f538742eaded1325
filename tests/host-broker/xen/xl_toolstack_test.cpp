#include "host-broker/xen/xl_toolstack.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-broker/xen/xl_process.hpp"
#include "system/process.hpp"
#include "tests/host-broker/xen/fake_xen.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone::broker::xen {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* k_clone_uuid = "0b6a3b0e-6f4e-8b1c-9d0d-5f2f6f0d2c11";

class XlToolstackTest : public testing::Test {
 protected:
  XlToolstackTest() {
    xen_.folder().write("pos1.cfg", "name = \"pos1\"\nuuid = \"3dd13d21-a41a-45ee-bcf3-f29c4dc9349f\"\nmemory = 256\n"
                                    "disk = [\"phy:/dev/vg0/pos1-root,xvda,w\"]\nvif = [\"bridge=xenbr0\"]\n");
  }
  std::string file(std::string_view name) { return (xen_.folder() / name).string(); }
  CloneDomain clone() {
    return {.original_file = file("pos1.cfg"),
            .name = "pos1.upgrade-1",
            .uuid = Uuid::parse(k_clone_uuid).value(),
            .disks = {{"xvda", {VolumeFormat::lvm_thin, "/dev/vg0/pos1-root.01copy"}, true}},
            .vifs = {{.index = 0, .mac = "00:16:3e:11:22:33", .bridge = "xenbr0", .backend = "0", .interface = "zc0b6a3b.0"}}};
  }
  XlSettings settings() {
    return {.xl = xen_.xl(), .run_folder = file("run"), .qemu_folder = file("qemu"), .create_limit = std::chrono::seconds(20)};
  }
  Result<DomainId> start(XlToolstack& toolstack) { return tests::run(toolstack.start_paused(clone())); }
  std::vector<Domain> domains() { return tests::run(xen_.list()).value(); }
  std::string config_file() { return file("run") + "/" + k_clone_uuid + ".cfg"; }
  bool run_folder_is_empty() {
    return !std::filesystem::exists(file("run")) || std::filesystem::is_empty(file("run"));
  }

  tests::FakeHypervisor xen_;
  XlToolstack toolstack_{xen_, settings()};
};

TEST_F(XlToolstackTest, StartsPausedFromARenderedFile) {
  auto id = start(toolstack_);
  ASSERT_OK(id);
  EXPECT_EQ(id.value(), DomainId{7});
  EXPECT_EQ(xen_.folder().read("calls"), "xl create -p -q " + config_file() + "\n");
  EXPECT_THAT(xen_.folder().read("seen.cfg"),
              AllOf(HasSubstr("memory = 256\n"), HasSubstr("name = \"pos1.upgrade-1\"\n"), HasSubstr("target=/dev/vg0/pos1-root.01copy")));
  struct stat status {};
  ASSERT_EQ(::stat(file("seen.cfg").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(::stat(file("run").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);
  EXPECT_TRUE(run_folder_is_empty());
  ASSERT_EQ(domains().size(), 1u);
  EXPECT_EQ(domains()[0].state, DomainState::paused);
}

TEST_F(XlToolstackTest, RestoresFromAnImageWithTheClonesConfiguration) {
  const std::string image = xen_.folder().write("01image.image", "memory");
  auto id = tests::run(toolstack_.restore_paused(clone(), image));
  ASSERT_OK(id);
  EXPECT_EQ(id.value(), DomainId{7});
  EXPECT_EQ(xen_.folder().read("calls"), "xl restore -p " + config_file() + " " + image + "\n");
  EXPECT_THAT(xen_.folder().read("seen.cfg"), HasSubstr("name = \"pos1.upgrade-1\"\n"));
  EXPECT_TRUE(run_folder_is_empty());
  // Its watcher is known by the same file, and a second call finds the domain, the image gone or not.
  EXPECT_TRUE(find_xl_processes(config_file()).watcher);
  std::filesystem::remove(image);
  auto again = tests::run(toolstack_.restore_paused(clone(), image));
  ASSERT_OK(again);
  EXPECT_EQ(again.value(), DomainId{7});
  ASSERT_OK(tests::run(toolstack_.end(clone().uuid)));
  EXPECT_FALSE(find_xl_processes(config_file()).watcher);
}

TEST_F(XlToolstackTest, WithoutAnImageNothingIsRestored) {
  EXPECT_FAILS(tests::run(toolstack_.restore_paused(clone(), "/nowhere/01image.image")), Errc::not_found);
  EXPECT_EQ(xen_.folder().read("calls"), "");
}

TEST_F(XlToolstackTest, StartedTwiceIsTheSameDomain) {
  ASSERT_OK(start(toolstack_));
  auto again = start(toolstack_);
  ASSERT_OK(again);
  EXPECT_EQ(again.value(), DomainId{7});
  EXPECT_EQ(domains().size(), 1u);
}

TEST_F(XlToolstackTest, ADomainThatRunsIsAdopted) {
  xen_.put(3, k_clone_uuid, "pos1.upgrade-1", "running");
  auto id = start(toolstack_);
  ASSERT_OK(id);
  EXPECT_EQ(id.value(), DomainId{3});
  EXPECT_EQ(xen_.folder().read("calls"), "");
}

// Paused and watched by nobody: xl was killed while it built, and the domain may lack anything.
TEST_F(XlToolstackTest, TheRemainsOfAnInterruptedStartAreReplaced) {
  for (const char* state : {"paused", "shut_down", "dying"}) {
    tests::FakeHypervisor xen;
    XlSettings own = settings();
    own.xl = xen.xl();
    XlToolstack toolstack(xen, own);
    xen.put(3, k_clone_uuid, "pos1.upgrade-1", state);
    auto id = start(toolstack);
    ASSERT_OK(id) << state;
    EXPECT_EQ(id.value(), DomainId{7});
    EXPECT_THAT(xen.calls, ElementsAre("destroy 3"));
  }
}

asio::awaitable<void> keep(std::vector<std::string> arguments) { (void)co_await run_process(std::move(arguments)); }

asio::awaitable<void> start_into(std::optional<Result<DomainId>>& into, XlToolstack& toolstack, CloneDomain domain) {
  into.emplace(co_await toolstack.start_paused(std::move(domain)));
}

// While the first one's QEMU does not listen yet, its port looks free.
TEST_F(XlToolstackTest, ClonesThatStartAtOnceHaveSpicePortsOfTheirOwn) {
  ASSERT_EQ(::mkfifo(file("begun").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(file("go-on").c_str(), 0600), 0);
  xen_.folder().write("pos1.cfg", "name = \"pos1\"\nuuid = \"3dd13d21-a41a-45ee-bcf3-f29c4dc9349f\"\ntype = \"hvm\"\nspice = 1\nspiceport = 6000\n"
                                  "disk = [\"phy:/dev/vg0/pos1-root,xvda,w\"]\nvif = [\"bridge=xenbr0\"]\n");
  xen_.xl_does("make; echo >\"$here/begun\"; read -r line <\"$here/go-on\"; watch \"$@\"");
  std::uint16_t first = 45930;
  while (!is_port_free(first) || !is_port_free(static_cast<std::uint16_t>(first + 1))) ++first;
  XlSettings two_ports = settings();
  two_ports.spice_ports = {first, static_cast<std::uint16_t>(first + 1)};
  XlToolstack toolstack(xen_, two_ports);
  CloneDomain other = clone();
  other.name = "pos1.upgrade-2";
  other.uuid = Uuid::derived("another");
  asio::io_context context(1);
  asio::posix::stream_descriptor begun(context, ::open(file("begun").c_str(), O_RDWR | O_NONBLOCK));
  asio::posix::stream_descriptor go_on(context, ::open(file("go-on").c_str(), O_RDWR | O_NONBLOCK));
  std::optional<Result<DomainId>> one_started;
  std::optional<Result<DomainId>> other_started;
  asio::co_spawn(context, start_into(one_started, toolstack, clone()), asio::detached);
  asio::co_spawn(context, start_into(other_started, toolstack, other), asio::detached);
  std::size_t at_work = 0;
  char bytes[2] = {};
  const std::function<void(boost::system::error_code, std::size_t)> count = [&](boost::system::error_code, std::size_t size) {
    at_work += size;
    if (at_work < 2) begun.async_read_some(asio::buffer(bytes), count);
  };
  begun.async_read_some(asio::buffer(bytes), count);
  while (at_work < 2) context.run_one();
  std::set<unsigned> ports;
  for (const std::string& uuid : {std::string(k_clone_uuid), other.uuid.text()}) {
    const auto rendered = parse_xl_config(xen_.folder().read("run/" + uuid + ".cfg"), uuid);
    ASSERT_OK(rendered);
    ports.insert(rendered.value().spice_port);
  }
  EXPECT_THAT(ports, ElementsAre(first, first + 1));
  go_on.write_some(asio::buffer("\n\n", 2));
  while (!one_started || !other_started) context.run_one();
}

// A broker that was killed and started again finds the xl of its predecessor still at work.
TEST_F(XlToolstackTest, WaitsForAnXlThatIsStillAtWork) {
  ASSERT_EQ(::mkfifo(file("begun").c_str(), 0600), 0);
  ASSERT_EQ(::mkfifo(file("go-on").c_str(), 0600), 0);
  xen_.folder().write("run/" + std::string(k_clone_uuid) + ".cfg", "name = \"pos1.upgrade-1\"\nuuid = \"" + std::string(k_clone_uuid) + "\"\n");
  xen_.xl_does("make; echo >\"$here/begun\"; read -r line <\"$here/go-on\"; watch \"$@\"");
  asio::io_context context(1);
  asio::co_spawn(context, keep(create_arguments(xen_.xl(), config_file())), asio::detached);
  asio::posix::stream_descriptor begun(context, ::open(file("begun").c_str(), O_RDWR | O_NONBLOCK));
  asio::posix::stream_descriptor go_on(context, ::open(file("go-on").c_str(), O_RDWR | O_NONBLOCK));
  char byte = 0;
  begun.async_read_some(asio::buffer(&byte, 1), [this](boost::system::error_code, std::size_t) {
    EXPECT_TRUE(find_xl_processes(config_file()).builder.has_value());
    EXPECT_FALSE(find_xl_processes(config_file()).watcher);
  });
  while (byte == 0) context.run_one();
  std::optional<Result<DomainId>> id_later;
  asio::co_spawn(context, start_into(id_later, toolstack_, clone()), asio::detached);
  context.poll();  // until it waits
  EXPECT_FALSE(id_later.has_value());
  go_on.write_some(asio::buffer("\n", 1));
  while (!id_later) context.run_one();
  const Result<DomainId>& id = *id_later;
  ASSERT_OK(id);
  EXPECT_EQ(id.value(), DomainId{7});
  EXPECT_THAT(xen_.calls, IsEmpty());
  EXPECT_TRUE(find_xl_processes(config_file()).watcher);
}

TEST_F(XlToolstackTest, AnXlThatIsAtWorkForEverIsAnErrorAndLeftAlone) {
  xen_.folder().write("run/" + std::string(k_clone_uuid) + ".cfg", "name = \"x\"\n");
  xen_.xl_does("sleep 1000; true");
  asio::io_context context(1);
  asio::co_spawn(context, keep(create_arguments(xen_.xl(), config_file())), asio::detached);
  context.poll();
  XlSettings impatient = settings();
  impatient.create_limit = std::chrono::milliseconds(300);
  XlToolstack toolstack(xen_, impatient);
  EXPECT_FAILS(tests::run_on(context, toolstack.start_paused(clone())), Errc::timed_out);
  EXPECT_TRUE(find_xl_processes(config_file()).builder.has_value());
}

constexpr const char* k_original_uuid = "3dd13d21-a41a-45ee-bcf3-f29c4dc9349f";

class XlOriginalTest : public XlToolstackTest {
 protected:
  Result<DomainId> start_original() { return tests::run(toolstack_.start_original_paused(VmName::parse("pos1").value(), file("pos1.cfg"))); }
  std::string note() { return "run/" + std::string(k_original_uuid) + ".original"; }
};

TEST_F(XlOriginalTest, IsStartedByItsOwnFileAsItIs) {
  auto id = start_original();
  ASSERT_OK(id);
  EXPECT_EQ(id.value(), DomainId{7});
  EXPECT_EQ(xen_.folder().read("calls"), "xl create -p -q " + file("pos1.cfg") + "\n");
  EXPECT_EQ(xen_.folder().read("seen.cfg"), xen_.folder().read("pos1.cfg"));
  EXPECT_TRUE(run_folder_is_empty());
  ASSERT_EQ(domains().size(), 1u);
  EXPECT_EQ(domains()[0].state, DomainState::paused);
  auto again = start_original();
  ASSERT_OK(again);
  EXPECT_EQ(again.value(), DomainId{7});
  EXPECT_EQ(domains().size(), 1u);
  EXPECT_THAT(xen_.calls, IsEmpty());
}

// Started by hand or at boot, by an xl that is not known by its arguments, and paused since: it may have run for years.
TEST_F(XlOriginalTest, ThatSomebodyElseStartedIsTheAnswer) {
  for (const char* state : {"running", "paused"}) {
    xen_.put(3, k_original_uuid, "pos1", state);
    auto id = start_original();
    ASSERT_OK(id) << state;
    EXPECT_EQ(id.value(), DomainId{3});
  }
  EXPECT_EQ(xen_.folder().read("calls"), "");
  EXPECT_THAT(xen_.calls, IsEmpty());
}

TEST_F(XlOriginalTest, OfAnInterruptedStartIsReplaced) {
  ASSERT_TRUE(std::filesystem::create_directory(file("run")));
  xen_.folder().write(note(), file("pos1.cfg"));
  xen_.put(3, k_original_uuid, "pos1", "paused");
  auto id = start_original();
  ASSERT_OK(id);
  EXPECT_EQ(id.value(), DomainId{7});
  EXPECT_THAT(xen_.calls, ElementsAre("destroy 3"));
  EXPECT_TRUE(run_folder_is_empty());
}

TEST_F(XlOriginalTest, ThatHasShutDownIsClearedAwayAndStarted) {
  xen_.put(3, k_original_uuid, "pos1", "shut_down");
  auto id = start_original();
  ASSERT_OK(id);
  EXPECT_EQ(id.value(), DomainId{7});
  EXPECT_THAT(xen_.calls, ElementsAre("destroy 3"));
}

TEST_F(XlOriginalTest, ThatCannotBeStartedLeavesNothing) {
  xen_.xl_does("make; echo 'libxl: error: out of memory' >&2; exit 3");
  auto id = start_original();
  ASSERT_FAILS(id, Errc::xen);
  EXPECT_THAT(id.error().message, AllOf(HasSubstr("cannot start 'pos1'"), HasSubstr("out of memory")));
  EXPECT_THAT(domains(), IsEmpty());
  EXPECT_TRUE(run_folder_is_empty());
}

// What could not be cleared away is told from a domain that somebody paused, later too.
TEST_F(XlOriginalTest, WhoseRemainsStayIsKnownByItsNote) {
  xen_.xl_does("make; exit 3");
  xen_.failures.insert({"destroy", {Errc::xen, "no"}});
  EXPECT_FAILS(start_original(), Errc::xen);
  EXPECT_TRUE(std::filesystem::exists(file(note())));
  xen_.failures.clear();
  xen_.xl_does("make; watch \"$@\"");
  ASSERT_OK(start_original());
  EXPECT_EQ(domains().size(), 1u);
  EXPECT_TRUE(run_folder_is_empty());
}

TEST_F(XlOriginalTest, WithoutAUuidOrUnderAnotherNameIsNotStarted) {
  xen_.folder().write("pos1.cfg", "name = \"pos1\"\nmemory = 256\n");
  auto id = start_original();
  ASSERT_FAILS(id, Errc::configuration);
  EXPECT_THAT(id.error().message, AllOf(HasSubstr("pos1.cfg"), HasSubstr("has no uuid")));
  xen_.folder().write("pos1.cfg", "name = \"pos2\"\nuuid = \"" + std::string(k_original_uuid) + "\"\n");
  EXPECT_FAILS(start_original(), Errc::configuration);
  std::filesystem::remove(xen_.folder() / "pos1.cfg");
  EXPECT_FAILS(start_original(), Errc::configuration);
  EXPECT_EQ(xen_.folder().read("calls"), "");
}

TEST_F(XlToolstackTest, AFailingXlIsReportedAndLeavesNothing) {
  xen_.xl_does("echo 'libxl: error: out of memory' >&2; exit 3");
  auto id = start(toolstack_);
  ASSERT_FAILS(id, Errc::xen);
  EXPECT_THAT(id.error().message, AllOf(HasSubstr("'pos1.upgrade-1'"), HasSubstr("exit status 3"), HasSubstr("out of memory")));
  EXPECT_THAT(domains(), IsEmpty());
  EXPECT_TRUE(run_folder_is_empty());
}

TEST_F(XlToolstackTest, WhatAFailingXlMadeIsDestroyed) {
  xen_.xl_does("make; exit 3");
  EXPECT_FAILS(start(toolstack_), Errc::xen);
  EXPECT_THAT(xen_.calls, ElementsAre("destroy 7"));
  EXPECT_THAT(domains(), IsEmpty());
}

TEST_F(XlToolstackTest, AHangingXlIsEndedAndWhatItMadeIsDestroyed) {
  xen_.xl_does("make; exec sleep 1000");
  XlSettings impatient = settings();
  impatient.create_limit = std::chrono::milliseconds(500);
  XlToolstack toolstack(xen_, impatient);
  EXPECT_FAILS(start(toolstack), Errc::timed_out);
  EXPECT_THAT(xen_.calls, ElementsAre("destroy 7"));
  EXPECT_THAT(domains(), IsEmpty());
  EXPECT_FALSE(find_xl_processes(config_file()).builder.has_value());
  EXPECT_TRUE(run_folder_is_empty());
}

TEST_F(XlToolstackTest, AnXlThatMakesNothingIsAnError) {
  xen_.xl_does("exit 0");
  auto id = start(toolstack_);
  ASSERT_FAILS(id, Errc::xen);
  EXPECT_THAT(id.error().message, HasSubstr(k_clone_uuid));
}

TEST_F(XlToolstackTest, EndTakesTheDomainAndWhoWouldStartItAgain) {
  ASSERT_OK(start(toolstack_));
  ASSERT_TRUE(find_xl_processes(config_file()).watcher);
  ASSERT_OK(tests::run(toolstack_.end(Uuid::parse(k_clone_uuid).value())));
  EXPECT_TRUE(domains().empty());
  EXPECT_FALSE(find_xl_processes(config_file()).watcher);
  EXPECT_OK(tests::run(toolstack_.end(Uuid::parse(k_clone_uuid).value()))) << "nothing there is no error";
}

// Its guest rebooted: the domain is gone for the moment, and xl is about to make it again.
TEST_F(XlToolstackTest, EndKeepsARebootingDomainFromComingBack) {
  ASSERT_OK(start(toolstack_));
  std::filesystem::remove(xen_.folder() / "domains/7");
  ASSERT_OK(tests::run(toolstack_.end(Uuid::parse(k_clone_uuid).value())));
  EXPECT_FALSE(find_xl_processes(config_file()).watcher);
  EXPECT_THAT(xen_.calls, IsEmpty());
}

TEST_F(XlToolstackTest, WithoutXlOrOriginalNothingIsStarted) {
  XlSettings none = settings();
  none.xl = "no-such-xl";
  XlToolstack toolstack(xen_, none);
  EXPECT_FAILS(start(toolstack), Errc::system);
  std::filesystem::remove(file("pos1.cfg"));
  auto id = start(toolstack_);
  ASSERT_FAILS(id, Errc::configuration);
  EXPECT_THAT(id.error().message, HasSubstr("pos1.cfg"));
  EXPECT_TRUE(run_folder_is_empty());
}

TEST_F(XlToolstackTest, HostileValuesReachNoProgram) {
  CloneDomain hostile = clone();
  hostile.name = "x\"\nname = \"Domain-0";
  EXPECT_FAILS(tests::run(toolstack_.start_paused(hostile)), Errc::invalid_argument);
  hostile = clone();
  hostile.disks[0].volume.path = "/dev/vg0/a\"]\npci=[\"00:00.0";
  EXPECT_FAILS(tests::run(toolstack_.start_paused(hostile)), Errc::configuration);
  EXPECT_EQ(xen_.folder().read("calls"), "");
  EXPECT_TRUE(run_folder_is_empty());
}

TEST_F(XlToolstackTest, WithoutAListOfDomainsNothingIsStarted) {
  xen_.failures.insert({"list", {Errc::xen, "no privcmd"}});
  EXPECT_FAILS(start(toolstack_), Errc::xen);
  EXPECT_EQ(xen_.folder().read("calls"), "");
}

TEST_F(XlToolstackTest, ReadsAConfiguration) {
  auto config = tests::run(toolstack_.read_config(VmName::parse("pos1").value(), file("pos1.cfg")));
  ASSERT_OK(config);
  ASSERT_EQ(config.value().disks.size(), 1u);
  EXPECT_EQ(config.value().disks[0].volume, (Volume{VolumeFormat::lvm_thin, "/dev/vg0/pos1-root"}));
  auto missing = tests::run(toolstack_.read_config(VmName::parse("pos1").value(), file("none.cfg")));
  ASSERT_FAILS(missing, Errc::configuration);
  EXPECT_THAT(missing.error().message, HasSubstr("none.cfg"));
}

TEST_F(XlToolstackTest, DestroyOfWhatIsNotThereIsNoError) {
  EXPECT_OK(tests::run(toolstack_.destroy(DomainId{9})));
  xen_.put(9, k_clone_uuid, "x", "running");
  EXPECT_OK(tests::run(toolstack_.destroy(DomainId{9})));
  EXPECT_THAT(domains(), IsEmpty());
  xen_.failures.insert({"destroy", {Errc::xen, "no"}});
  EXPECT_FAILS(tests::run(toolstack_.destroy(DomainId{9})), Errc::xen);
}

TEST_F(XlToolstackTest, ShutDownWaitsUntilTheDomainIsGone) {
  xen_.put(9, k_clone_uuid, "x", "running");
  EXPECT_OK(tests::run(toolstack_.shut_down(DomainId{9}, std::chrono::seconds(20))));
  EXPECT_THAT(domains(), IsEmpty());
  EXPECT_THAT(xen_.calls, ElementsAre("shutdown 9"));
  EXPECT_OK(tests::run(toolstack_.shut_down(DomainId{9}, std::chrono::seconds(20))));
}

TEST_F(XlToolstackTest, ADomainThatNobodyClearsUpIsDestroyedOnceItHasShutDown) {
  xen_.watcher_clears_up = false;
  xen_.put(9, k_clone_uuid, "x", "running");
  EXPECT_OK(tests::run(toolstack_.shut_down(DomainId{9}, std::chrono::seconds(20))));
  EXPECT_THAT(xen_.calls, ElementsAre("shutdown 9", "destroy 9"));
}

TEST_F(XlToolstackTest, AGuestThatDoesNotObeyIsLeftAsItWas) {
  xen_.guests_obey = false;
  xen_.put(9, k_clone_uuid, "x", "running");
  EXPECT_FAILS(tests::run(toolstack_.shut_down(DomainId{9}, std::chrono::milliseconds(10))), Errc::timed_out);
  EXPECT_THAT(xen_.calls, Not(Contains("destroy 9")));
  EXPECT_EQ(domains().size(), 1u);
}

TEST_F(XlToolstackTest, PausesAndUnpauses) {
  xen_.put(9, k_clone_uuid, "x", "running");
  EXPECT_OK(tests::run(toolstack_.pause(DomainId{9})));
  EXPECT_EQ(domains()[0].state, DomainState::paused);
  EXPECT_OK(tests::run(toolstack_.unpause(DomainId{9})));
  EXPECT_EQ(domains()[0].state, DomainState::running);
  EXPECT_FAILS(tests::run(toolstack_.pause(DomainId{10})), Errc::not_found);
}

TEST_F(XlToolstackTest, ALayerCannotBeSwitchedWhereNoQemuIs) {
  auto switched = tests::run(toolstack_.switch_layer(DomainId{9}, {"xvda", {VolumeFormat::qcow2, file("pos1.cfg")}, true}));
  ASSERT_FAILS(switched, Errc::xen);
  EXPECT_THAT(switched.error().message, AllOf(HasSubstr("domain 9"), HasSubstr("'xvda'"), HasSubstr("no QEMU")));
}

}  // namespace
}  // namespace zynclone::broker::xen
