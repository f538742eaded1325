#pragma once
// How the command line is read, and its mistakes told as zynclone and vmclone tell them.

#include <optional>

namespace CLI {
class App;
}

namespace zynclone::sandbox {

// Gives the program's exit status when nothing is left to do: after a mistake, help or version.
std::optional<int> read_command_line(CLI::App& app, int count, char** values);

}  // namespace zynclone::sandbox
