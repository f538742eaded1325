#include "cli/progress.hpp"

#include "cli/text.hpp"
#include "protocol/codec.hpp"

namespace zynclone::cli {
namespace {

using protocol::OperationState;
using protocol::StepState;

bool is_settled(StepState state) {
  return state == StepState::done || state == StepState::failed || state == StepState::undone;
}

}  // namespace

// What will not change any more and was not shown yet.
std::string Progress::settled_lines(const protocol::OperationView& operation) {
  std::string lines;
  if (!began_) lines += heading_text(operation) + '\n';
  began_ = true;

  // Waiting for people is told in a pipe too: it may take hours. On a terminal it stands among what is passing.
  const bool waits = operation.state == OperationState::awaiting_approval;
  if (std::string permission = permission_text(operation); !permission.empty() && permission != permission_) {
    if (!waits || !screen_.terminal()) {
      // After a restart the decision may be told with less or more of its place; it was made only once.
      const bool told = !permission_.empty() && permission_.starts_with("  ✓") && permission.starts_with("  ✓");
      if (!told) lines += permission + '\n';
      permission_ = std::move(permission);
    }
  }
  if (shown_states_.size() < operation.steps.size()) shown_states_.resize(operation.steps.size(), StepState::pending);
  for (std::size_t i = 0; i < operation.steps.size(); ++i) {
    const auto& step = operation.steps[i];
    if (!is_settled(step.state) || step.state == shown_states_[i]) continue;
    shown_states_[i] = step.state;
    lines += step_text(step) + '\n';
  }
  return lines;
}

void Progress::show(const protocol::OperationView& operation) {
  if (const std::string lines = settled_lines(operation); !lines.empty()) screen_.write(lines);
  trouble_told_ = false;
  if (!screen_.terminal()) return;
  std::string passing;
  if (operation.state == OperationState::awaiting_approval) passing += cut_to(permission_text(operation), screen_.columns() - 1) + '\n';
  for (const auto& step : operation.steps) {
    if (step.state == StepState::running) passing += cut_to(step_text(step), screen_.columns() - 1) + '\n';
  }
  if (passing.empty() && operation.state == OperationState::queued) passing = "  … queued\n";
  screen_.write_passing(passing);
}

void Progress::show_trouble(const Error& error) {
  const std::string line = "  … " + error_text(error);
  if (screen_.terminal()) {
    screen_.write_passing(cut_to(line, screen_.columns() - 1) + '\n');
  } else if (!trouble_told_) {
    screen_.write_error(line.substr(2));
    trouble_told_ = true;
  }
}

void Progress::end(const protocol::OperationView& operation) {
  std::string last;
  if (is_final(operation.state) && !operation.summary.empty()) last = printable(operation.summary) + '\n';
  screen_.write(last);
}

}  // namespace zynclone::cli
