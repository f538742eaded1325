#include "host-broker/xen/hotplug/hotplug_block.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>
#include <sstream>
#include <thread>

#include "system/descriptor.hpp"
#include "system/file.hpp"

namespace zynclone::broker::xen {
namespace {

using xenstore::Store;

const std::string k_backends = "backend/vbd";       // relative to this domain's home, as `block` asks
constexpr std::string_view k_waits = "2";            // XenbusStateInitWait (public/io/xenbus.h)
constexpr std::size_t k_longest_mounts = 4u << 20;

struct Backend {
  std::string path;
  std::string domain;
  std::string device_path;  // /dev/vg0/sales
  bool writable = false;
  std::string number;       // fd:3, as the kernel wants it
};

bool is_number(std::string_view text) {
  return !text.empty() && text.size() <= 10 && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The domain of backend/vbd/<domain>/<device>.
Result<std::string> domain_of(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string prefix = k_backends + "/";
  if (path.starts_with(prefix) && slash > prefix.size()) {
    const std::string domain = path.substr(prefix.size(), slash - prefix.size());
    if (is_number(domain) && is_number(std::string_view(path).substr(slash + 1))) return domain;
  }
  return fail(Errc::invalid_argument, "cannot use '" + printable(path) + "': backend/vbd/<domain>/<device> is allowed");
}

std::string number_text(dev_t device) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%x:%x", major(device), minor(device));
  return text.data();
}

// locking.sh removes the file as it releases the lock: held is what still has the name.
Result<Descriptor> claim_lock(const std::string& folder) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  const std::string file = folder + "/block";
  for (;;) {
    Descriptor lock(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    struct stat held {};
    struct stat named {};
    if (lock.get() < 0 || ::flock(lock.get(), LOCK_EX) != 0 || ::fstat(lock.get(), &held) != 0) return fail(Errc::xen, "cannot lock '" + file + "': " + std::strerror(errno));
    if (::stat(file.c_str(), &named) == 0 && named.st_dev == held.st_dev && named.st_ino == held.st_ino) return lock;
  }
}

Error busy(const Backend& backend, const std::string& by) {
  return {Errc::conflict, "Device " + printable(backend.device_path) + " is in use by " + by + ", and so cannot be " + (backend.writable ? "written" : "read") + " by a guest now."};
}

// A guest that reboots gets its disk by this program: a glance of udev's or mdadm's at the device must not keep it from coming back. No event tells of its end.
bool is_taken(const std::string& device, std::chrono::milliseconds limit) {
  constexpr std::chrono::milliseconds k_look_again{50};
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const Descriptor opened(::open(device.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC | O_NONBLOCK));
    if (opened.get() >= 0 || errno != EBUSY) return false;
    if (std::chrono::steady_clock::now() >= end) return true;
    std::this_thread::sleep_for(k_look_again);
  }
}

// Somebody in this domain has it for himself (a mount, a device mapper's target, md: all open it exclusively), or writes to it by a mount.
Result<void> check_this_domain(const Backend& backend, const HotplugPlaces& places) {
  if (backend.writable && is_taken(backend.device_path, places.busy_limit)) return busy(backend, "the control domain");
  struct stat status {};
  if (::stat(backend.device_path.c_str(), &status) != 0) return fail(Errc::not_found, printable(backend.device_path) + ": " + std::strerror(errno));
  const std::string wanted = std::to_string(major(status.st_rdev)) + ":" + std::to_string(minor(status.st_rdev));
  TRY(const auto text, read_file(places.mounts, k_longest_mounts));
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    // mount id, parent, major:minor, root, mount point, options (proc(5))
    std::istringstream fields(line);
    std::string id, parent, device, root, point, options;
    fields >> id >> parent >> device >> root >> point >> options;
    const bool is_read_only = options == "ro" || options.starts_with("ro,");
    if (device == wanted && (backend.writable || !is_read_only)) return busy(backend, "the control domain (" + printable(point) + ")");
  }
  return outcome::success();
}

