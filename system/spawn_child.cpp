#include "system/spawn_child.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/names.hpp"

namespace zynclone {
namespace {

constexpr std::string_view k_default_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

struct Pipe {
  Descriptor reading;
  Descriptor writing;
};

Result<Pipe> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Errc::system, std::string("cannot make a pipe: ") + std::strerror(errno));
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

std::map<std::string, std::string> environment_of(const std::map<std::string, std::string>& added) {
  const char* path = std::getenv("PATH");
  std::map<std::string, std::string> environment = added;
  environment.try_emplace("PATH", path != nullptr ? std::string(path) : std::string(k_default_path));
  environment.try_emplace("LANG", "C.UTF-8");
  return environment;
}

std::string find_program(const std::string& name, std::string_view path) {
  if (name.find('/') != std::string::npos) return name;
  while (!path.empty()) {
    const auto end = path.find(':');
    const std::string candidate = std::string(path.substr(0, end)) + "/" + name;
    struct stat status {};
    if (candidate.starts_with('/') && ::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
    path.remove_prefix(end == std::string_view::npos ? path.size() : end + 1);
  }
  return {};
}

// posix_spawn's two argument objects, set up for a child of ours.
class SpawnSetup {
 public:
  SpawnSetup(int output, int errors, const std::string& working_directory) {
    ::posix_spawn_file_actions_init(&actions_);
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_addopen(&actions_, 0, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, 1);
    ::posix_spawn_file_actions_adddup2(&actions_, errors, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    ::posix_spawn_file_actions_addchdir_np(&actions_, working_directory.c_str());
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  SpawnSetup(const SpawnSetup&) = delete;
  SpawnSetup& operator=(const SpawnSetup&) = delete;
  ~SpawnSetup() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Result<SpawnedChild> spawn_child(const std::vector<std::string>& arguments, const std::map<std::string, std::string>& environment,
                                 const std::string& working_directory) {
  if (arguments.empty() || arguments[0].empty()) return fail(Errc::system, "cannot run '': no program is named");
  const std::string failed = "cannot run '" + printable(arguments[0]) + "': ";
  for (const std::string& argument : arguments)
    if (argument.find('\0') != std::string::npos) return fail(Errc::system, failed + "an argument holds a NUL");

  const auto whole_environment = environment_of(environment);
  const std::string program = find_program(arguments[0], whole_environment.at("PATH"));
  if (program.empty()) return fail(Errc::system, failed + "no such program in PATH " + printable(whole_environment.at("PATH")));
  std::vector<std::string> assignments;
  for (const auto& [name, value] : whole_environment) assignments.push_back(name + "=" + value);
  std::vector<std::string> argument_texts = arguments;

  TRY(auto output, make_pipe());
  TRY(auto errors, make_pipe());
  SpawnSetup setup(output.writing.get(), errors.writing.get(), working_directory);
  pid_t pid = 0;
  // glibc's posix_spawn shares memory with the child until exec (CLONE_VFORK), so a large broker starts programs as fast as a small one.
  const int number = ::posix_spawn(&pid, program.c_str(), setup.actions(), setup.attributes(), pointers_to(argument_texts).data(),
                                   pointers_to(assignments).data());
  if (number != 0) return fail(Errc::system, failed + std::strerror(number));
  return SpawnedChild{pid, std::move(output.reading), std::move(errors.reading)};
}

}  // namespace zynclone
