#pragma once
// The programs of the pretended control domain: broker and monitors, kept running as systemd would. Owned by the host; one thread.

#include <map>
#include <memory>

#include "host-broker/sandbox/layout.hpp"
#include "host-broker/sandbox/notify_socket.hpp"
#include "host-broker/sandbox/supervised_program.hpp"

namespace zynclone::sandbox {

struct ServiceState {
  std::string name;
  std::optional<pid_t> pid;  // while it runs
  bool ready = false;
  unsigned restarts = 0;
};

class Services {
 public:
  Services(asio::any_io_executor executor, const Layout& layout) : executor_(executor), layout_(layout) {}

  // Starts the program as domain 0 and waits until it says that it is ready. Without arguments it is the command with which the service was
  // last started (a bare program of that name would touch the real host); the environment is for this start only. Errors: not_found for the
  // program or for a service without a command; system or timed_out with the end of its log, and it does not run then; conflict when it runs already.
  asio::awaitable<Result<void>> start(std::string name, std::vector<std::string> arguments,
                                      std::map<std::string, std::string> environment = {});

  // Asks it to end, and kills it when it does not. Errors: not_found.
  asio::awaitable<Result<void>> stop(std::string name);
  asio::awaitable<void> stop_all();

  std::vector<ServiceState> list() const;

 private:
  struct Service {
    std::unique_ptr<NotifySocket> readiness;
    std::unique_ptr<SupervisedProgram> program;
  };
  Result<std::shared_ptr<Service>> make(const std::string& name, std::vector<std::string> arguments,
                                        std::map<std::string, std::string> environment) const;
  std::filesystem::path log_of(const std::string& name) const { return layout_.run() / (name + ".log"); }

  asio::any_io_executor executor_;
  const Layout& layout_;
  std::map<std::string, std::shared_ptr<Service>> services_;
  std::vector<std::string> order_;  // of start
  std::map<std::string, std::vector<std::string>> commands_;  // that started a service, of stopped ones too
};

}  // namespace zynclone::sandbox
