#include "cli/screen.hpp"
#include "cli/text.hpp"
#include "protocol/codec.hpp"

namespace zynclone::cli {
namespace {

using protocol::OperationState;
using protocol::StepState;

constexpr std::size_t k_detail_columns = 60;  // in a list; `operation show` has it whole

std::string_view mark_of(StepState state) {
  switch (state) {
    case StepState::pending: return " ";
    case StepState::running: return "…";
    case StepState::done: return "✓";
    case StepState::failed: return "✗";
    case StepState::undone: return "↶";
  }
  return "?";
}

std::string_view mark_of(const protocol::StepView& step) {
  return step.warning && step.state == StepState::done ? "!" : mark_of(step.state);
}

std::string of_vm(const protocol::OperationView& operation) {
  std::string text = printable(operation.kind) + " " + operation.vm.text();
  if (!operation.target.empty()) text += " → " + printable(operation.target);
  return text;
}

}  // namespace

std::string heading_text(const protocol::OperationView& operation) {
  return "operation " + operation.id.text() + " " + of_vm(operation);
}

std::string step_text(const protocol::StepView& step) {
  if (step.text.empty() && step.state != StepState::failed) return {};
  std::string text = "  " + std::string(mark_of(step)) + " ";
  if (step.state == StepState::undone) text += "undone: ";
  text += printable(step.text.empty() ? step.name : step.text);
  if (step.percent && step.state == StepState::running) text += "  " + std::to_string(*step.percent) + " %";
  return text;
}

std::string operation_text(const protocol::OperationView& operation) {
  std::string text = heading_text(operation) + '\n';
  text += "  state      " + std::string(to_string(operation.state));
  if (operation.state == OperationState::running) text += ", " + std::to_string(operation.percent) + " %";
  if (!operation.detail.empty()) text += "\n  asked for  " + printable(operation.detail);
  text += "\n  requester  " + printable(operation.requester) + "\n  created    " + time_text(operation.created) + '\n';
  if (operation.finished) text += "  finished   " + time_text(*operation.finished) + '\n';
  if (operation.decision) {
    text += "  policy     " + printable(operation.decision->decision) + ", " + printable(operation.decision->place) + '\n';
  }
  for (const auto& step : operation.steps) {
    if (const std::string line = step_text(step); !line.empty()) text += line + '\n';
  }
  if (!operation.summary.empty()) text += printable(operation.summary) + '\n';
  if (operation.error) text += "error: " + error_text(*operation.error) + '\n';
  return text;
}

std::string operations_text(const protocol::OperationListing& listing) {
  if (listing.operations.empty()) return "no operations\n";
  std::vector<std::vector<std::string>> rows{{"OPERATION", "CREATED", "KIND", "VM", "TARGET", "STATE", "REQUESTER", "ASKED FOR"}};
  for (const auto& operation : listing.operations) {
    std::string state(to_string(operation.state));
    if (operation.state == OperationState::running) state += " " + std::to_string(operation.percent) + " %";
    rows.push_back({operation.id.text(), time_text(operation.created), printable(operation.kind), operation.vm.text(),
                    operation.target.empty() ? "-" : printable(operation.target), state, printable(operation.requester), cut_to(printable(operation.detail), k_detail_columns)});
  }
  return table_text(rows) + (listing.more ? "there are older ones: --limit N, or --all\n" : "");
}

std::string plan_text(const protocol::PlanView& plan) {
  std::string text = "plan of " + printable(plan.kind) + " " + plan.vm.text();
  if (!plan.target.empty()) text += " → " + printable(plan.target);
  text += "\n  policy: " + printable(plan.decision);
  if (plan.place) text += ", " + printable(*plan.place);
  text += '\n';
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const auto& step = plan.steps[i];
    text += "  " + std::to_string(i + 1) + ". " + printable(step.text.empty() ? step.name : step.text) + '\n';
  }
  if (plan.steps.empty()) text += "  nothing needs to be done\n";
  return text;
}

}  // namespace zynclone::cli
