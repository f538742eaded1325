#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <seccomp.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <xen/xen.h>
#include <xen/sys/evtchn.h>

#include "host-broker/app/zynclone-link/confinement.hpp"

namespace zynclone::broker::link {
namespace {

// What Asio, malloc and the clock need on descriptors that are open already. Nothing that opens, connects, executes, forks, signals
// or changes who one is.
constexpr int k_allowed[] = {
    SCMP_SYS(read),         SCMP_SYS(write),        SCMP_SYS(readv),         SCMP_SYS(writev),       SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),      SCMP_SYS(sendto),       SCMP_SYS(sendmsg),       SCMP_SYS(shutdown),     SCMP_SYS(close),
    SCMP_SYS(epoll_ctl),    SCMP_SYS(epoll_wait),   SCMP_SYS(epoll_pwait),   SCMP_SYS(epoll_pwait2), SCMP_SYS(poll),
    SCMP_SYS(ppoll),        SCMP_SYS(timerfd_settime), SCMP_SYS(futex),      SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
    SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(restart_syscall), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(sched_yield),  SCMP_SYS(brk),          SCMP_SYS(munmap),        SCMP_SYS(mremap),       SCMP_SYS(madvise),
    SCMP_SYS(getrandom),    SCMP_SYS(exit),         SCMP_SYS(exit_group),
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    SCMP_SYS(sigaltstack),  SCMP_SYS(getpid),       SCMP_SYS(gettid),        SCMP_SYS(rt_sigaction),
    SCMP_SYS(pipe2),  // UBSan looks through one whether memory can be read
#endif
};

class FilterBuilder {
 public:
  FilterBuilder() : context_(::seccomp_init(SCMP_ACT_KILL_PROCESS), ::seccomp_release) {
    check(context_ ? 0 : -ENOMEM);
    if (!context_) return;
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_NNP, 1));
    check(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));  // libxenstore has a thread of its own
  }
  void allow(int call) { add(call, {}); }
  void allow_when(int call, std::initializer_list<scmp_arg_cmp> conditions) { add(call, conditions); }
  // 0, or the first error's number.
  int load() {
    check(error_ == 0 ? ::seccomp_load(context_.get()) : 0);
    return error_;
  }

 private:
  void add(int call, std::initializer_list<scmp_arg_cmp> conditions) {
    if (error_ != 0) return;
    check(::seccomp_rule_add_array(context_.get(), SCMP_ACT_ALLOW, call, static_cast<unsigned>(conditions.size()), conditions.begin()));
  }
  void check(int result) {
    if (result < 0 && error_ == 0) error_ = -result;
  }

  std::unique_ptr<void, void (*)(void*)> context_;
  int error_ = 0;
};

scmp_arg_cmp argument_is(unsigned index, scmp_datum_t mask, scmp_datum_t value) { return {index, SCMP_CMP_MASKED_EQ, mask, value}; }

constexpr scmp_datum_t k_low_half = 0xffffffff;  // the kernel takes these arguments as 32 bits

}  // namespace

Result<void> filter_system_calls(int event_channel) {
  FilterBuilder filter;
  for (const int call : k_allowed) filter.allow(call);
  // Memory for malloc: of no file, and never to be executed.
  filter.allow_when(SCMP_SYS(mmap), {argument_is(2, PROT_EXEC, 0), argument_is(4, k_low_half, 0xffffffff)});
  filter.allow_when(SCMP_SYS(mprotect), {argument_is(2, PROT_EXEC, 0)});
  // Asio makes a descriptor non-blocking so, at its first use.
  filter.allow_when(SCMP_SYS(ioctl), {argument_is(1, k_low_half, FIONBIO)});
  // libxenstore ignores this signal while it writes.
  filter.allow_when(SCMP_SYS(rt_sigaction), {argument_is(0, k_low_half, SIGPIPE)});
  if (event_channel >= 0)
    filter.allow_when(SCMP_SYS(ioctl), {argument_is(0, k_low_half, static_cast<unsigned>(event_channel)),
                                        argument_is(1, k_low_half, IOCTL_EVTCHN_NOTIFY)});
  if (const int error = filter.load(); error != 0)
    return fail(Errc::system, std::string("cannot filter system calls: ") + std::strerror(error));
  return outcome::success();
}

}  // namespace zynclone::broker::link
