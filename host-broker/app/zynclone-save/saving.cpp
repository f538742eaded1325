#include "host-broker/app/zynclone-save/saving.hpp"

extern "C" {
#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>
#include <xentoollog.h>
}

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <thread>

#include "host-broker/app/zynclone-save/room.hpp"
#include "host-broker/app/zynclone-save/save_file.hpp"
#include "host-broker/app/zynclone-save/save_notice.hpp"
#include "host-broker/xen/xl_watchers.hpp"
#include "system/descriptor.hpp"

namespace zynclone::broker {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int k_look_ms = 200;                    // between looks at the input, and at what is free; a fast disk takes some 100 MiB in that time
constexpr std::chrono::seconds k_agent_limit{5};  // to close its channel, before it is saved with an open one

// The logger's callbacks get no context of ours but the logger itself; one domain a process, so that one place is enough.
std::string untrusted_complaint;
std::optional<Clock::time_point> suspended_at;

void say(const std::string& line) {
  const std::string text = line + '\n';
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data() + sent, text.size() - sent);
    if (count <= 0 && errno != EINTR) return;  // nobody listens any more: standard input says so, too
    if (count > 0) sent += static_cast<std::size_t>(count);
  }
}

void take_message(xentoollog_logger*, xentoollog_level level, int number, const char*, const char* format, va_list arguments)
    __attribute__((format(printf, 5, 0)));

void take_message(xentoollog_logger*, xentoollog_level level, int number, const char*, const char* format, va_list arguments) {
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  // libxl has no event for it; it says so (libxl_dom_suspend.c) at the moment at which the copying of what is left begins.
  if (level == XTL_DEBUG && !suspended_at && std::strstr(text, "guest has suspended") != nullptr) {
    suspended_at = Clock::now();
    say("suspended");
  }
  if (level < XTL_ERROR || !untrusted_complaint.empty()) return;
  untrusted_complaint = text;
  if (number >= 0) untrusted_complaint += std::string(": ") + std::strerror(number);
}

void take_progress(xentoollog_logger*, const char*, const char*, int percent, unsigned long, unsigned long total) {
  static int last = -1;
  // Of the first round, which copies everything: those after it count from 0 again.
  if (total == 0 || percent <= last || percent > 100) return;
  last = percent;
  say("percent " + std::to_string(percent));
}

void keep_logger(xentoollog_logger*) {}

Error xen_error(std::string_view verb, std::uint32_t domain, int result) {
  std::string cause = printable(untrusted_complaint);
  if (cause.empty()) cause = "libxl error " + std::string(libxl_error_to_string(static_cast<libxl_error>(result)));
  return Error{Errc::xen, "cannot " + std::string(verb) + " domain '" + std::to_string(domain) + "': " + cause};
}

// False when the time is over, or `done` (an eventfd; -1: none) says so.
bool input_has_ended(int timeout_ms, int done = -1) {
  std::array<pollfd, 2> awaited{pollfd{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0}, pollfd{.fd = done, .events = POLLIN, .revents = 0}};
  for (;;) {
    const int ready = ::poll(awaited.data(), awaited.size(), timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0 || (ready > 0 && awaited[0].revents == 0)) return false;
    char ignored[64];
    if (ready < 0 || ::read(STDIN_FILENO, ignored, sizeof ignored) <= 0) return true;
  }
}

class Saving {
 public:
  explicit Saving(std::uint32_t domain) : domain_(domain) {}
  ~Saving() {
    if (context_ != nullptr) libxl_ctx_free(context_);
  }

  Result<void> open() {
    const int result = libxl_ctx_alloc(&context_, LIBXL_VERSION, 0, &logger_);
    if (result != 0) return xen_error("reach Xen for", domain_, result);
    return outcome::success();
  }

  Result<std::string> configuration() {
    libxl_domain_config config;
    libxl_domain_config_init(&config);
    int result = libxl_retrieve_domain_configuration(context_, domain_, &config, nullptr);
    char* json = result == 0 ? libxl_domain_config_to_json(context_, &config) : nullptr;
    libxl_domain_config_dispose(&config);
    if (json == nullptr) return xen_error("read the configuration of", domain_, result);
    std::string text(json);
    std::free(json);
    return text;
  }

  // Empty: it has none, or is gone.
  std::string name() {
    char* text = libxl_domid_to_name(context_, domain_);
    std::string name(text == nullptr ? "" : text);
    std::free(text);
    return name;
  }

  // While it runs on, `live` (LIBXL_SUSPEND_LIVE); else (0) it stands still from the beginning. So many bytes stay free.
  Result<void> suspend(int file, int live, std::uint64_t reserve) {
    libxl_asyncop_how how{};
    how.u.for_event = 1;
    const int begun = libxl_domain_suspend(context_, domain_, file, live, &how);
    if (begun != 0) return xen_error("save", domain_, begun);
    // Who asked may go away while libxl copies, or the guest make too much of it: then it is given up.
    const Descriptor done(::eventfd(0, EFD_CLOEXEC));
    std::atomic<bool> is_done = false;
    std::atomic<bool> is_full = false;
    std::thread watcher([&] {
      while (!is_done) {
        const bool has_ended = input_has_ended(k_look_ms, done.get());
        is_full = !has_ended && !keeps_free(file, reserve);
        if (!has_ended && !is_full) continue;
        libxl_ao_abort(context_, &how);
        return;
      }
    });
    const int result = wait_for_end();
    // At once: the domain stands still.
    is_done = true;
    (void)::eventfd_write(done.get(), 1);
    watcher.join();
    if (result != 0 && is_full) {
      return fail(Errc::no_space, "cannot save domain '" + std::to_string(domain_) + "': its memory changes as fast as it is copied, and the image would take what must stay free");
    }
    if (result == ERROR_ABORTED) return fail(Errc::cancelled, "cannot save domain '" + std::to_string(domain_) + "': given up, as nobody waits for it any more");
    if (result != 0) return xen_error("save", domain_, result);
    return outcome::success();
  }