// The VM of a domain, and the one that it serves where it is a stub domain: the device model of an HVM guest has the guest's disks, too.
Result<std::set<std::string>> vms_of(Store& store, const std::string& domain) {
  std::set<std::string> vms;
  TRY(const auto vm, store.read("/local/domain/" + domain + "/vm"));
  if (vm) vms.insert(*vm);
  TRY(const auto target, store.read("/local/domain/" + domain + "/target"));
  if (!target || !is_number(*target)) return vms;
  TRY(const auto served, store.read("/local/domain/" + *target + "/vm"));
  if (served) vms.insert(*served);
  return vms;
}

// A VM that is its own successor (a reboot, a migration to this host) may have it twice for a moment. Of a domain that is gone the nodes may have been
// left, by an xl that was killed: they are nobody's when the kernel serves nothing there any more.
Result<bool> may_share(Store& store, const std::string& domain, const std::string& other, const std::string& device, const std::string& kernel_backends) {
  if (domain == other) return true;
  TRY(const auto own, vms_of(store, domain));
  TRY(const auto others, vms_of(store, other));
  if (others.empty()) {
    std::error_code error;
    return !std::filesystem::exists(kernel_backends + "/vbd-" + other + "-" + device, error) && !error;
  }
  return std::any_of(others.begin(), others.end(), [&](const std::string& vm) { return own.contains(vm); });
}

Result<void> check_other_guests(Store& store, const Backend& backend, const HotplugPlaces& places) {
  TRY(const auto domains, store.directory(k_backends));
  for (const std::string& domain : domains) {
    TRY(const auto devices, store.directory(k_backends + "/" + domain));
    for (const std::string& device : devices) {
      const std::string path = k_backends + "/" + domain + "/" + device;
      if (path == backend.path) continue;
      TRY(const auto number, store.read(path + "/physical-device"));
      if (number != backend.number) continue;
      TRY(const auto mode, store.read(path + "/mode"));
      const bool is_written = !mode || mode->starts_with('w') || mode->starts_with('!');
      TRY(const bool is_same, may_share(store, backend.domain, domain, device, places.kernel_backends));
      if ((backend.writable || is_written) && !is_same) return busy(backend, "domain " + domain);
    }
  }
  return outcome::success();
}

Result<Backend> read_backend(Store& store, const std::string& path, const std::string& domain) {
  Backend backend{.path = path, .domain = domain};
  TRY(const auto parameters, store.read(path + "/params"));
  TRY(const auto mode, store.read(path + "/mode"));
  TRY(const auto state, store.read(path + "/state"));
  if (!parameters || !mode) return fail(Errc::not_found, path + " does not say which device it is");
  if (state != k_waits) return fail(Errc::xen, path + " was closed or removed meanwhile (state " + printable(state.value_or("none")) + ")");
  struct stat status {};
  if (::stat(parameters->c_str(), &status) != 0) return fail(Errc::not_found, printable(*parameters) + ": " + std::strerror(errno));
  if (!S_ISBLK(status.st_mode)) return fail(Errc::not_found, printable(*parameters) + " is not a block device.");
  backend.device_path = *parameters;
  backend.writable = mode->starts_with('w');
  backend.number = number_text(status.st_rdev);
  return backend;
}

Result<void> add(Store& store, const std::string& path, const HotplugPlaces& places) {
  TRY(const auto domain, domain_of(path));
  TRY(const auto done, store.read(path + "/physical-device"));
  if (done) return outcome::success();
  TRY(const Backend backend, read_backend(store, path, domain));
  TRY(const Descriptor lock, claim_lock(places.lock_folder));
  TRY(check_this_domain(backend, places));
  TRY(check_other_guests(store, backend, places));
  TRY(store.write(path + "/physical-device", backend.number));
  TRY(store.write(path + "/physical-device-path", backend.device_path));
  return store.write(path + "/hotplug-status", "connected");
}

}  // namespace

Result<void> add_block_backend(Store& store, const std::string& untrusted_path, const HotplugPlaces& places) {
  auto added = add(store, untrusted_path, places);
  if (!added && added.error().code != Errc::invalid_argument) {
    // block-common.sh: fatal, ebusy. What cannot even be told libxl learns from the exit status.
    (void)store.write(untrusted_path + "/hotplug-error", added.error().message);
    (void)store.write(untrusted_path + "/hotplug-status", added.error().code == Errc::conflict ? "busy" : "error");
  }
  return added;
}

}  // namespace zynclone::broker::xen
