#include "cli/progress.hpp"

#include <utility>

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

// Lines that have not been written yet and will not be taken back.
std::string Progress::news(const protocol::OperationView& operation) {
  std::string lines;
  if (!std::exchange(began_, true)) lines += heading_text(operation) + '\n';
  if (told_.size() < operation.steps.size()) told_.resize(operation.steps.size(), StepState::pending);
  // Waiting for people may take hours, so a pipe is told that too.
  const bool tell_running = !screen_.terminal() && operation.state == OperationState::awaiting_approval;
  for (std::size_t i = 0; i < operation.steps.size(); ++i) {
    const auto& step = operation.steps[i];
    const bool tell = is_settled(step.state) || (tell_running && step.state == StepState::running);
    if (!tell || std::exchange(told_[i], step.state) == step.state) continue;
    if (const std::string line = step_text(step); !line.empty()) lines += line + '\n';
  }
  return lines;
}

void Progress::show(const protocol::OperationView& operation) {
  trouble_told_ = false;
  if (const std::string lines = news(operation); !lines.empty()) screen_.write(lines);
  if (!screen_.terminal()) return;
  std::string passing;
  for (const auto& step : operation.steps) {
    if (step.state != StepState::running) continue;
    if (const std::string line = step_text(step); !line.empty()) passing += cut_to(line, screen_.columns() - 1) + '\n';
  }
  if (operation.state == OperationState::queued) passing += "  … queued\n";
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
