#pragma once
// The commands of zynclone-sandbox, a file each. All give the program's exit status; errors are on standard error.

#include <cstdint>
#include <string>
#include <vector>

namespace zynclone::sandbox {

struct UpOptions {
  std::vector<std::string> vms;
  std::string disk_size = "1GiB";
};

int serve(const std::string& folder);
int up(const std::string& folder, const UpOptions& options);
int down(const std::string& folder);

int domain_create(const std::string& folder, const std::string& vm_or_file, bool paused);
int domain_command(const std::string& folder, const std::string& command, const std::string& domain);
int domain_list(const std::string& folder);

int attach(const std::string& folder, const std::string& domain, const std::string& disk);
int detach(const std::string& folder, const std::string& domain, const std::string& device, bool by_force);

int service_list(const std::string& folder);
int service_start(const std::string& folder, const std::string& name, const std::vector<std::string>& environment,
                  const std::vector<std::string>& arguments);
int service_stop(const std::string& folder, const std::string& name);

// Become the command: as a local user of a guest, and on the control domain.
int execute_in_guest(const std::string& folder, const std::string& domain, const std::vector<std::string>& command);
int execute_on_host(const std::string& folder, const std::vector<std::string>& command);

// $ZYNCLONE_SANDBOX_DIR, or a folder of this user's.
std::string default_folder();

}  // namespace zynclone::sandbox
