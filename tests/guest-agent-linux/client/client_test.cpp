#include <zynclone/client.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"
#include "tests/support/service/paged_service.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::client {
namespace {

using namespace std::chrono_literals;
using tests::Conversation;
using tests::FakeService;

class ClientTest : public ::testing::Test {
 protected:
  template <class R>
  void will_answer(R result) {
    agent.add([this, result = std::move(result)](Conversation& c) {
      asked_ = c.read_request();
      c.answer(asked_, result);
      c.wait_closed();
    });
  }
  Client connect() const { return Client(agent.path()); }

  tests::TemporaryFolder folder;
  FakeService agent{folder / "agent.sock"};

  // What was asked, after the answer.
  const protocol::Request& asked() {
    agent.wait_idle();
    return asked_;
  }
  std::atomic<bool> gone = false;

 private:
  protocol::Request asked_;
};

TEST_F(ClientTest, Family) {
  will_answer(tests::sample_family());
  const auto family = connect().family();
  ASSERT_TRUE(family) << family.error().message;
  EXPECT_EQ(family->vm, "pos1");
  EXPECT_EQ(family->self, "pos1");
  EXPECT_FALSE(family->is_clone);
  EXPECT_EQ(family->production, "pos1");
  ASSERT_EQ(family->vifs.size(), 1u);
  EXPECT_EQ(family->vifs[0].mode, VifMode::unlocked);
  ASSERT_EQ(family->clones.size(), 1u);
  EXPECT_EQ(family->clones[0].name, "upgrade-1");
}

TEST_F(ClientTest, ClonesWithEveryField) {
  will_answer(tests::sample_clone());
  const auto clone = connect().clone("upgrade-1");
  ASSERT_TRUE(clone);
  EXPECT_EQ(clone->name, "upgrade-1");
  EXPECT_EQ(clone->vm, "pos1");
  EXPECT_EQ(clone->uuid, "7f1d0c5e-3a52-8b11-9c0d-2f6e8a417b90");
  EXPECT_EQ(clone->state, CloneState::running);
  EXPECT_EQ(clone->mode, CloneMode::online);
  EXPECT_EQ(clone->consistency, Consistency::filesystem);
  EXPECT_EQ(clone->created, tests::sample_time());
  ASSERT_EQ(clone->vifs.size(), 1u);
  EXPECT_EQ(clone->vifs[0].mac, "00:16:3e:5a:01:02");
  EXPECT_EQ(clone->vifs[0].mode, VifMode::disabled);
  ASSERT_EQ(clone->disks.size(), 1u);
  EXPECT_EQ(clone->disks[0].device, "xvda");
  EXPECT_EQ(clone->disks[0].format, "lvm-thin");
  EXPECT_EQ(clone->disks[0].size, 1ull << 30);
  EXPECT_EQ(clone->note, "before the update");

  will_answer(protocol::CloneListing{{tests::sample_clone()}});
  const auto clones = connect().clones();
  ASSERT_TRUE(clones);
  EXPECT_EQ(clones->size(), 1u);
}

TEST_F(ClientTest, ListsOfAnyLengthArePutTogether) {
  tests::Paged paged{.clones = tests::many_clones(1000), .operations = tests::many_operations(1000)};
  agent.add([&](tests::Conversation& c) { paged.serve(c); });
  Client client = connect();
  const auto clones = client.clones();
  ASSERT_TRUE(clones);
  EXPECT_EQ(clones->size(), 1000u);
  const auto family = client.family();
  ASSERT_TRUE(family);
  EXPECT_EQ(family->clones.size(), 1000u);
  const auto operations = client.operations(150);
  ASSERT_TRUE(operations);
  EXPECT_EQ(operations->size(), 150u);
}

TEST_F(ClientTest, EachChangeIsItsCall) {
  Client client = connect();
  const std::pair<Change, const char*> changes[] = {
      {Change::start("a"), "clone.start"},           {Change::stop("a"), "clone.stop"},     {Change::activate("a"), "clone.activate"},
      {Change::deactivate("a"), "clone.deactivate"}, {Change::remove("a"), "clone.remove"}, {Change::rename("a", "b"), "clone.rename"},
      {Change::create("a"), "clone.create"},         {Change::protect("a"), "clone.protect"},
      {Change::unprotect("a"), "clone.unprotect"},   {Change::start_cutover("a"), "cutover.start"},
      {Change::commit_cutover(), "cutover.commit"},  {Change::undo_cutover(), "cutover.undo"},
      {Change::switch_volume("v", "a"), "volume.switch"}};
  agent.add([&](Conversation& c) {
    for (const auto& [change, method] : changes) {
      const auto request = c.read_request();
      EXPECT_EQ(protocol::method_name(request.method), method);
      EXPECT_TRUE(request.request_id);
      EXPECT_FALSE(request.plan);
      c.answer(request, protocol::Accepted{.operation = tests::sample_operation(0)});
    }
    c.wait_closed();
  });
  for (const auto& [change, method] : changes) {
    const auto operation = client.request(change);
    ASSERT_TRUE(operation) << method << ": " << operation.error().message;
    EXPECT_EQ(operation->id, tests::sample_operation_id().text());
  }
  EXPECT_EQ(agent.connections(), 1u);
}

TEST_F(ClientTest, CreateCarriesItsOptions) {
  will_answer(protocol::Accepted{.operation = tests::sample_operation(0)});
  ASSERT_TRUE(connect().request(Change::create("a", {CloneMode::offline, false, "why", {}}).with_request_id("mine")));
  const auto& call = std::get<protocol::CloneCreate>(asked().method);
  EXPECT_EQ(call.name.text(), "a");
  EXPECT_EQ(call.mode, protocol::CloneMode::offline);
  EXPECT_FALSE(call.start);
  EXPECT_EQ(call.note, "why");
  EXPECT_EQ(asked().request_id->text(), "mine");
}

TEST_F(ClientTest, CutoversCarryTheirOptions) {
  will_answer(protocol::Accepted{.operation = tests::sample_operation(0)});
  ASSERT_TRUE(connect().request(Change::start_cutover("standby", {30min, AfterProbation::commit}).with_request_id("mine")));
  const auto cutover = std::get<protocol::CutoverStart>(asked().method);
  EXPECT_EQ(cutover.name.text(), "standby");
  EXPECT_EQ(cutover.probation_s, 1800u);
  EXPECT_EQ(cutover.after_probation, protocol::AfterProbation::commit);
  EXPECT_EQ(asked().request_id->text(), "mine");

  will_answer(protocol::Accepted{.operation = tests::sample_operation(0)});
  ASSERT_TRUE(connect().request(Change::start_cutover("standby")));
  EXPECT_FALSE(std::get<protocol::CutoverStart>(asked().method).probation_s);
  EXPECT_FALSE(std::get<protocol::CutoverStart>(asked().method).after_probation);

  will_answer(protocol::Accepted{.operation = tests::sample_operation(0)});
  ASSERT_TRUE(connect().request(Change::switch_volume("sales", "standby")));
  EXPECT_EQ(std::get<protocol::VolumeSwitch>(asked().method).volume.text(), "sales");
  EXPECT_EQ(std::get<protocol::VolumeSwitch>(asked().method).to.text(), "standby");

  will_answer(protocol::Accepted{.operation = tests::sample_operation(0)});
  CreateOptions options;
  options.time_to_live = 48h;
  options.network = CloneNetwork::isolated;
  ASSERT_TRUE(connect().request(Change::create("a", options)));
  EXPECT_EQ(std::get<protocol::CloneCreate>(asked().method).ttl_s, 172'800u);
  EXPECT_EQ(std::get<protocol::CloneCreate>(asked().method).network, protocol::CloneNetwork::isolated);
}

TEST_F(ClientTest, WhoHasProduction) {
  will_answer(protocol::CutoverView{.production = "standby", .generation = 4, .probation = tests::sample_probation(), .volumes = {tests::sample_volume()}});
  const auto cutover = connect().cutover();
  ASSERT_TRUE(cutover) << cutover.error().message;
  EXPECT_EQ(protocol::method_name(asked().method), "cutover.show");
  EXPECT_EQ(cutover->production, "standby");
  EXPECT_EQ(cutover->generation, 4u);
  ASSERT_TRUE(cutover->probation);
  EXPECT_EQ(cutover->probation->from, "pos1");
  EXPECT_EQ(cutover->probation->to, "standby");
  EXPECT_EQ(cutover->probation->began, tests::sample_time());
  EXPECT_EQ(cutover->probation->ends, tests::sample_time() + 30min);
  EXPECT_EQ(cutover->probation->after, AfterProbation::undo);
  EXPECT_EQ(cutover->probation->operation, tests::sample_operation_id().text());
  ASSERT_EQ(cutover->volumes.size(), 1u);

  auto volume = tests::sample_volume();
  volume.problem = "another domain has it \x1b[2J";
  will_answer(protocol::VolumeListing{{volume}});
  const auto volumes = connect().volumes();
  ASSERT_TRUE(volumes) << volumes.error().message;
  EXPECT_EQ(protocol::method_name(asked().method), "volume.list");
  ASSERT_EQ(volumes->size(), 1u);
  EXPECT_EQ(volumes->at(0).name, "sales");
  EXPECT_EQ(volumes->at(0).device, "xvds");
  EXPECT_EQ(volumes->at(0).filesystem, "ext4");
  EXPECT_EQ(volumes->at(0).holder, "standby");
  EXPECT_TRUE(volumes->at(0).is_attached);
  EXPECT_EQ(volumes->at(0).problem, "another domain has it \\x1b[2J");

  auto peripheral = tests::sample_peripheral();
  peripheral.problem = "unplugged \x1b[2J";
  will_answer(protocol::PeripheralListing{{peripheral}});
  const auto peripherals = connect().peripherals();
  ASSERT_TRUE(peripherals) << peripherals.error().message;
  EXPECT_EQ(protocol::method_name(asked().method), "peripheral.list");
  ASSERT_EQ(peripherals->size(), 1u);
  EXPECT_EQ(peripherals->at(0).name, "printer");
  EXPECT_EQ(peripherals->at(0).kind, "usb");
  EXPECT_EQ(peripherals->at(0).device, "04b8:0202");
  EXPECT_TRUE(peripherals->at(0).is_present);
  EXPECT_EQ(peripherals->at(0).holder, "standby");
  EXPECT_EQ(peripherals->at(0).problem, "unplugged \\x1b[2J");

  auto family = tests::sample_family();
  family.probation = tests::sample_probation();
  family.clones[0].expires = tests::sample_time() + 48h;
  family.clones[0].is_protected = true;
  will_answer(family);
  const auto shown = connect().family();
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->probation->to, "standby");
  EXPECT_EQ(shown->clones[0].expires, tests::sample_time() + 48h);
  EXPECT_TRUE(shown->clones[0].is_protected);
}

TEST_F(ClientTest, EachRequestIsOneOfItsOwnUnlessNamed) {
  std::vector<std::string> ids;
  agent.add([&](Conversation& c) {
    for (int i = 0; i < 2; ++i) {
      const auto request = c.read_request();
      ids.push_back(request.request_id->text());
      c.answer(request, protocol::Accepted{.operation = tests::sample_operation(0)});
    }
  });
  Client client = connect();
  const Change change = Change::start("a");
  ASSERT_TRUE(client.request(change));
  ASSERT_TRUE(client.request(change));
  agent.wait_idle();
  EXPECT_NE(ids.at(0), ids.at(1));
}

TEST_F(ClientTest, Plan) {
  protocol::PlanView plan{.kind = "clone.create", .vm = VmName::parse("pos1").value(), .target = "a", .decision = "ask"};
  plan.steps = {{.name = "quiesce", .text = "quiesce pos1"}};
  will_answer(protocol::Accepted{.plan = plan});
  const auto answer = connect().plan(Change::create("a"));
  ASSERT_TRUE(answer);
  EXPECT_TRUE(asked().plan);
  EXPECT_EQ(answer->decision, "ask");
  EXPECT_EQ(answer->steps, std::vector<std::string>{"quiesce pos1"});
}

TEST_F(ClientTest, Operations) {
  will_answer(tests::failed_operation());
  const auto failed = connect().operation(tests::sample_operation_id().text());
  ASSERT_TRUE(failed);
  EXPECT_TRUE(failed->finished());
  EXPECT_FALSE(failed->succeeded());
  ASSERT_TRUE(failed->error);
  EXPECT_EQ(failed->error->code, ErrorCode::no_space);
  EXPECT_EQ(failed->error->place, "xvda");
  ASSERT_EQ(failed->steps.size(), 3u);
  EXPECT_EQ(failed->steps[1].state, StepState::undone);

  will_answer(protocol::OperationListing{{tests::finished_operation()}});
  const auto listing = connect().operations(7);
  ASSERT_TRUE(listing);
  EXPECT_EQ(std::get<protocol::OperationList>(asked().method).limit, 7u);
  EXPECT_TRUE(listing->at(0).succeeded());
  EXPECT_EQ(listing->at(0).clone->name, "upgrade-1");

  will_answer(tests::sample_operation(2));
  const auto cancelled = connect().cancel(tests::sample_operation_id().text());
  ASSERT_TRUE(cancelled);
  EXPECT_EQ(protocol::method_name(asked().method), "operation.cancel");
  EXPECT_EQ(cancelled->steps[2].percent, 40u);
}

TEST_F(ClientTest, WaitFollowsThroughARestartOfTheAgent) {
  agent.add([this](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    agent.go_away();
    gone = true;
    gone.notify_all();
  });
  std::vector<unsigned> seen;
  std::thread restart;
  const auto operation = connect().wait(tests::sample_operation_id().text(), 10s, [&](const Operation& now) {
    seen.push_back(now.percent);
    if (seen.size() == 1) {
      restart = std::thread([this] {
        gone.wait(false);
        agent.add([](Conversation& c) {
          c.answer(c.read_request(), tests::sample_operation(3));
          c.notify(tests::finished_operation());
          c.wait_closed();
        });
        agent.come_back();
      });
    }
    return true;
  });
  restart.join();
  ASSERT_TRUE(operation) << operation.error().message;
  EXPECT_TRUE(operation->succeeded());
  EXPECT_EQ(operation->summary, tests::finished_operation().summary);
  EXPECT_EQ(seen, (std::vector<unsigned>{25, 75, 100}));
}

TEST_F(ClientTest, WaitEndsAtItsLimit) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.wait_closed();
  });
  const auto operation = connect().wait(tests::sample_operation_id().text(), 100ms);
  ASSERT_FALSE(operation);
  EXPECT_EQ(operation.error().code, ErrorCode::timed_out);
}

