#pragma once
// A real program of ours while it runs: its output through pipes or on a pseudo terminal, read until something is there, under a deadline.

#include <map>
#include <string>
#include <sys/types.h>
#include <vector>

#include "system/descriptor.hpp"

namespace zynclone::tests {

enum class Output { pipes, terminal };

// The build's bin folder, with '/' at its end.
std::string bin_folder();

class ProgramRun {
 public:
  // `name` in the build's bin folder, or an absolute path. The environment is PATH, TZ=UTC, LC_ALL=C.UTF-8, TERM=xterm and what is given. A terminal has 80 columns.
  ProgramRun(const std::string& name, std::vector<std::string> arguments, std::map<std::string, std::string> environment = {},
             Output output = Output::pipes);
  ~ProgramRun();  // kills it if it still runs
  ProgramRun(const ProgramRun&) = delete;

  // Reads until the output (with `errors`: standard error) has this text. False when the program ended or ten seconds passed before.
  bool wait_for_output(const std::string& text);
  bool wait_for_errors(const std::string& text);
  void send_signal(int number) const;
  pid_t process() const { return process_; }
  // Keys pressed on the terminal: "\x03" is Ctrl-C.
  void type(std::string_view keys) const;

  // Waits for its end and gives the exit status, or 128 + signal; -1 when it did not end within twenty seconds.
  int finish();

  const std::string& output() const { return output_; }  // on a terminal standard error is in it too
  const std::string& errors() const { return errors_; }

 private:
  bool read_more(int milliseconds);
  bool wait_for(const std::string& stream, const std::string& text);

  pid_t process_ = -1;
  Descriptor out_;
  Descriptor error_;
  std::string output_;
  std::string errors_;
};

}  // namespace zynclone::tests
