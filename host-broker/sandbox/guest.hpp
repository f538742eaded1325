#pragma once
// The inside of one pretended domain: a real agent and what else the VM's file names, each in a session of its own. Owned by
// Domains, on its thread. What the operating system in a VM does otherwise (start and restart programs, power off) is done here.

#include "host-broker/sandbox/disk_use.hpp"
#include "host-broker/sandbox/domain_spec.hpp"
#include "host-broker/sandbox/layout.hpp"
#include "host-broker/sandbox/notify_socket.hpp"
#include "host-broker/sandbox/supervised_program.hpp"

namespace zynclone::sandbox {

// What a program in the guest finds in its environment: XENSTORED_PATH, ZYNCLONE_SOCKET (the agent's), ZYNCLONE_SANDBOX_DOMAIN_DIR (with dev/ and
// mnt/), ZYNCLONE_DOMAIN_NAME, and base_environment().
std::map<std::string, std::string> guest_environment(const Layout& layout, DomainId domain, const std::string& name);

class Guest {
 public:
  // Writes the agent's configuration; nothing runs yet. `vm` is the original's name. Errors: system, not_found for a program.
  static Result<std::unique_ptr<Guest>> create(asio::any_io_executor executor, const Layout& layout, DomainId domain,
                                               const DomainSpec& spec, const std::string& vm);
  ~Guest();
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  // The first time starts the programs, later lets them go on. Errors: system.
  Result<void> unpause();
  void pause();

  // Asks all programs to end (SIGTERM), as a shutdown does.
  void ask_to_end();
  // Waits until all have ended.
  asio::awaitable<void> wait_for_end();
  // Kills all at once and waits until they are gone.
  asio::awaitable<void> kill();

  // The device's name in the folder that the guest's programs know as /dev: a symbolic link to the disk's file. Errors: system.
  Result<void> show(const broker::VmDisk& disk);
  void hide(const broker::VmDisk& disk);

  // The agent's; null when the domain has none.
  NotifySocket* readiness() { return readiness_.get(); }
  std::set<pid_t> sessions();
  GuestProcesses processes() { return {.sessions = sessions(), .marker = marker_}; }
  std::optional<pid_t> agent() const;

 private:
  Guest(asio::any_io_executor executor, const Layout& layout, DomainId domain);
  Result<void> add_agent(const Layout& layout, DomainId domain, const DomainSpec& spec, const std::string& vm);
  void add(std::string name, std::vector<std::string> arguments, std::map<std::string, std::string> environment);
  void retire();

  asio::any_io_executor executor_;
  std::filesystem::path folder_;
  std::filesystem::path devices_;
  std::string marker_;  // in the environment of all its programs, and of nobody else's
  std::unique_ptr<NotifySocket> readiness_;
  std::vector<std::unique_ptr<SupervisedProgram>> programs_;  // the agent first, if there is one
  bool started_ = false;
};

}  // namespace zynclone::sandbox
