#pragma once
// Child processes, from an argument vector and never through a shell. The child gets /dev/null as standard input, a clean
// environment (PATH, LANG=C.UTF-8 and what `environment` adds), no inherited descriptor, and a process group of its own,
// which is killed whole when the deadline passes or the awaiting coroutine is cancelled.

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "system/async.hpp"

namespace zynclone {

struct ProcessOptions {
  // Not an aggregate: GCC 12 destroys an aggregate twice that is a temporary within a co_await expression, as a default argument is.
  ProcessOptions() {}
  std::map<std::string, std::string> environment = {};
  std::string working_directory = "/";
  Deadline limit = std::chrono::seconds(60);
  std::size_t most_output = 1 << 20;  // bytes kept of each stream; the rest is read and dropped
};

struct ProcessOutput {
  int status = 0;      // exit status, or 128 + signal
  std::string output;
  std::string errors;
};

// Errors: system (cannot be started), timed_out. An exit status other than 0 is no error here; see `run_checked`.
asio::awaitable<Result<ProcessOutput>> run_process(std::vector<std::string> arguments, ProcessOptions options = {});

// The same, but an exit status other than 0 is an error of `code` whose message has the program, the status and the last lines of
// its standard error, made printable. Gives standard output.
asio::awaitable<Result<std::string>> run_checked(std::vector<std::string> arguments, Errc code, ProcessOptions options = {});

}  // namespace zynclone