TEST_F(ClientTest, TheCallbackEndsTheWait) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.wait_closed();
  });
  const auto operation = connect().wait(tests::sample_operation_id().text(), 10s, [](const Operation&) { return false; });
  ASSERT_TRUE(operation);
  EXPECT_FALSE(operation->finished());
}

TEST_F(ClientTest, AnExceptionOfTheCallbackPassesThroughAndTheClientStaysOfUse) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), tests::sample_operation(1));
    c.answer(c.read_request(), tests::sample_family());
    c.wait_closed();
  });
  Client client = connect();
  EXPECT_THROW((void)client.wait(tests::sample_operation_id().text(), 10s, [](const Operation&) -> bool { throw std::runtime_error("x"); }),
               std::runtime_error);
  EXPECT_TRUE(client.family());
}

TEST_F(ClientTest, ErrorsAreValues) {
  agent.add([](Conversation& c) {
    c.fail(c.read_request(), zynclone::Error{Errc::already_exists, "cannot create clone 'a': \x1b[2J", "/params/name"});
  });
  const auto operation = connect().request(Change::create("a"));
  ASSERT_FALSE(operation);
  EXPECT_EQ(operation.error().code, ErrorCode::already_exists);
  EXPECT_EQ(operation.error().message, "cannot create clone 'a': \\x1b[2J");
  EXPECT_EQ(operation.error().place, "/params/name");
  EXPECT_STREQ(to_string(operation.error().code), "already-exists");
  EXPECT_THROW((void)operation.value(), std::bad_variant_access);
}

