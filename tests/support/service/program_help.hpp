#pragma once
// What a program of ours says of itself with --help: its options and commands, and those of each command below it.

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace zynclone::tests {

struct CommandHelp {
  std::vector<std::string> command;  // {"clone", "create"}; empty for the program itself
  std::set<std::string> options;     // "--json"
  std::set<std::string> commands;    // those below it
};

// Of the program, then of each of its commands, those below before their neighbours. A help that cannot be had fails the test.
void for_each_command(const std::string& program, const std::function<void(const CommandHelp&)>& visit);

}  // namespace zynclone::tests
