#pragma once
// The real zynclone-agent in a folder of its own, with hooks that write down what they do, a local caller's end and the broker's end of its
// sockets. The test plays the broker.

#include <memory>
#include <optional>
#include <string>

#include "tests/guest-agent-core/fakes.hpp"
#include "tests/support/service/program_run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::tests {

class AgentProgram {
 public:
  // Writes agent.conf; `more` is appended to it.
  explicit AgentProgram(asio::io_context& context, const std::string& more = "");

  void begin(std::map<std::string, std::string> environment = {});
  // SIGTERM, and the exit status.
  int stop();
  void kill();

  // A hook that writes "<event> <name>" into the file `hooks` and then does what the text says.
  void hook(HookEvent event, const std::string& name, const std::string& text = "");
  std::vector<std::string> hooks_that_ran() const;
  // Until the hooks have written this line.
  bool wait_hook(const std::string& line);

  // Both wait until the agent listens.
  std::unique_ptr<FakePeer> connect_broker();
  std::unique_ptr<FakePeer> connect_caller();

  std::string path(std::string_view name) const { return (folder_ / name).string(); }
  const TemporaryFolder& folder() const { return folder_; }
  std::string socket() const { return path("run/agent.sock"); }
  bool has_record() const { return std::filesystem::exists(path("state/quiesced")); }
  ProgramRun& run() { return *run_; }

 private:
  std::unique_ptr<channel::Channel> connect(const std::string& path);

  asio::io_context& context_;
  TemporaryFolder folder_;
  std::unique_ptr<ProgramRun> run_;
};

}  // namespace zynclone::tests
