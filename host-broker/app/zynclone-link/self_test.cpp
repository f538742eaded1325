#include "host-broker/app/zynclone-link/self_test.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "host-broker/app/zynclone-link/confinement.hpp"

namespace zynclone::broker::link {
namespace {

enum class Need { anybody, root };           // a wall that only stands when root started the link
enum class Expect { impossible, possible };

struct Attempt {
  const char* name;
  Filter filter;
  Need need;
  Expect expect;
  bool (*possible)();
};

constexpr int k_was_possible = 10;
constexpr int k_was_refused = 11;
constexpr int k_not_confined = 12;

bool open_file() { return ::open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0; }
bool make_file() { return ::open("zynclone-self-test", O_WRONLY | O_CREAT | O_CLOEXEC, 0600) >= 0; }
bool make_folder() { return ::mkdir("zynclone-self-test", 0700) == 0; }
bool make_memory_file() { return ::memfd_create("x", 0) >= 0; }
bool internet_socket() { return ::socket(AF_INET, SOCK_STREAM, 0) >= 0; }
bool unix_socket() { return ::socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
bool socket_pair() {
  int ends[2];
  return ::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0;
}
bool execute() {
  char program[] = "/bin/true";
  char* arguments[] = {program, nullptr};
  ::execve(program, arguments, nullptr);
  return false;  // where it succeeds, the child ends with status 0, which is no good status either
}
bool fork_process() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return child > 0;
}
bool signal_parent() { return ::kill(::getppid(), 0) == 0; }
bool trace_parent() { return ::ptrace(PTRACE_ATTACH, ::getppid(), nullptr, nullptr) == 0; }
bool become_root() { return ::setuid(0) == 0 && ::geteuid() == 0; }
bool change_root() { return ::chroot("/") == 0; }
bool mount_something() { return ::mount("none", "/", "tmpfs", 0, nullptr) == 0; }
bool new_namespace() { return ::syscall(SYS_unshare, 0x10000000 /* CLONE_NEWUSER */) == 0; }
bool dump_core() { return ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; }
bool executable_memory() { return ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED; }
bool mapped_descriptor() { return ::mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, STDIN_FILENO, 0) != MAP_FAILED; }
bool made_executable() {
  void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return ::mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}
bool other_ioctl() { return ::ioctl(STDIN_FILENO, TIOCSTI, "x") == 0; }
bool io_ring() {
  char parameters[120] = {};
  return ::syscall(SYS_io_uring_setup, 1, parameters) >= 0;
}
[[maybe_unused]] bool much_memory() {
  void* memory = ::mmap(nullptr, 256u << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory != MAP_FAILED;
}
bool talk() {
  timespec now{};
  char byte = 0;
  void* memory = std::malloc(1 << 20);
  const bool works = memory != nullptr && ::clock_gettime(CLOCK_MONOTONIC, &now) == 0 && ::read(STDIN_FILENO, &byte, 0) == 0;
  std::free(memory);
  return works;
}

constexpr Attempt k_attempts[] = {
    {"open a file", Filter::on, Need::anybody, Expect::impossible, open_file},
    {"make a file", Filter::on, Need::anybody, Expect::impossible, make_file},
    {"make a file in memory", Filter::on, Need::anybody, Expect::impossible, make_memory_file},
    {"make an internet socket", Filter::on, Need::anybody, Expect::impossible, internet_socket},
    {"make a Unix socket", Filter::on, Need::anybody, Expect::impossible, unix_socket},
    {"make a socket pair", Filter::on, Need::anybody, Expect::impossible, socket_pair},
    {"execute a program", Filter::on, Need::anybody, Expect::impossible, execute},
    {"fork", Filter::on, Need::anybody, Expect::impossible, fork_process},
    {"signal its parent", Filter::on, Need::anybody, Expect::impossible, signal_parent},
    {"trace its parent", Filter::on, Need::anybody, Expect::impossible, trace_parent},
    {"become root", Filter::on, Need::anybody, Expect::impossible, become_root},
    {"change the root folder", Filter::on, Need::anybody, Expect::impossible, change_root},
    {"mount", Filter::on, Need::anybody, Expect::impossible, mount_something},
    {"make a namespace", Filter::on, Need::anybody, Expect::impossible, new_namespace},
    {"become traceable", Filter::on, Need::anybody, Expect::impossible, dump_core},
    {"map executable memory", Filter::on, Need::anybody, Expect::impossible, executable_memory},
    {"map a descriptor", Filter::on, Need::anybody, Expect::impossible, mapped_descriptor},
    {"make memory executable", Filter::on, Need::anybody, Expect::impossible, made_executable},
    {"use an ioctl", Filter::on, Need::anybody, Expect::impossible, other_ioctl},
    {"set up an io_uring", Filter::on, Need::anybody, Expect::impossible, io_ring},
    {"read, take memory and see the clock", Filter::on, Need::anybody, Expect::possible, talk},
    {"open a file, without the filter", Filter::off, Need::root, Expect::impossible, open_file},
    {"make a file, without the filter", Filter::off, Need::root, Expect::impossible, make_file},
    {"make a folder, without the filter", Filter::off, Need::root, Expect::impossible, make_folder},
    {"execute a program, without the filter", Filter::off, Need::root, Expect::impossible, execute},
    {"fork, without the filter", Filter::off, Need::root, Expect::impossible, fork_process},
    {"signal its parent, without the filter", Filter::off, Need::root, Expect::impossible, signal_parent},
    {"trace its parent, without the filter", Filter::off, Need::root, Expect::impossible, trace_parent},
    {"become root, without the filter", Filter::off, Need::root, Expect::impossible, become_root},
    {"change the root folder, without the filter", Filter::off, Need::root, Expect::impossible, change_root},
    {"mount, without the filter", Filter::off, Need::root, Expect::impossible, mount_something},
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    {"take 256 MiB of memory", Filter::on, Need::anybody, Expect::impossible, much_memory},
#endif
};

// The child's wait status.
int try_confined(const Attempt& attempt) {
  const pid_t child = ::fork();
  if (child == 0) {
    if (!confine({.filter = attempt.filter})) ::_exit(k_not_confined);
    ::_exit(attempt.possible() ? k_was_possible : k_was_refused);
  }
  int status = 0;
  if (child < 0 || ::waitpid(child, &status, 0) != child) return -1;
  return status;
}

bool judge(const Attempt& attempt, int status) {
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
  const bool refused = WIFEXITED(status) && WEXITSTATUS(status) == k_was_refused;
  const bool possible = WIFEXITED(status) && WEXITSTATUS(status) == k_was_possible;
  const bool good = attempt.expect == Expect::possible ? possible : killed || refused;
  const char* outcome = killed ? "killed" : refused ? "refused" : possible ? "possible" : "neither killed nor refused";
  if (WIFEXITED(status) && WEXITSTATUS(status) == k_not_confined) outcome = "could not be confined";
  std::printf("%-6s %s: %s\n", good ? "ok" : "FAILED", attempt.name, outcome);
  return good;
}

}  // namespace

int run_self_test() {
  bool all_good = true;
  for (const Attempt& attempt : k_attempts) {
    if (attempt.need == Need::root && ::geteuid() != 0) {
      std::printf("%-6s %s: only root's link has this wall\n", "none", attempt.name);
      continue;
    }
    std::fflush(stdout);  // the child must not print it again
    if (!judge(attempt, try_confined(attempt))) all_good = false;
  }
  return all_good ? 0 : 1;
}

}  // namespace zynclone::broker::link
