#pragma once
// An operation while it runs, for people: each step's line when it has ended; on a terminal, below them, what runs now, drawn again
// with every change. Only those last lines are ever redrawn, so that an operation of any length fits any terminal.

#include <string>
#include <vector>

#include "cli/screen.hpp"
#include "protocol/messages.hpp"

namespace zynclone::cli {

class Progress {
 public:
  explicit Progress(Screen& screen) : screen_(screen) {}

  void show(const protocol::OperationView& operation);
  // The service is away; stands there until the next show.
  void show_trouble(const Error& error);
  // Removes what is passing, and says the operation's last sentence if it has ended.
  void end(const protocol::OperationView& operation);

 private:
  std::string news(const protocol::OperationView& operation);

  Screen& screen_;
  bool began_ = false;
  bool trouble_told_ = false;
  std::vector<protocol::StepState> told_;  // of each step, the state that a line was written of
};

}  // namespace zynclone::cli