  // As xl does for `save -p` (save_domain in xl_saverestore.c): paused first, so that it does not run when it is resumed.
  Result<void> hold() {
    int result = libxl_domain_pause(context_, domain_, nullptr);
    if (result == 0) result = libxl_domain_resume(context_, domain_, 1, nullptr);
    if (result != 0) return xen_error("hold", domain_, result);
    return outcome::success();
  }

  void let_go() {
    libxl_dominfo info;
    libxl_dominfo_init(&info);
    if (libxl_domain_info(context_, &info, domain_) == 0) {
      if (info.shutdown && info.shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND) libxl_domain_resume(context_, domain_, 1, nullptr);
      if (info.paused) libxl_domain_unpause(context_, domain_, nullptr);
    }
    libxl_dominfo_dispose(&info);
  }

  // Not a PV guest on a Xen without shadow page tables (CONFIG_SHADOW_PAGING), as Debian's is: it cannot tell what the guest changes meanwhile.
  Result<bool> can_run_on() {
    libxl_dominfo domain;
    libxl_dominfo_init(&domain);
    libxl_physinfo host;
    libxl_physinfo_init(&host);
    int result = libxl_domain_info(context_, &domain, domain_);
    if (result == 0) result = libxl_get_physinfo(context_, &host);
    const bool can = domain.domain_type != LIBXL_DOMAIN_TYPE_PV || host.cap_shadow;
    libxl_physinfo_dispose(&host);
    libxl_dominfo_dispose(&domain);
    if (result != 0) return xen_error("look at", domain_, result);
    return can;
  }

 private:
  int wait_for_end() {
    for (;;) {
      libxl_event* event = nullptr;
      if (const int result = libxl_event_wait(context_, &event, LIBXL_EVENTMASK_ALL, nullptr, nullptr)) return result;
      const bool is_end = event->type == LIBXL_EVENT_TYPE_OPERATION_COMPLETE;
      const int result = is_end ? event->u.operation_complete.rc : 0;
      libxl_event_free(context_, event);
      if (is_end) return result;
    }
  }

  std::uint32_t domain_;
  xentoollog_logger logger_{take_message, take_progress, keep_logger};
  libxl_ctx* context_ = nullptr;
};

Result<void> write_all(int file, const std::string& text) {
  for (std::size_t written = 0; written < text.size();) {
    const ssize_t count = ::write(file, text.data() + written, text.size() - written);
    if (count < 0 && errno != EINTR) return fail(Errc::system, std::string("cannot write the memory image: ") + std::strerror(errno));
    if (count > 0) written += static_cast<std::size_t>(count);
  }
  return outcome::success();
}

Result<void> write_and_suspend(Saving& saving, int image, const std::string& configuration, int live, std::uint64_t reserve) {
  if (::ftruncate(image, 0) != 0 || ::lseek(image, 0, SEEK_SET) != 0)
    return fail(Errc::system, std::string("cannot begin the memory image: ") + std::strerror(errno));
  TRY(write_all(image, save_file_head(configuration)));
  return saving.suspend(image, live, reserve);
}

Result<void> save(Saving& saving, int image, const std::string& configuration, std::uint64_t reserve) {
  TRY(const bool can_run_on, saving.can_run_on());
  auto saved = write_and_suspend(saving, image, configuration, can_run_on ? LIBXL_SUSPEND_LIVE : 0, reserve);
  // paging_log_dirty_enable has more reasons to refuse, such as a PCI device that the guest has, or no memory for it.
  const bool is_refused = !saved && saved.error().code == Errc::xen && !suspended_at && untrusted_complaint.find("logdirty") != std::string::npos;
  if (can_run_on && is_refused) {
    untrusted_complaint.clear();
    saved = write_and_suspend(saving, image, configuration, 0, reserve);
  }
  if (saved) saved = saving.hold();
  return saved;
}

}  // namespace

Result<void> save_and_hold(std::uint32_t domain, const std::string& file, std::uint64_t reserve) {
  Saving saving(domain);
  TRY(saving.open());
  TRY(const std::string configuration, saving.configuration());
  Descriptor image(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!image) return fail(Errc::system, "cannot create '" + printable(file) + "': " + std::strerror(errno));
  const SaveNotice notice(domain, k_agent_limit);
  std::optional<xen::StoppedWatchers> watchers(std::in_place, saving.name());
  auto saved = save(saving, image.get(), configuration, reserve);
  if (!saved) {
    saving.let_go();
    return saved;  // and only now do its watchers look at it again
  }
  watchers.reset();
  const auto held = std::chrono::ceil<std::chrono::milliseconds>(Clock::now() - suspended_at.value_or(Clock::now()));
  say("held " + std::to_string(held.count()));
  (void)input_has_ended(-1);
  saving.let_go();
  return outcome::success();
}

}  // namespace zynclone::broker
