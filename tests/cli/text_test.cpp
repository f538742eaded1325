#include "cli/text.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

#include "tests/cli/golden.hpp"
#include "tests/support/service/messages.hpp"

namespace zynclone::cli {
namespace {

using tests::expect_golden;

class Text : public ::testing::Test {
 protected:
  void SetUp() override {
    ::setenv("TZ", "UTC", 1);
    ::tzset();
  }
};

TEST_F(Text, ErrorsHaveCodeAndPlace) {
  EXPECT_EQ(error_text(Error{Errc::not_found, "cannot find 'x'"}), "cannot find 'x' (not-found)");
  EXPECT_EQ(error_text(Error{Errc::no_space, "cannot snapshot", "xvda"}), "cannot snapshot (no-space at xvda)");
  EXPECT_EQ(error_text(protocol::ErrorView{"\x1b[1m", "\x1b[2J", "\x07"}), "\\x1b[2J (\\x1b[1m at \\x07)");
}

TEST_F(Text, TableColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(table_text({{"A", "LONG", "C"}, {"äöü", "x", "end"}}), "A    LONG  C\näöü  x     end\n");
  EXPECT_EQ(table_text({{"A", "B"}, {"x", ""}}), "A  B\nx\n");
}

TEST_F(Text, Operation) {
  expect_golden("cli", "operation_finished.txt", operation_text(tests::finished_operation()));
  expect_golden("cli", "operation_failed.txt", operation_text(tests::failed_operation()));
  auto seen_by_administrator = tests::sample_operation(2);
  seen_by_administrator.decision = protocol::DecisionView{"allow", "/etc/zynclone/policy.d/10-pos.policy:3"};
  expect_golden("cli", "operation_running_administrator.txt", operation_text(seen_by_administrator));
}

TEST_F(Text, Operations) {
  auto denied = tests::sample_operation(0);
  denied.state = protocol::OperationState::denied;
  denied.target.clear();
  expect_golden("cli", "operations.txt", operations_text({{tests::sample_operation(2), tests::finished_operation(), denied}}));
  EXPECT_EQ(operations_text({}), "no operations\n");
}

TEST_F(Text, WhatWasAskedAndWhatIsNotAsItShouldBe) {
  auto operation = tests::finished_operation();
  operation.detail = "mode online, note: " + std::string(80, 'x');
  operation.steps[1].warning = true;
  EXPECT_NE(operation_text(operation).find("  ! quiesced pos1"), std::string::npos);
  EXPECT_NE(operation_text(operation).find("  asked for  " + operation.detail + '\n'), std::string::npos);
  EXPECT_EQ(operations_text({{operation}}).find(operation.detail), std::string::npos) << "a list has it cut";
  EXPECT_NE(operations_text({{operation}}).find("mode online, note: xxx"), std::string::npos);
  EXPECT_NE(approvals_text({{protocol::ApprovalView{.operation = operation}}}).find(operation.detail), std::string::npos);
}

TEST_F(Text, ACloneThatIsBeingMadeHasNothingDecidedYet) {
  auto clone = tests::sample_clone();
  clone.state = protocol::CloneState::creating;
  clone.disks[0].size = 0;
  EXPECT_NE(clone_text(clone).find("online, disks -\n"), std::string::npos) << clone_text(clone);
  EXPECT_NE(clone_text(clone).find("xvda - lvm-thin"), std::string::npos) << clone_text(clone);
}

TEST_F(Text, Plan) {
  protocol::PlanView plan{.kind = "clone.create", .vm = VmName::parse("pos1").value(), .target = "upgrade-1", .decision = "ask"};
  plan.steps = {{.name = "quiesce", .text = "quiesce pos1, at most 10 s"}, {.name = "snapshot", .text = "snapshot pos1-root (thin, 1 GiB)"}};
  expect_golden("cli", "plan.txt", plan_text(plan));
  plan.place = "10-pos.policy:3";
  EXPECT_NE(plan_text(plan).find("policy: ask, 10-pos.policy:3\n"), std::string::npos);
  EXPECT_EQ(plan_text(plan).find("nothing needs to be done"), std::string::npos);
  plan.steps.clear();
  EXPECT_NE(plan_text(plan).find("\n  nothing needs to be done\n"), std::string::npos);
}

TEST_F(Text, Clones) {
  expect_golden("cli", "clone.txt", clone_text(tests::sample_clone()));
  auto seen_by_administrator = tests::sample_clone();
  seen_by_administrator.domain = 7;
  seen_by_administrator.disks[0].location = "/dev/vg0/pos1-root.z01jd";
  expect_golden("cli", "clone_administrator.txt", clone_text(seen_by_administrator));
  expect_golden("cli", "clones.txt", clones_text({tests::sample_clone(), seen_by_administrator}));
  EXPECT_EQ(clones_text({}), "no clones\n");
}

TEST_F(Text, Family) {
  expect_golden("cli", "family.txt", family_text(tests::sample_family()));
}

TEST_F(Text, WhatEndsACloneAndWhatKeepsIt) {
  auto clone = tests::sample_clone();
  clone.expires = tests::sample_time() + std::chrono::hours(48);
  EXPECT_NE(clone_text(clone).find("\n  expires     2026-11-23 02:58:59\n"), std::string::npos) << clone_text(clone);
  EXPECT_NE(clones_text({clone}).find("  2026-11-21 02:58:59  2026-11-23 02:58:59  before"), std::string::npos) << clones_text({clone});
  EXPECT_EQ(clone_text(clone).find("protected"), std::string::npos);
  clone.is_protected = true;
  EXPECT_NE(clone_text(clone).find("\n  expires     2026-11-23 02:58:59, but not while it is protected\n  protected   yes\n"), std::string::npos) << clone_text(clone);
  EXPECT_NE(clones_text({clone}).find("  protected  before"), std::string::npos) << clones_text({clone});
}

TEST_F(Text, WhoHasProduction) {
  auto family = tests::sample_family();
  EXPECT_EQ(production_text(family), "pos1: pos1 has production\n");
  family.production = "standby";
  family.probation = tests::sample_probation();
  EXPECT_EQ(production_text(family),
            "pos1: standby has production, on probation until 2026-11-21 03:28:59, then undone; before it pos1 had production\n");
  auto free = tests::sample_volume();
  free.holder.clear();
  free.attached = false;
  expect_golden("cli", "family_on_probation.txt", family_text(family, {tests::sample_volume(), free}));
  family.production.clear();
  family.probation.reset();
  EXPECT_EQ(production_text(family), "pos1: nobody has production\n");
  family.probation = tests::sample_probation();
  family.probation->after = protocol::AfterProbation::commit;
  family.probation->from.clear();
  EXPECT_NE(family_text(family).find("until 2026-11-21 03:28:59, then committed; before it a member that is gone had production\n"), std::string::npos)
      << family_text(family);
}

TEST_F(Text, CutoverAndVolumes) {
  protocol::CutoverView cutover{.production = "standby", .generation = 4, .probation = tests::sample_probation(), .volumes = {tests::sample_volume()}};
  expect_golden("cli", "cutover.txt", cutover_text(cutover));
  EXPECT_EQ(cutover_text({}), "production  nobody, generation 0\nprobation   none\nno shared volumes\n");
  EXPECT_EQ(volumes_text({}), "no shared volumes\n");

  auto seen_by_administrator = tests::sample_volume();
  seen_by_administrator.location = "/dev/vg0/pos1-sales";
  seen_by_administrator.problem = "domain 7 has it, as xvds, without its lease";
  auto lost = tests::sample_volume();
  lost.attached = false;
  lost.filesystem.clear();
  lost.holder.clear();
  expect_golden("cli", "volumes.txt", volumes_text({seen_by_administrator, lost}));
  EXPECT_EQ(volume_text(seen_by_administrator), "sales, xvds: standby has it; domain 7 has it, as xvds, without its lease");
  lost.holder = "standby";
  EXPECT_EQ(volume_text(lost), "sales, xvds: standby has it, but not attached");
}

TEST_F(Text, Grants) {
  auto grant = tests::sample_grant();
  EXPECT_EQ(grant_text(grant), "grant 01JD0000000000000000000001: cutover.* of pos1, 1 time until 2026-11-21 03:28:59");
  grant.times = 3;
  grant.used = 1;
  EXPECT_NE(grant_text(grant).find(", 2 times until "), std::string::npos);
  grant.used = 9;
  EXPECT_NE(grant_text(grant).find(", 0 times until "), std::string::npos);
  expect_golden("cli", "grants.txt", grants_text({{tests::sample_grant(), grant}}));
  EXPECT_EQ(grants_text({}), "nothing is granted\n");
}

TEST_F(Text, ApprovalsAuditAndHealth) {
  protocol::ApprovalView approval{.operation = tests::awaiting_operation(), .expires = tests::sample_time() + std::chrono::minutes(15),
                                  .approvers_needed = 2, .allowed_by = {"ada"}};
  expect_golden("cli", "approvals.txt", approvals_text({{approval}}));
  EXPECT_EQ(approvals_text({}), "nothing awaits approval\n");

  protocol::AuditEntry entry{.sequence = 17, .time = tests::sample_time(), .actor = "pos1/pos1", .event = "requested",
                             .operation = tests::sample_operation_id().text(), .detail = "clone.create upgrade-1"};
  protocol::AuditEntry start{.sequence = 18, .time = tests::sample_time(), .actor = "broker", .event = "started"};
  expect_golden("cli", "audit.txt", audit_text({{entry, start}}));

  protocol::HostHealthReport report{.version = "zynclone 0.1.0", .healthy = false,
                                    .checks = {{"journal", true, "1 ms"}, {"clone-monitor", false, "not heard of for 2 min"}}};
  expect_golden("cli", "health.txt", health_text(report));
}

TEST_F(Text, NothingThatAPeerSaidReachesTheTerminalUnescaped) {
  auto operation = tests::failed_operation();
  operation.kind = operation.target = operation.detail = operation.requester = operation.summary = "\x1b[31m";
  operation.steps[0].text = operation.error->code = operation.error->message = operation.error->place = "\x1b[31m";
  operation.decision = protocol::DecisionView{"\x1b", "\x1b"};
  auto clone = tests::sample_clone();
  clone.note = clone.vifs[0].mac = clone.disks[0].device = clone.disks[0].format = "\x1b[31m";
  clone.disks[0].location = "\x1b[31m";
  auto family = tests::sample_family();
  family.self = family.production = family.vifs[0].mac = "\x1b[31m";
  family.probation = tests::sample_probation();
  family.probation->from = family.probation->to = "\x1b[31m";
  auto volume = tests::sample_volume();
  volume.device = volume.filesystem = volume.holder = volume.problem = "\x1b[31m";
  volume.location = "\x1b[31m";
  auto grant = tests::sample_grant();
  grant.operations = grant.by = "\x1b[31m";
  protocol::CutoverView cutover{.production = "\x1b[31m", .probation = family.probation, .volumes = {volume}};
  protocol::PlanView plan{.kind = "\x1b", .vm = clone.vm, .target = "\x1b", .decision = "\x1b", .place = "\x1b", .steps = operation.steps};
  protocol::ApprovalView approval{.operation = operation, .expires = tests::sample_time(), .allowed_by = {"\x1b"}};
  protocol::AuditEntry entry{.sequence = 1, .time = tests::sample_time(), .actor = "\x1b", .event = "\x1b", .operation = "\x1b", .detail = "\x1b"};
  protocol::HostHealthReport health{.version = "\x1b", .checks = {{"\x1b", false, "\x1b"}}};
  for (const std::string& text :
       {heading_text(operation), operation_text(operation), operations_text({{operation}}), clone_text(clone), clones_text({clone}),
        family_text(family, {volume}), production_text(family), cutover_text(cutover), volumes_text({volume}), grant_text(grant), grants_text({{grant}}), plan_text(plan), approvals_text({{approval}}), audit_text({{entry}}), health_text(health)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace zynclone::cli
