#pragma once
// A program that the sandbox runs until it ends by itself or is ended: the leader of a session of its own, killed by the kernel when
// the sandbox dies. For programs that are waited for, system/process.hpp is what to call. Used on the thread that started it.

#include <boost/asio/posix/stream_descriptor.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "system/async.hpp"

namespace zynclone::sandbox {

enum class Bond { dies_with_us, outlives_us };

struct ChildSpec {
  std::vector<std::string> arguments;              // the first one is the program's absolute path
  std::map<std::string, std::string> environment;  // all of it
  std::string log_file;                            // standard output and error are appended here
  Bond bond = Bond::dies_with_us;
};

class ChildProcess {
 public:
  // `on_end` is called once, from the executor, with the exit status, or 128 + signal; not after the object is gone. Errors: system, with
  // the program.
  static Result<std::unique_ptr<ChildProcess>> start(asio::any_io_executor executor, const ChildSpec& spec,
                                                     std::function<void(int status)> on_end);

  // Kills the program if it runs and is bound to us; not its children.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }  // its session's number too

 private:
  ChildProcess(asio::any_io_executor executor, pid_t pid, int process, Bond bond, std::function<void(int)> on_end);
  void watch();
  int reap();

  pid_t pid_;
  Bond bond_;
  bool reaped_ = false;
  std::shared_ptr<asio::posix::stream_descriptor> process_;  // handlers that come too late find it gone
  std::function<void(int)> on_end_;
};

}  // namespace zynclone::sandbox
