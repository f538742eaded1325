// The real vmclone against a pretended broker.
#include "cli/json.hpp"
#include "tests/host-broker/app/vmclone/fixture.hpp"
#include "tests/support/service/paged_service.hpp"

namespace zynclone::tests {
namespace {

using protocol::Accepted;

TEST_F(Vmclone, ListsOneVmOrAll) {
  broker.add([](Conversation& c) {
    const auto request = c.read_request();
    EXPECT_EQ(protocol::method_name(request.method), "clone.list");
    EXPECT_FALSE(request.vm);
    c.answer(request, protocol::CloneListing{{sample_clone()}});
    c.answer(c.read_request(), sample_family());
    c.wait_closed();
  });
  auto all = start({"list"});
  EXPECT_EQ(all.finish(), 0) << all.errors();
  EXPECT_NE(all.output().find("pos1  upgrade-1  running"), std::string::npos);
  EXPECT_EQ(all.output().find("production"), std::string::npos) << "its original has it, as usual";

  will_answer(protocol::CloneListing{});
  auto one = start({"list", "pos1"});
  EXPECT_EQ(one.finish(), 0);
  EXPECT_EQ(one.output(), "no clones\n");
  EXPECT_EQ(asked().vm->text(), "pos1");
}

TEST_F(Vmclone, ShowsAFamilyOrAClone) {
  auto seen = sample_family();
  seen.self.clear();
  broker.add([&](Conversation& c) {
    for (const char* method : {"family.show", "volume.list"}) {
      const auto request = c.read_request();
      EXPECT_EQ(protocol::method_name(request.method), method);
      EXPECT_EQ(request.vm->text(), "pos1");
      if (request.method.index() == protocol::Method(protocol::FamilyShow()).index()) c.answer(request, seen);
      else c.answer(request, protocol::VolumeListing{{sample_volume()}});
    }
    c.wait_closed();
  });
  auto family = start({"show", "pos1"});
  EXPECT_EQ(family.finish(), 0);
  EXPECT_NE(family.output().find("  volume      sales, xvds: standby has it\n"), std::string::npos) << family.output();
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

TEST_F(Vmclone, ABrokerWhosePagesDoNotGoOnIsNotAskedForEver) {
  broker.add([](Conversation& c) {
    for (std::string line = c.read_line(); !line.empty(); line = c.read_line()) {
      const auto request = protocol::decode_request(line, protocol::Sender::administrator);
      c.answer(request.value(), protocol::AuditListing{.entries = {entry(1)}, .more = true, .last = 9});
    }
  });
  auto run = start({"audit", "list", "--all"});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_NE(run.errors().find("not in order"), std::string::npos) << run.errors();
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
  EXPECT_EQ(ill.output(), cli::ascii_json(protocol::encode_view(report, 2)) + "\n");
}

TEST_F(Vmclone, NoBroker) {
  broker.go_away();
  auto run = start({"list"});
  EXPECT_EQ(run.finish(), 4);
  EXPECT_EQ(run.errors(), "vmclone: cannot reach the broker at '" + broker.path() + "': No such file or directory (unavailable)\n");
}

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')); }

TEST_F(Vmclone, ListsOfAnyLengthArePutTogether) {
  for (const std::size_t count : {std::size_t{200}, std::size_t{1000}}) {
    Paged paged{.clones = many_clones(count), .operations = many_operations(count)};
    const auto serve = [&](Conversation& c) { paged.serve(c); };
    broker.add(serve);
    auto list = start({"list"});
    EXPECT_EQ(list.finish(), 0) << list.errors();
    EXPECT_EQ(lines(list.output()), count + 1);
    EXPECT_NE(list.output().find(paged.clones.back().name.text()), std::string::npos);
    broker.wait_idle();
    EXPECT_EQ(paged.asked, count / 40 + 1) << "and once who has production";

    broker.add(serve);
    auto family = start({"show", "pos1"});
    EXPECT_EQ(family.finish(), 0) << family.errors();
    EXPECT_NE(family.output().find(paged.clones.back().name.text()), std::string::npos);

    broker.add(serve);
    auto approvals = start({"approval", "list"});
    EXPECT_EQ(approvals.finish(), 0) << approvals.errors();
    EXPECT_EQ(lines(approvals.output()), count + 1);

    broker.add(serve);
    auto operations = start({"operation", "list", "--all"});
    EXPECT_EQ(operations.finish(), 0) << operations.errors();
    EXPECT_EQ(lines(operations.output()), count + 1);

    broker.add(serve);
    auto some = start({"operation", "list", "--limit", "150"});
    EXPECT_EQ(some.finish(), 0) << some.errors();
    EXPECT_EQ(lines(some.output()), 152u);
    EXPECT_NE(some.output().find("there are older ones: --limit N, or --all\n"), std::string::npos);
  }
}

TEST_F(Vmclone, PagesThatGoInCirclesAreNoList) {
  broker.add([](Conversation& c) {
    for (std::string line = c.read_line(); !line.empty(); line = c.read_line()) {
      const auto request = protocol::decode_request(line, protocol::Sender::administrator);
      c.answer(request.value(), protocol::CloneListing{.clones = {sample_clone()}, .more = true});
    }
  });
  auto list = start({"list"});
  EXPECT_EQ(list.finish(), 4);
  EXPECT_NE(list.errors().find("does not go on"), std::string::npos) << list.errors();
  will_answer(protocol::CloneListing{.more = true});
  auto empty = start({"list"});
  EXPECT_EQ(empty.finish(), 4);
}

TEST_F(Vmclone, AuditListShowsTheNewest) {
  Paged paged;
  for (std::uint64_t i = 1; i <= 350; ++i) paged.audit.push_back({.sequence = i, .time = sample_time(), .actor = "a", .event = "e"});
  const auto shown = [&](std::vector<std::string> options) {
    broker.add([&](Conversation& c) { paged.serve(c); });
    options.insert(options.begin(), {"audit", "list", "--json"});
    auto run = start(options);
    EXPECT_EQ(run.finish(), 0) << run.errors();
    return run.output();
  };
  const auto numbers = [&](std::vector<std::string> options) {
    const std::string text = shown(std::move(options));
    std::vector<std::uint64_t> found;
    const std::string key = "\"sequence\": ";
    for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1)) found.push_back(std::stoull(text.substr(at + key.size())));
    return found;
  };
  const auto usual = numbers({});
  ASSERT_EQ(usual.size(), 100u);
  EXPECT_EQ(usual.front(), 251u);
  EXPECT_EQ(usual.back(), 350u);
  EXPECT_EQ(numbers({"--last", "3"}), (std::vector<std::uint64_t>{348, 349, 350}));
  EXPECT_EQ(numbers({"--last", "200"}).size(), 200u);
  EXPECT_EQ(numbers({"--last", "1000"}).size(), 350u);
  EXPECT_EQ(numbers({"--all"}).size(), 350u);
  EXPECT_EQ(numbers({"--after", "5", "--limit", "2"}), (std::vector<std::uint64_t>{6, 7}));
  EXPECT_EQ(numbers({"--after", "0", "--limit", "2"}), (std::vector<std::uint64_t>{1, 2}));
}

TEST_F(Vmclone, WhatWouldBePassedOverIsRefused) {
  const std::string id = sample_operation_id().text();
  for (const auto& [arguments, place] : std::vector<std::pair<std::vector<std::string>, std::string>>{
           {{"audit", "list", "--limit", "5"}, "--limit"},
           {{"audit", "list", "--limit", "5", "--all"}, "--limit"},
           {{"audit", "list", "--last", "5", "--all"}, "--last"},
           {{"audit", "list", "--last", "5", "--after", "3"}, "--last"},
           {{"operation", "list", "--limit", "5", "--all"}, "--limit"},
           {{"approval", "deny", id, "--reason", " "}, "--reason"},
           {{"approval", "allow", "x"}, "ID"}}) {
    auto run = start(arguments);
    EXPECT_EQ(run.finish(), 2) << run.output();
    EXPECT_NE(run.errors().find("(invalid-argument at " + place + ")\n"), std::string::npos) << run.errors();
  }
}

TEST_F(Vmclone, HealthOfAVmIsItsAgents) {
  will_answer(protocol::GuestHealthReport{.healthy = true, .checks = {{"10-till", true, "open"}}});
  auto well = start({"health", "pos1"});
  EXPECT_EQ(well.finish(), 0) << well.errors();
  EXPECT_EQ(well.output(), "the agent in pos1 is healthy\n  ✓ 10-till: open\n");
  EXPECT_EQ(protocol::method_name(asked().method), "agent.health");
  EXPECT_EQ(asked().vm->text(), "pos1");
  EXPECT_FALSE(std::get<protocol::AgentHealth>(asked().method).clone);

  will_answer(protocol::GuestHealthReport{.healthy = false, .checks = {{"10-till\x1b", false, "closed"}}});
  auto unwell = start({"health", "pos1", "upgrade-1"});
  EXPECT_EQ(unwell.finish(), 1);
  EXPECT_EQ(unwell.output(), "the agent in pos1/upgrade-1 is not healthy\n  ✗ 10-till\\x1b: closed\n");
  EXPECT_EQ(std::get<protocol::AgentHealth>(asked().method).clone->text(), "upgrade-1");

  auto wrong = start({"health", "../x"});
  EXPECT_EQ(wrong.finish(), 2);
}

}  // namespace
}  // namespace zynclone::tests
