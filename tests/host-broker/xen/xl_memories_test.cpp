// XlMemories with a script in the place of zynclone-save, and a pretended hypervisor.
#include "host-broker/xen/xl_memories.hpp"

#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-broker/xen/xl_process.hpp"
#include "host-broker/xen/store/xenstore.hpp"
#include "system/process.hpp"
#include "tests/host-broker/sandbox/store/running_store.hpp"
#include "tests/host-broker/xen/fake_xen.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"

namespace zynclone::broker::xen {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* k_uuid = "11111111-0000-4000-8000-000000000001";

class XlMemoriesTest : public ::testing::Test {
 protected:
  XlMemoriesTest() {
    ::setenv("XENSTORED_PATH", host_.socket_of({0}).c_str(), 1);
    host_.add_guest({3});
    xen_.put(3, k_uuid, "pos1", "running");
    saver_does("echo 'percent 40'; echo suspended; echo 'percent 80'; echo image >\"$2\"; paused; echo 'held 17'; hold");
  }
  ~XlMemoriesTest() override { context_.poll(); }

  // What zynclone-save does, in shell. `paused` and `running` are what the hypervisor says of the domain then; `hold` waits for the end of the input.
  void saver_does(const std::string& commands) {
    xen_.folder().write_program("zynclone-save", R"sh(#!/bin/sh
here=$(dirname "$0")
paused() { echo "11111111-0000-4000-8000-000000000001 pos1 paused" >"$here/domains/$1"; }
running() { echo "11111111-0000-4000-8000-000000000001 pos1 running" >"$here/domains/$1"; }
hold() { cat >/dev/null; echo released >"$here/released"; }
)sh" + std::string("domain=$1; file=$2; reserve=$3\n") + replaced(commands) + "\n");
  }
  static std::string replaced(std::string text) {
    for (std::string word : {"paused;", "running;"}) {
      for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += word.size() + 9) text.replace(at, word.size(), word.substr(0, word.size() - 1) + " $domain;");
    }
    return text;
  }

  MemorySettings settings() {
    MemorySettings result;
    result.program = (xen_.folder() / "zynclone-save").string();
    result.folder = (xen_.folder() / "memory").string();
    result.reserve = {};
    return result;
  }
  Result<Deadline> begin(std::vector<unsigned>* percents = nullptr) {
    return tests::run_on(context_, memories_.begin_save(DomainId{3}, "01image", [percents](unsigned percent) {
      if (percents != nullptr) percents->push_back(percent);
    }));
  }
  Result<SavedMemory> finish() { return tests::run_on(context_, memories_.finish_save(DomainId{3})); }
  Result<void> let_go() { return tests::run_on(context_, memories_.let_go(DomainId{3})); }
  DomainState state() { return tests::run(xen_.list()).value().at(0).state; }

  // As SaveNotice and libxl write them.
  void notice_is_left() {
    auto store = xenstore::Store::open(context_.get_executor()).value();
    ASSERT_OK(store.write(k_control + "/zynclone-save", "1"));
    ASSERT_OK(store.write(k_control + "/shutdown", "suspend"));
  }
  std::string node(const std::string& name) {
    auto store = xenstore::Store::open(context_.get_executor()).value();
    return store.read(k_control + "/" + name).value().value_or("none");
  }

  const std::string k_control = "/local/domain/3/control";
  sandbox::RunningStore host_;
  asio::io_context context_{1};
  tests::FakeHypervisor xen_;
  XlMemories memories_{xen_, settings()};
};

