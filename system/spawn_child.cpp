#include "system/spawn_child.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/names.hpp"
#include "system/spawn_setup.hpp"

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

  TRY(auto output, make_pipe());
  TRY(auto errors, make_pipe());
  const SpawnSetup setup({k_null_descriptor, output.writing.get(), errors.writing.get()}, working_directory);
  pid_t pid = 0;
  // glibc's posix_spawn shares memory with the child until exec (CLONE_VFORK), so a large broker starts programs as fast as a small one.
  const int number = setup.spawn(pid, program, arguments, std::move(assignments));
  if (number != 0) return fail(Errc::system, failed + std::strerror(number));
  return SpawnedChild{pid, std::move(output.reading), std::move(errors.reading)};
}

}  // namespace zynclone