TEST_F(ClientTest, WrongValuesNeverReachTheAgent) {
  Client client = connect();
  EXPECT_EQ(client.request(Change::create("../x")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.request(Change::rename("a", "")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.request(Change::start("a").with_request_id("a b")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.request(Change::start_cutover("../x")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.request(Change::start_cutover("a", {-1s, {}})).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.request(Change::switch_volume("s/x", "a")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.request(Change::switch_volume("sales", "")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.request(Change::protect("")).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.clone("").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.operation("x y").error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(client.wait("", 1s).error().code, ErrorCode::invalid_argument);
  EXPECT_EQ(agent.connections(), 0u);
}

TEST_F(ClientTest, NoAgentAndNoAnswer) {
  EXPECT_EQ(Client("/nowhere/agent.sock").family().error().code, ErrorCode::unavailable);
  agent.add([](Conversation& c) { c.wait_closed(); });
  Client client = connect();
  client.set_time_limit(50ms);
  EXPECT_EQ(client.family().error().code, ErrorCode::timed_out);
  agent.add([](Conversation& c) {
    c.read_line();
    c.send_line("garbage");
  });
  client.set_time_limit(10s);
  EXPECT_EQ(client.family().error().code, ErrorCode::malformed);
}

TEST_F(ClientTest, AnswersWithoutWhatWasAskedFor) {
  will_answer(protocol::Accepted{});
  EXPECT_EQ(connect().request(Change::start("a")).error().code, ErrorCode::malformed);
  will_answer(protocol::Accepted{});
  EXPECT_EQ(connect().plan(Change::start("a")).error().code, ErrorCode::malformed);
}

TEST_F(ClientTest, TheExampleMakesAClone) {
  agent.add([](Conversation& c) {
    const auto request = c.read_request();
    EXPECT_EQ(request.request_id->text(), "update-upgrade-1");
    c.answer(request, protocol::Accepted{.operation = tests::sample_operation(0)});
    c.answer(c.read_request(), tests::sample_operation(2));
    c.notify(tests::finished_operation());
    c.wait_closed();
  });
  tests::ProgramRun run("clone_before_update", {"upgrade-1"}, {{"ZYNCLONE_SOCKET", agent.path()}});
  EXPECT_EQ(run.finish(), 0);
  EXPECT_EQ(run.output(), "50 %\n100 %\n" + tests::finished_operation().summary + "\n");
}

TEST_F(ClientTest, TheExampleDoesNotUpdateWithoutAClone) {
  agent.add([](Conversation& c) {
    c.answer(c.read_request(), protocol::Accepted{.operation = tests::sample_operation(0)});
    c.answer(c.read_request(), tests::failed_operation());
    c.wait_closed();
  });
  tests::ProgramRun run("clone_before_update", {"upgrade-1"}, {{"ZYNCLONE_SOCKET", agent.path()}});
  EXPECT_EQ(run.finish(), 1);
  EXPECT_EQ(run.errors(), "not updating: " + tests::failed_operation().error->message + "\n");
}

}  // namespace
}  // namespace zynclone::client
