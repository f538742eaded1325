#include "host-broker/xen/libxl_context.hpp"

extern "C" {
#include <libxl.h>
#include <libxl_event.h>
#include <libxl_utils.h>
#include <xentoollog.h>
}

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "system/log.hpp"

namespace zynclone::broker::xen {
namespace {

// The first complaint of the call that this thread is in; those after it follow from it.
thread_local std::string untrusted_complaint;

void take_message(xentoollog_logger*, xentoollog_level level, int number, const char* context, const char* format, va_list arguments)
    __attribute__((format(printf, 5, 0)));

void take_message(xentoollog_logger*, xentoollog_level level, int number, const char* context, const char* format, va_list arguments) {
  if (level < XTL_WARN) return;
  char text[512];
  std::vsnprintf(text, sizeof text, format, arguments);
  std::string line = std::string(context != nullptr ? context : "xen") + ": " + text;
  if (number >= 0) line += std::string(": ") + std::strerror(number);
  log_warning(line);
  if (level >= XTL_ERROR && untrusted_complaint.empty()) untrusted_complaint = line;
}

void keep_logger(xentoollog_logger*) {}

// "The application expects to reap all of its own children synchronously, and does not use SIGCHLD" (libxl_event.h): libxl leaves the
// children of run_process alone.
constexpr libxl_childproc_hooks k_child_hooks = {.chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
                                                 .fork_replacement = nullptr,
                                                 .reaped_callback = nullptr};

std::string cause_of(int result) {
  if (!untrusted_complaint.empty()) return printable(untrusted_complaint);
  return "libxl error " + std::string(libxl_error_to_string(static_cast<libxl_error>(result)));
}

DomainState state_of(const libxl_dominfo& info) {
  if (info.dying) return DomainState::dying;
  // One that was suspended to be saved stands still, and goes on when it is unpaused (see there).
  if (info.shutdown) return info.shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND ? DomainState::paused : DomainState::shut_down;
  return info.paused ? DomainState::paused : DomainState::running;
}

DomainKind kind_of(libxl_domain_type type) {
  if (type == LIBXL_DOMAIN_TYPE_PV) return DomainKind::pv;
  return type == LIBXL_DOMAIN_TYPE_PVH ? DomainKind::pvh : DomainKind::hvm;
}

std::string uuid_text(const libxl_uuid& uuid) {
  char text[40];
  std::snprintf(text, sizeof text, LIBXL_UUID_FMT, LIBXL_UUID_BYTES(uuid));
  return text;
}

}  // namespace

struct LibxlContext::State {
  xentoollog_logger logger{take_message, nullptr, keep_logger};
  libxl_ctx* context = nullptr;
  ~State() { libxl_ctx_free(context); }
};

LibxlContext::LibxlContext(std::unique_ptr<State> state) : state_(std::move(state)) {}
LibxlContext::~LibxlContext() = default;

Result<std::unique_ptr<LibxlContext>> LibxlContext::create() {
  auto state = std::make_unique<State>();
  untrusted_complaint.clear();
  const int result = libxl_ctx_alloc(&state->context, LIBXL_VERSION, 0, &state->logger);
  if (result != 0) return fail(Errc::xen, "cannot reach Xen: " + cause_of(result));
  libxl_childproc_setmode(state->context, &k_child_hooks, nullptr);
  return std::unique_ptr<LibxlContext>(new LibxlContext(std::move(state)));
}

Result<void> LibxlContext::check(std::string_view verb, DomainId domain, int result) {
  if (result == 0) return outcome::success();
  libxl_dominfo info;
  libxl_dominfo_init(&info);
  const std::string cause = cause_of(result);
  const bool gone = result == ERROR_DOMAIN_NOTFOUND || libxl_domain_info(state_->context, &info, domain.value) == ERROR_DOMAIN_NOTFOUND;
  libxl_dominfo_dispose(&info);
  return fail(gone ? Errc::not_found : Errc::xen,
              "cannot " + std::string(verb) + " domain '" + std::to_string(domain.value) + "': " + (gone ? "it is not there" : cause));
}

Result<std::vector<Domain>> LibxlContext::list() {
  untrusted_complaint.clear();
  int count = 0;
  libxl_dominfo* infos = libxl_list_domain(state_->context, &count);
  if (infos == nullptr) return fail(Errc::xen, "cannot list the domains: " + cause_of(ERROR_FAIL));
  std::vector<Domain> domains;
  for (int i = 0; i < count; ++i) {
    if (infos[i].domid == 0) continue;
    Domain domain{.id = {infos[i].domid}, .state = state_of(infos[i])};
    if (auto uuid = Uuid::parse(uuid_text(infos[i].uuid))) domain.uuid = uuid.value();
    char* name = libxl_domid_to_name(state_->context, infos[i].domid);  // null for one that is just going
    if (name != nullptr) domain.name = name;
    std::free(name);
    domains.push_back(std::move(domain));
  }
  libxl_dominfo_list_free(infos, count);
  return domains;
}

Result<DomainMemory> LibxlContext::memory_of(DomainId domain) {
  untrusted_complaint.clear();
  libxl_dominfo info;
  libxl_dominfo_init(&info);
  const int result = libxl_domain_info(state_->context, &info, domain.value);
  const DomainMemory memory{.bytes = info.current_memkb * 1024};
  libxl_dominfo_dispose(&info);
  TRY(check("look at", domain, result));
  // libxl_dominfo takes a PVH guest for an HVM one; what it was created with does not.
  libxl_domain_config config;
  libxl_domain_config_init(&config);
  const int retrieved = libxl_retrieve_domain_configuration(state_->context, domain.value, &config, nullptr);
  const libxl_domain_type type = config.c_info.type;
  libxl_domain_config_dispose(&config);
  TRY(check("read the configuration of", domain, retrieved));
  return DomainMemory{.bytes = memory.bytes, .kind = kind_of(type)};
}

Result<void> LibxlContext::pause(DomainId domain) {
  untrusted_complaint.clear();
  return check("pause", domain, libxl_domain_pause(state_->context, domain.value, nullptr));
}

// A saving that was cut off leaves the domain shut down for the reason "suspend", which unpausing does not end. Gives whether it was so and it runs
// now.
Result<bool> LibxlContext::resume_if_suspended(DomainId domain) {
  libxl_dominfo info;
  libxl_dominfo_init(&info);
  const int found = libxl_domain_info(state_->context, &info, domain.value);
  const bool is_suspended = found == 0 && info.shutdown && info.shutdown_reason == LIBXL_SHUTDOWN_REASON_SUSPEND;
  const bool is_paused = info.paused;
  libxl_dominfo_dispose(&info);
  if (!is_suspended) return false;
  TRY(check("resume", domain, libxl_domain_resume(state_->context, domain.value, 1, nullptr)));
  return !is_paused;
}

Result<void> LibxlContext::unpause(DomainId domain) {
  untrusted_complaint.clear();
  TRY(const bool runs, resume_if_suspended(domain));
  if (runs) return outcome::success();
  return check("unpause", domain, libxl_domain_unpause(state_->context, domain.value, nullptr));
}

Result<void> LibxlContext::ask_to_shut_down(DomainId domain) {
  untrusted_complaint.clear();
  int result = libxl_domain_shutdown(state_->context, domain.value, nullptr);
  // A guest without Xen's drivers knows its power button.
  if (result == ERROR_NOPARAVIRT) result = libxl_send_trigger(state_->context, domain.value, LIBXL_TRIGGER_POWER, 0, nullptr);
  return check("shut down", domain, result);
}

Result<void> LibxlContext::destroy(DomainId domain) {
  untrusted_complaint.clear();
  return check("destroy", domain, libxl_domain_destroy(state_->context, domain.value, nullptr));
}

}  // namespace zynclone::broker::xen
