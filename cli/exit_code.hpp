#pragma once
// With what number zynclone and vmclone end, for scripts. The one table of it: --help and the man pages show what stands here.

#include <string>

#include "protocol/messages.hpp"

namespace zynclone::cli {

enum class ExitCode : int {
  done = 0,
  failed = 1,        // the operation failed, or a check found mistakes
  usage = 2,         // the command line, or a value that the service refuses as such
  refused = 3,       // by policy, by an approver, or no such thing: a guest is not told which
  unreachable = 4,   // the service is not there, or what it answers cannot be understood
  time_limit = 5,    // --timeout passed, or nobody approved in time
  not_possible = 6,  // not found, exists already, not in this state, busy, over a limit, no room
  cancelled = 7,
  moved = 8,         // this machine woke up as a clone while it asked
  interrupted = 130, // Ctrl-C; a waited-for operation goes on
};

ExitCode exit_code_of(Errc code);

// Of an operation that has ended.
ExitCode exit_code_of(const protocol::OperationView& operation);

// The table as lines of text, each "  <number>  <meaning>\n".
std::string exit_code_table();

}  // namespace zynclone::cli
