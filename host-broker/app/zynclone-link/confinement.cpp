#include "host-broker/app/zynclone-link/confinement.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <memory>
#include <optional>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "system/descriptor.hpp"
#include "system/log.hpp"

namespace zynclone::broker::link {
namespace {

constexpr int k_niceness = 5;
constexpr rlim_t k_most_descriptors = 32;  // what is open stays open; poll(2) refuses to look at more than the limit

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool k_limits_memory = false;    // sanitizers map terabytes
#else
constexpr bool k_limits_memory = true;
#endif

struct User {
  uid_t user = 0;
  gid_t group = 0;
};

// From the file itself: the name service would load a library for each of its sources into every link.
std::optional<User> find_user(const std::vector<std::string>& names) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"), std::fclose);
  if (!file) return std::nullopt;
  std::vector<std::optional<User>> found(names.size());
  while (const passwd* entry = ::fgetpwent(file.get())) {
    for (std::size_t i = 0; i < names.size(); ++i)
      if (names[i] == entry->pw_name && entry->pw_uid != 0) found[i] = User{entry->pw_uid, entry->pw_gid};
  }
  for (const auto& user : found)
    if (user) return user;
  return std::nullopt;
}

Result<void> limit(__rlimit_resource resource, rlim_t most, std::string_view what) {
  const rlimit value{most, most};
  if (::setrlimit(resource, &value) != 0) return failed("limit " + std::string(what));
  return outcome::success();
}

Result<void> limit_resources(const ConfinementPlan& plan) {
  TRY(limit(RLIMIT_CORE, 0, "core files"));
  TRY(limit(RLIMIT_FSIZE, 0, "files"));
  TRY(limit(RLIMIT_NOFILE, k_most_descriptors, "descriptors"));
  if (k_limits_memory) {
    TRY(limit(RLIMIT_AS, plan.most_memory, "memory"));
  }
  return outcome::success();
}

// A folder that was removed while in use is empty and stays so: nothing can be made in it.
Result<void> leave_file_system() {
  for (const char* parent : {"/run/zynclone", "/run", "/tmp"}) {
    std::string name = std::string(parent) + "/link-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) continue;
    const bool entered = ::chdir(name.c_str()) == 0;
    if (::rmdir(name.c_str()) != 0 || !entered) return failed("use '" + name + "'");
    if (::chroot(".") != 0) return failed("change the root folder");
    return outcome::success();
  }
  return failed("make an empty folder in /run/zynclone, /run or /tmp");
}

Result<void> become(const User& user) {
  if (::setgroups(0, nullptr) != 0) return failed("leave all groups");
  if (::setresgid(user.group, user.group, user.group) != 0) return failed("change the group to " + std::to_string(user.group));
  if (::setresuid(user.user, user.user, user.user) != 0) return failed("change the user to " + std::to_string(user.user));
  if (::setuid(0) == 0 || ::getuid() == 0) {
    errno = EPERM;
    return failed("give up root");
  }
  return outcome::success();
}

Result<void> drop_bounding_set() {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return failed("drop capability " + std::to_string(capability));
  return outcome::success();
}

Result<void> drop_capabilities() {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);  // EINVAL before Linux 4.3, where there are none
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return failed("drop the capabilities");
  return outcome::success();
}

}  // namespace

Error failed(std::string_view what) { return Error{Errc::system, "cannot " + std::string(what) + ": " + std::strerror(errno)}; }

Result<void> confine(const ConfinementPlan& plan) {
  const bool is_root = ::geteuid() == 0;
  ::setpriority(PRIO_PROCESS, 0, k_niceness);  // a guest that talks without end takes what others leave
  const auto user = find_user(plan.users);
  if (is_root && !user) return fail(Errc::system, "cannot give up root: there is no user 'zynclone-link' and no user 'nobody'");
  const Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  if (!null) return failed("open '/dev/null'");

  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed("renounce new privileges");
  if (is_root) {
    TRY(leave_file_system());
    TRY(drop_bounding_set());
    TRY(become(*user));
  } else {
    log_info("a link keeps its user and its root folder, as it was not started by root");
  }
  TRY(drop_capabilities());
  TRY(limit(RLIMIT_NPROC, 0, "processes"));
  TRY(limit_resources(plan));
  // After the change of user, which clears the one and sets the other.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return failed("forbid tracing");
  if (plan.filter == Filter::on) {
    if (::dup2(null.get(), STDERR_FILENO) < 0) return failed("close standard error");
    TRY(filter_system_calls(plan.event_channel));
  }
  return outcome::success();
}

}  // namespace zynclone::broker::link
