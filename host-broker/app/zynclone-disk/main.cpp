// zynclone-disk: attaches or detaches one disk as `xl block-attach` and `xl block-detach` do (xl_block.c of Xen 4.17), with the same arguments and the
// same complaints; but it takes the arguments from standard input, each ended by a NUL, so that zynclone-broker can start it before it is needed:
// loading libxl takes longer than its work, during which a till would stand still. Without any it ends: its broker is gone. Once it has them it does
// its work to the end, whatever becomes of the broker.
extern "C" {
#include <libxl.h>
#include <libxl_utils.h>
#include <libxlutil.h>
#include <xentoollog.h>
}

#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

constexpr std::size_t k_longest_input = 16 * 1024;
constexpr libxl_childproc_hooks k_child_hooks = {.chldowner = libxl_sigchld_owner_libxl, .fork_replacement = nullptr, .reaped_callback = nullptr};

int complain(const std::string& text) {
  std::fprintf(stderr, "%s\n", text.c_str());
  return 1;
}

bool read_input(std::string& input) {
  char part[4096];
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, part, sizeof part);
    if (count < 0 && errno == EINTR) continue;
    if (count == 0) return true;
    if (count < 0 || input.size() + static_cast<std::size_t>(count) > k_longest_input) return false;
    input.append(part, static_cast<std::size_t>(count));
  }
}

std::vector<std::string> split(const std::string& input) {
  std::vector<std::string> arguments;
  for (std::size_t begin = 0; begin < input.size();) {
    const auto end = input.find('\0', begin);
    arguments.push_back(input.substr(begin, end - begin));
    begin = end + 1;
  }
  return arguments;
}

bool read_domain(const std::string& text, std::uint32_t& domain) {
  const auto [end, wrong] = std::from_chars(text.data(), text.data() + text.size(), domain);
  return wrong == std::errc() && end == text.data() + text.size();
}

// A device of libxl's, given back in the end.
struct Disk {
  Disk() { libxl_device_disk_init(&disk); }
  Disk(const Disk&) = delete;
  Disk& operator=(const Disk&) = delete;
  ~Disk() { libxl_device_disk_dispose(&disk); }
  libxl_device_disk disk{};
};

int attach(libxl_ctx* context, std::uint32_t domain, const std::string& specification) {
  Disk wanted;
  XLU_Config* const parser = xlu_cfg_init(stderr, "command line");
  if (parser == nullptr) return complain("cannot parse a disk");
  const char* const text = specification.c_str();
  const int parsed = xlu_disk_parse(parser, 1, &text, &wanted.disk);
  xlu_cfg_destroy(parser);
  if (parsed != 0) return complain("cannot parse disk '" + specification + "'");
  return libxl_device_disk_add(context, domain, &wanted.disk, nullptr) == 0 ? 0 : complain("libxl_device_disk_add failed.");
}

int detach(libxl_ctx* context, std::uint32_t domain, const std::string& number, bool by_force) {
  Disk found;
  if (libxl_vdev_to_device_disk(context, domain, number.c_str(), &found.disk) != 0) return complain("Error: Device " + number + " not connected.");
  if (by_force) return libxl_device_disk_destroy(context, domain, &found.disk, nullptr) == 0 ? 0 : complain("libxl_device_disk_destroy failed.");
  return libxl_device_disk_safe_remove(context, domain, &found.disk, nullptr) == 0 ? 0 : complain("libxl_device_disk_safe_remove failed.");
}

int work(libxl_ctx* context, std::vector<std::string> arguments) {
  const bool by_force = arguments.size() == 4 && arguments[1] == "--force" && arguments[0] == "block-detach";
  if (by_force) arguments.erase(arguments.begin() + 1);
  std::uint32_t domain = 0;
  if (arguments.size() == 3 && read_domain(arguments[1], domain)) {
    if (arguments[0] == "block-attach") return attach(context, domain, arguments[2]);
    if (arguments[0] == "block-detach") return detach(context, domain, arguments[2], by_force);
  }
  return complain("usage, on standard input, each ended by a NUL: block-attach DOMAIN-ID DISK | block-detach [--force] DOMAIN-ID DEVICE-NUMBER");
}

}  // namespace

int main(int count, char**) {
  if (count > 1) {
    std::fputs("usage: zynclone-disk, started by zynclone-broker (8); what to do is said on standard input\n", stderr);
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): it cannot fail; nobody may be left to complain to
  auto* const logger = reinterpret_cast<xentoollog_logger*>(xtl_createlogger_stdiostream(stderr, XTL_WARN, 0));
  libxl_ctx* context = nullptr;
  // One that cannot do its work does not wait for it: another is started then.
  if (logger == nullptr || libxl_ctx_alloc(&context, LIBXL_VERSION, 0, logger) != 0) return complain("cannot reach Xen");
  std::string input;
  if (!read_input(input) || (!input.empty() && input.back() != '\0')) return complain("cannot read what to do");
  if (input.empty()) return 0;
  libxl_childproc_setmode(context, &k_child_hooks, nullptr);
  const int status = work(context, split(input));
  libxl_ctx_free(context);
  xtl_logger_destroy(logger);
  return status;
}
