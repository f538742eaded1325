// The real vmclone against a pretended broker.
#include <gtest/gtest.h>

#include "tests/cli/golden.hpp"
#include "tests/support/service/fake_service.hpp"
#include "tests/support/service/messages.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {
namespace {

using protocol::Accepted;

class Vmclone : public ::testing::Test {
 protected:
  ProgramRun start(std::vector<std::string> arguments) const {
    return ProgramRun("vmclone", std::move(arguments), {{"ZYNCLONE_BROKER_SOCKET", broker.path()}});
  }
  template <class R>
  void will_answer(R result) {
    broker.add([this, result = std::move(result)](Conversation& c) {
      asked_ = c.read_request();
      c.answer(asked_, result);
      c.wait_closed();
    });
  }

  TemporaryFolder folder;
  FakeService broker{folder / "broker.sock"};

  // What was asked, after the answer.
  const protocol::Request& asked() {
    broker.wait_idle();
    return asked_;
  }

 private:
  protocol::Request asked_;
};

TEST_F(Vmclone, ListsOneVmOrAll) {
  will_answer(protocol::CloneListing{{sample_clone()}});
  auto all = start({"list"});
  EXPECT_EQ(all.finish(), 0) << all.errors();
  EXPECT_NE(all.output().find("pos1  upgrade-1  running"), std::string::npos);
  EXPECT_EQ(protocol::method_name(asked().method), "clone.list");
  EXPECT_FALSE(asked().vm);

  will_answer(protocol::CloneListing{});
  auto one = start({"list", "pos1"});
  EXPECT_EQ(one.finish(), 0);
  EXPECT_EQ(one.output(), "no clones\n");
  EXPECT_EQ(asked().vm->text(), "pos1");
}

TEST_F(Vmclone, ShowsAFamilyOrAClone) {
  auto seen = sample_family();
  seen.self.clear();
  will_answer(seen);
  auto family = start({"show", "pos1"});
  EXPECT_EQ(family.finish(), 0);
  EXPECT_EQ(protocol::method_name(asked().method), "family.show");
  EXPECT_EQ(asked().vm->text(), "pos1");
  EXPECT_EQ(family.output().find("this is"), std::string::npos);

  will_answer(sample_clone());
  auto clone = start({"show", "pos1", "upgrade-1"});
  EXPECT_EQ(clone.finish(), 0);
  expect_golden("cli", "clone.txt", clone.output());
  EXPECT_EQ(std::get<protocol::CloneShow>(asked().method).name.text(), "upgrade-1");
  EXPECT_EQ(asked().vm->text(), "pos1");
}

TEST_F(Vmclone, ChangesNameTheVm) {
  will_answer(Accepted{.operation = sample_operation(0)});
  auto create = start({"create", "pos1", "--name", "a", "--mode", "offline"});
  EXPECT_EQ(create.finish(), 0) << create.errors();
  EXPECT_EQ(asked().vm->text(), "pos1");
  EXPECT_EQ(std::get<protocol::CloneCreate>(asked().method).mode, protocol::CloneMode::offline);
  EXPECT_TRUE(asked().request_id->text().starts_with("vmclone-"));

  for (const char* change : {"start", "stop", "activate", "deactivate", "remove"}) {
    will_answer(Accepted{.operation = sample_operation(0)});
    auto run = start({change, "pos1", "a"});
    EXPECT_EQ(run.finish(), 0) << run.errors();
    EXPECT_EQ(protocol::method_name(asked().method), std::string("clone.") + change);
    EXPECT_EQ(asked().vm->text(), "pos1");
  }
  will_answer(Accepted{.operation = sample_operation(0)});
  auto rename = start({"rename", "pos1", "a", "b"});
  EXPECT_EQ(rename.finish(), 0);
  EXPECT_EQ(std::get<protocol::CloneRename>(asked().method).new_name.text(), "b");

  auto without_vm = start({"start", "a"});
  EXPECT_EQ(without_vm.finish(), 2);
}

TEST_F(Vmclone, WaitsLikeTheGuest) {
  broker.add([](Conversation& c) {
    c.answer(c.read_request(), Accepted{.operation = sample_operation(0)});
    c.answer(c.read_request(), sample_operation(1));
    c.notify(sample_operation(3));
    c.notify(finished_operation());
    c.wait_closed();
  });
  auto run = start({"create", "pos1", "--name", "upgrade-1", "--wait"});
  EXPECT_EQ(run.finish(), 0);
  expect_golden("cli", "wait_pipe.txt", run.output());
}

TEST_F(Vmclone, OperationShowHasFileAndLineThatDecided) {
  auto operation = sample_operation(2);
  operation.decision = protocol::DecisionView{"allow", "/etc/zynclone/policy.d/10-pos.policy:3"};
  will_answer(operation);
  auto run = start({"operation", "show", operation.id.text()});
  EXPECT_EQ(run.finish(), 0);
  expect_golden("cli", "operation_running_administrator.txt", run.output());
}

TEST_F(Vmclone, OperationListOfOneVm) {
  will_answer(protocol::OperationListing{{finished_operation()}});
  auto run = start({"operation", "list", "pos1", "--limit", "3"});
  EXPECT_EQ(run.finish(), 0) << run.errors();
  EXPECT_EQ(asked().vm->text(), "pos1");
  EXPECT_EQ(std::get<protocol::OperationList>(asked().method).limit, 3u);
}

TEST_F(Vmclone, Approvals) {
  const std::string id = sample_operation_id().text();
  will_answer(protocol::ApprovalListing{
      {{.operation = awaiting_operation(), .expires = sample_time() + std::chrono::minutes(15), .approvers_needed = 2, .allowed_by = {"ada"}}}});
  auto list = start({"approval", "list"});
  EXPECT_EQ(list.finish(), 0);
  expect_golden("cli", "approvals.txt", list.output());

  will_answer(sample_operation(1));
  auto allow = start({"approval", "allow", id, "--reason", "the shop is closed"});
  EXPECT_EQ(allow.finish(), 0);
  EXPECT_EQ(std::get<protocol::ApprovalAllow>(asked().method).reason, "the shop is closed");
  EXPECT_EQ(allow.output(), "operation " + id + " clone.create pos1 → upgrade-1: running\n");

  auto denied = sample_operation(0);
  denied.state = protocol::OperationState::denied;
  will_answer(denied);
  auto deny = start({"approval", "deny", id, "--reason", "not on a Saturday"});
  EXPECT_EQ(deny.finish(), 0);
  EXPECT_EQ(std::get<protocol::ApprovalDeny>(asked().method).id.text(), id);
  EXPECT_NE(deny.output().find(": denied\n"), std::string::npos);

  auto without_reason = start({"approval", "deny", id});
  EXPECT_EQ(without_reason.finish(), 2);
}

protocol::AuditEntry entry(std::uint64_t sequence) {
  return {.sequence = sequence, .time = sample_time(), .actor = "broker", .event = "started"};
}

TEST_F(Vmclone, AuditListInOnePageOrAll) {
  will_answer(protocol::AuditListing{{entry(5), entry(6)}});
  auto page = start({"audit", "list", "--after", "4", "--limit", "2"});
  EXPECT_EQ(page.finish(), 0);
  EXPECT_EQ(std::get<protocol::AuditList>(asked().method).after, 4u);
  EXPECT_EQ(std::get<protocol::AuditList>(asked().method).limit, 2u);

  std::vector<std::uint64_t> after;
  broker.add([&](Conversation& c) {
    for (const auto& listing : {protocol::AuditListing{{entry(1), entry(2)}}, protocol::AuditListing{{entry(3)}}, protocol::AuditListing{}}) {
      const auto request = c.read_request();
      after.push_back(std::get<protocol::AuditList>(request.method).after);
      c.answer(request, listing);
    }
    c.wait_closed();
  });
  auto all = start({"audit", "list", "--all", "--json"});
  EXPECT_EQ(all.finish(), 0);
  broker.wait_idle();
  EXPECT_EQ(after, (std::vector<std::uint64_t>{0, 2, 3}));
  EXPECT_EQ(all.output(), protocol::encode_view(protocol::AuditListing{{entry(1), entry(2), entry(3)}}, 2) + "\n");
}

TEST_F(Vmclone, ABrokerWhosePagesDoNotGoOnIsNotAskedForEver) {
  broker.add([](Conversation& c) {
    c.answer(c.read_request(), protocol::AuditListing{{entry(1)}});
    c.answer(c.read_request(), protocol::AuditListing{{entry(1)}});
    c.wait_closed();
  });
  auto all = start({"audit", "list", "--all"});
  EXPECT_EQ(all.finish(), 4);
}

TEST_F(Vmclone, HealthIsTheExitStatus) {
  protocol::HostHealthReport report{.version = "zynclone 0.1.0", .healthy = true, .checks = {{"journal", true, ""}}};
  will_answer(report);
  auto well = start({"health"});
  EXPECT_EQ(well.finish(), 0);
  EXPECT_EQ(well.output(), "the broker (zynclone 0.1.0) is healthy\n  ✓ journal\n");

  report.healthy = report.checks[0].healthy = false;
  will_answer(report);
  auto ill = start({"health", "--json"});
  EXPECT_EQ(ill.finish(), 1);
  EXPECT_EQ(ill.output(), protocol::encode_view(report, 2) + "\n");
}

TEST_F(Vmclone, NoBroker) {
  broker.go_away();
  auto run = start({"list"});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_EQ(run.errors(), "vmclone: cannot reach the broker at '" + broker.path() + "': No such file or directory (unavailable)\n");
}

}  // namespace
}  // namespace zynclone::tests