TEST_F(XlMemoriesTest, HoldsTheDomainUntilItIsLetGo) {
  std::vector<unsigned> percents;
  ASSERT_OK(begin(&percents));
  EXPECT_THAT(percents, ElementsAre(40u));
  const auto saved = finish();
  ASSERT_OK(saved);
  EXPECT_THAT(percents, ElementsAre(40u, 80u)) << "also while it stands still";
  EXPECT_EQ(saved.value().size, 64u << 20);
  EXPECT_EQ(state(), DomainState::paused);
  EXPECT_THAT(memories_.images().value(), ElementsAre("01image"));
  EXPECT_EQ(xen_.folder().read("memory/01image.image"), "image\n");
  struct stat status {};
  ASSERT_EQ(::stat((xen_.folder() / "memory").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0700u);

  ASSERT_OK(let_go());
  EXPECT_EQ(state(), DomainState::running);
  EXPECT_THAT(xen_.calls, Contains("unpause 3"));
  context_.restart();
  context_.run();  // until the process has ended
  EXPECT_EQ(xen_.folder().read("released"), "released\n");
  ASSERT_OK(tests::run(memories_.remove("01image")));
  EXPECT_THAT(memories_.images().value(), IsEmpty());
  ASSERT_OK(tests::run(memories_.remove("01image")));
}

TEST_F(XlMemoriesTest, OneThatDoesNotSayWhenItSuspendsIsBelievedAtTheEnd) {
  saver_does("echo image >\"$2\"; paused; echo 'held 4200'; hold");
  const auto stood = begin();
  ASSERT_OK(stood);
  EXPECT_EQ(stood.value(), Deadline(std::chrono::milliseconds(4200)));
  ASSERT_OK(finish());
  ASSERT_OK(let_go());
}

TEST_F(XlMemoriesTest, AFailureHasItsCauseAndLeavesNothing) {
  saver_does("echo part >\"$2\"; echo \"error cannot save domain '3': it does not suspend\"; exit 1");
  const auto failed = begin();
  EXPECT_FAILS(failed, Errc::xen);
  EXPECT_EQ(failed.error().message, "cannot save domain '3': it does not suspend");
  EXPECT_THAT(memories_.images().value(), IsEmpty());
  EXPECT_EQ(state(), DomainState::running);
}

TEST_F(XlMemoriesTest, OneThatEndsWithoutAWordIsAFailure) {
  saver_does("exit 3");
  EXPECT_FAILS(begin(), Errc::xen);
  saver_does("echo suspended; paused; exit 3");
  ASSERT_OK(begin());
  EXPECT_FAILS(finish(), Errc::xen);
  ASSERT_OK(let_go());
  EXPECT_EQ(state(), DomainState::running);
}

TEST_F(XlMemoriesTest, WhatCannotBeIsRefusedBeforeAnythingIsDone) {
  xen_.memory.kind = DomainKind::hvm;
  EXPECT_FAILS(tests::run(memories_.check_room(DomainId{3})), Errc::refused);
  EXPECT_FAILS(begin(), Errc::refused);
  xen_.memory = {.bytes = 1ull << 60, .kind = DomainKind::pv};
  const auto full = tests::run(memories_.check_room(DomainId{3}));
  EXPECT_FAILS(full, Errc::no_space);
  EXPECT_THAT(full.error().message, HasSubstr("is free"));
  EXPECT_FAILS(begin(), Errc::no_space);
  EXPECT_FAILS(finish(), Errc::internal);
  EXPECT_THAT(xen_.calls, Not(Contains("pause 3")));
}

// Else a family that has itself cloned again and again would have another's guest stand still for longer.
TEST_F(XlMemoriesTest, OneMemoryIsCopiedAtATime) {
  saver_does("echo began >\"$here/began-$domain\"; echo suspended; echo image >\"$2\"; echo 'held 17'; hold");
  xen_.put(5, "11111111-0000-4000-8000-000000000005", "pos2", "running");
  ASSERT_OK(begin());
  std::optional<Result<Deadline>> other;
  asio::co_spawn(context_, [](XlMemories& memories, std::optional<Result<Deadline>>& into) -> asio::awaitable<void> {
    into.emplace(co_await memories.begin_save(DomainId{5}, "01other", {}));
  }(memories_, other), asio::detached);
  ASSERT_OK(finish());
  const std::string began = (xen_.folder() / "began-5").string();
  EXPECT_NE(::access(began.c_str(), F_OK), 0);
  EXPECT_FALSE(other);
  ASSERT_OK(let_go());
  while (!other && context_.run_one() != 0) {
  }
  ASSERT_TRUE(other);
  ASSERT_OK(*other);
  EXPECT_EQ(::access(began.c_str(), F_OK), 0);
  ASSERT_OK(tests::run_on(context_, memories_.let_go(DomainId{5})));
  context_.restart();
  context_.run();  // until the processes have ended

  // One that fails lets the next begin, too.
  saver_does("exit 1");
  EXPECT_FAILS(begin(), Errc::xen);
  EXPECT_FAILS(begin(), Errc::xen);
}

// A guest that changes its memory as fast as it is copied.
TEST_F(XlMemoriesTest, AnImageThatWouldTakeTheReserveIsGivenUp) {
  saver_does("echo \"$reserve\" >\"$here/reserve\"; echo part >\"$2\"; echo \"no-space cannot save domain '3': it changes too fast\"; exit 1");
  MemorySettings with_reserve = settings();
  with_reserve.reserve = {.bytes = 4096};
  XlMemories memories(xen_, with_reserve);
  const auto failed = tests::run_on(context_, memories.begin_save(DomainId{3}, "01image", {}));
  EXPECT_FAILS(failed, Errc::no_space);
  EXPECT_EQ(failed.error().message, "cannot save domain '3': it changes too fast");
  EXPECT_EQ(xen_.folder().read("reserve"), "4096\n");
  EXPECT_THAT(memories.images().value(), IsEmpty());
  EXPECT_EQ(state(), DomainState::running);
}

// The agent would keep its channel closed, and a guest that suspends only now would never go on.
TEST_F(XlMemoriesTest, WhatOneThatWasKilledHasLeftInXenStoreIsTakenBack) {
  notice_is_left();
  ASSERT_OK(let_go());
  EXPECT_EQ(node("zynclone-save"), "none") << "a broker before this one had started it";
  EXPECT_EQ(node("shutdown"), "");

  saver_does("echo 'percent 3'; kill -KILL $$");
  const auto killed = tests::run_on(context_, memories_.begin_save(DomainId{3}, "01image", [this](unsigned) { notice_is_left(); }));
  EXPECT_FAILS(killed, Errc::xen);
  EXPECT_EQ(node("zynclone-save"), "none") << "killed while it copied";

  saver_does("echo suspended; paused; echo 'held 17'; cat >/dev/null; kill -KILL $$");
  ASSERT_OK(begin());
  ASSERT_OK(finish());
  notice_is_left();
  ASSERT_OK(let_go());
  EXPECT_EQ(state(), DomainState::running);
  context_.restart();
  context_.run();  // until the process has ended
  EXPECT_EQ(node("zynclone-save"), "none") << "killed while it held the domain";
}

TEST_F(XlMemoriesTest, AnAdministratorsOwnSavingIsLeftAlone) {
  notice_is_left();
  auto store = xenstore::Store::open(context_.get_executor()).value();
  ASSERT_OK(store.remove(k_control + "/zynclone-save"));
  ASSERT_OK(let_go());
  EXPECT_EQ(node("shutdown"), "suspend");
}

TEST_F(XlMemoriesTest, WithoutXenStoreTheDomainGoesOnAllTheSame) {
  host_.stop();
  xen_.put(3, k_uuid, "pos1", "paused");
  ASSERT_OK(let_go());
  EXPECT_EQ(state(), DomainState::running);
}

asio::awaitable<void> keep_running(std::vector<std::string> arguments) { (void)co_await run_process(std::move(arguments)); }

// A broker before this one had begun it: its input has ended (as run_process gives none), so it ends by itself, and the domain goes on.
TEST_F(XlMemoriesTest, WaitsForOneThatAnEarlierBrokerLeft) {
  saver_does("paused; sleep 0.3; running; true");
  xen_.put(3, k_uuid, "pos1", "running");
  asio::co_spawn(context_, keep_running({(xen_.folder() / "zynclone-save").string(), "3", "/x"}), asio::detached);
  // It has its name only once it is the script, of which no event tells.
  for (int looks = 0; looks < 2000 && !find_save_process(DomainId{3}); ++looks) context_.run_one_for(std::chrono::milliseconds(5));
  ASSERT_TRUE(find_save_process(DomainId{3}));
  ASSERT_OK(let_go());
  EXPECT_EQ(state(), DomainState::running);
  EXPECT_FALSE(find_save_process(DomainId{3}));
}

TEST_F(XlMemoriesTest, ADomainThatNobodyHoldsButIsPausedGoesOn) {
  xen_.put(3, k_uuid, "pos1", "paused");
  ASSERT_OK(let_go());
  EXPECT_EQ(state(), DomainState::running);
  ASSERT_OK(let_go());
}

}  // namespace
}  // namespace zynclone::broker::xen
