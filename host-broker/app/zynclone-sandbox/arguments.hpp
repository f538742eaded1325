#pragma once
// The command line of zynclone-sandbox: its words, and which command each leads to.

#include <functional>
#include <string>
#include <vector>

#include "host-broker/app/zynclone-sandbox/commands.hpp"

namespace CLI {
class App;
}

namespace zynclone::sandbox {

// What the command line says; `run` does it.
struct Arguments {
  std::string folder = default_folder();
  std::string name;
  std::vector<std::string> command;
  std::vector<std::string> environment;
  UpOptions up;
  std::string disk;
  bool paused = false;
  bool by_force = false;
  std::function<int()> run;
};

// `arguments` must live until the command has been run.
void add_commands(CLI::App& app, Arguments& arguments);

}  // namespace zynclone::sandbox
