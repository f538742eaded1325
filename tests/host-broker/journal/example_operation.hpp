#pragma once
// Operations for tests of the journal, and their comparison field by field.

#include <gtest/gtest.h>

#include "host-broker/ports/journal.hpp"

namespace zynclone::tests {

inline Uuid other_family() { return Uuid::parse("aaaaaaaa-0000-4000-8000-000000000002").value(); }

// `number` orders them: a later number is a later operation.
inline broker::OperationRecord plain_operation(unsigned number) {
  broker::OperationRecord operation;
  std::string digits = std::to_string(number);
  operation.id = OperationId::parse("01HZX" + std::string(21 - digits.size(), '0') + digits).value();
  operation.family = Uuid::parse("aaaaaaaa-0000-4000-8000-000000000001").value();
  operation.vm = VmName::parse("pos1").value();
  operation.requester = "bbbbbbbb-0000-4000-8000-000000000001";
  operation.requester_name = "pos1";
  operation.request = R"({"method":"clone.create"})";
  operation.kind = "clone.create";
  operation.target = "upgrade-" + digits;
  operation.created = Timestamp(std::chrono::milliseconds(1'700'000'000'000 + number * 1000));
  return operation;
}

// Every field has a value.
inline broker::OperationRecord full_operation(unsigned number) {
  broker::OperationRecord operation = plain_operation(number);
  operation.request_id = RequestId::parse("request-" + std::to_string(number)).value();
  operation.state = protocol::OperationState::running;
  operation.undoing = true;
  operation.cancel_requested = true;
  operation.percent = 42;
  operation.finished = operation.created + std::chrono::milliseconds(1234);
  operation.approval_expires = operation.created + std::chrono::milliseconds(99);
  operation.approvers_needed = 2;
  operation.allowed_by = {"admin:alice", "admin:bob"};
  operation.decision = "allow";
  operation.decision_place = "/etc/zynclone/policy.d/10-pos.policy:3";
  operation.summary = "clone upgrade-1 is running";
  operation.error = Error{Errc::no_space, "cannot snapshot 'xvda': no space", "xvda"};
  operation.steps = {{.name = "quiesce", .state = protocol::StepState::done, .text = "did not quiesce", .result = "{}", .warning = true},
                     {.name = "snapshot xvda", .state = protocol::StepState::running, .text = "snapshot", .result = ""}};
  return operation;
}

inline void expect_same(const broker::OperationRecord& a, const broker::OperationRecord& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.family, b.family);
  EXPECT_EQ(a.vm, b.vm);
  EXPECT_EQ(a.requester, b.requester);
  EXPECT_EQ(a.requester_name, b.requester_name);
  EXPECT_EQ(a.request_id, b.request_id);
  EXPECT_EQ(a.request, b.request);
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.target, b.target);
  EXPECT_EQ(a.state, b.state);
  EXPECT_EQ(a.undoing, b.undoing);
  EXPECT_EQ(a.cancel_requested, b.cancel_requested);
  EXPECT_EQ(a.percent, b.percent);
  EXPECT_EQ(a.created, b.created);
  EXPECT_EQ(a.finished, b.finished);
  EXPECT_EQ(a.approval_expires, b.approval_expires);
  EXPECT_EQ(a.approvers_needed, b.approvers_needed);
  EXPECT_EQ(a.allowed_by, b.allowed_by);
  EXPECT_EQ(a.decision, b.decision);
  EXPECT_EQ(a.decision_place, b.decision_place);
  EXPECT_EQ(a.summary, b.summary);
  EXPECT_EQ(a.error, b.error);
  ASSERT_EQ(a.steps.size(), b.steps.size());
  for (std::size_t at = 0; at < a.steps.size(); ++at) {
    EXPECT_EQ(a.steps[at].name, b.steps[at].name);
    EXPECT_EQ(a.steps[at].state, b.steps[at].state);
    EXPECT_EQ(a.steps[at].text, b.steps[at].text);
    EXPECT_EQ(a.steps[at].result, b.steps[at].result);
    EXPECT_EQ(a.steps[at].warning, b.steps[at].warning);
  }
}

}  // namespace zynclone::tests
