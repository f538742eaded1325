#pragma once
// A command to run in a guest: a program and its arguments, never a line for a shell. Whoever passes one on checks it: the broker before
// it is journalled, the agent before it is run.

#include <string>
#include <vector>

#include "protocol/result.hpp"

namespace zynclone::protocol {

// 1 to k_most_command_words words, the first not empty, each of at most k_longest_text bytes, together of at most k_longest_command.
// Errors: invalid_argument, place /params/command.
Result<void> check_command(const std::vector<std::string>& command);

// The command on one line, for people: words in quotes where it needs them, at most `longest` bytes of printable text.
std::string command_text(const std::vector<std::string>& command, std::size_t longest = 80);

}  // namespace zynclone::protocol
