#include "host-broker/xen/block_backends.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <tuple>

#include "system/file.hpp"

namespace zynclone::broker::xen {
namespace {

using xenstore::Store;

const std::string k_backends = "/local/domain/0/backend";
// Of libxl__device_kind (libxl_internal.h) those that serve disks, and two of older and other toolstacks.
constexpr const char* k_kinds[] = {"vbd", "qdisk", "virtio_disk", "vbd3", "tap"};
constexpr unsigned k_loop_major = 7;         // Documentation/admin-guide/devices.txt

struct Identity {
  bool is_block = false;
  dev_t device = 0;  // the block device, or the one that holds the file
  ino_t inode = 0;
  auto key() const { return std::tuple(is_block, device, inode); }
};

std::optional<Identity> identity_of(const std::string& path);

// A loop device counts as the file behind it.
std::optional<Identity> identity_of_block_device(dev_t device) {
  if (major(device) == k_loop_major) {
    auto file = read_file("/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device)) + "/loop/backing_file", k_longest_attribute);
    if (file) {
      std::string path = std::move(file).value();
      while (path.ends_with('\n')) path.pop_back();
      if (auto behind = identity_of(path)) return behind;
    }
  }
  return Identity{.is_block = true, .device = device};
}

std::optional<Identity> identity_of(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return std::nullopt;
  if (S_ISBLK(status.st_mode)) return identity_of_block_device(status.st_rdev);
  return Identity{.device = status.st_dev, .inode = status.st_ino};
}

// "fd:3", hexadecimal, as the block script (write_dev) and the kernel write it.
std::optional<dev_t> parse_physical(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  unsigned first = 0;
  unsigned second = 0;
  const char* const end = text.data() + text.size();
  const auto colon = std::from_chars(text.data(), end, first, 16);
  if (colon.ec != std::errc() || colon.ptr == end || *colon.ptr != ':') return std::nullopt;
  const auto stop = std::from_chars(colon.ptr + 1, end, second, 16);
  if (stop.ec != std::errc() || stop.ptr != end) return std::nullopt;
  return makedev(first, second);
}

std::optional<DomainId> parse_domain(std::string_view text) {
  DomainId domain;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), domain.value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return domain;
}

// A QEMU's backend has "qcow2:/path" or "aio:/path" (libxl__device_disk_string_of_format), the kernel's has the path.
std::string target_of(const std::string& kind, const std::string& parameters) {
  if (kind == "vbd" || kind == "vbd3") return parameters;
  const auto colon = parameters.find(':');
  return colon == std::string::npos || parameters.starts_with('/') ? parameters : parameters.substr(colon + 1);
}

// Those that must be known about.
class Wanted {
 public:
  Wanted(DomainId domain, const Volume& volume) : domain_(domain), volume_(volume) {}
  bool has(const BlockBackend& backend) const { return backend.domain == domain_ || serves(backend, volume_); }

 private:
  DomainId domain_;
  const Volume& volume_;
};

// Each node is a round trip to xenstored while a till stands still: of what is not wanted no more is read than shows that.
Result<std::optional<BlockBackend>> read_backend(Store& store, const std::string& kind, DomainId domain, const std::string& number, const Wanted& wanted) {
  BlockBackend backend{.path = k_backends + "/" + kind + "/" + std::to_string(domain.value) + "/" + number, .kind = kind, .domain = domain, .number = number};
  TRY(const auto parameters, store.read(backend.path + "/params"));
  TRY(const auto physical, store.read(backend.path + "/physical-device"));
  backend.target = target_of(kind, parameters.value_or(""));
  if (physical) backend.physical = parse_physical(*physical);
  if (!wanted.has(backend)) return std::optional<BlockBackend>();
  TRY(const auto device, store.read(backend.path + "/dev"));
  TRY(const auto mode, store.read(backend.path + "/mode"));
  TRY(const auto hotplug, store.read(backend.path + "/hotplug-status"));
  TRY(const auto state, store.read(backend.path + "/state"));
  if (!parameters && !device && !state) return std::optional<BlockBackend>();  // gone meanwhile, or the empty folder of one that is
  backend.device = device.value_or(number);
  backend.writable = !mode || mode->starts_with('w');
  backend.is_refused = kind == "vbd" && !physical && (hotplug == "busy" || hotplug == "error");  // block-common.sh: fatal, do_or_die
  backend.state = state.value_or("");
  return std::optional<BlockBackend>(std::move(backend));
}

// "vbd-7-51728"
std::optional<BlockBackend> kernel_backend(const std::filesystem::path& entry) {
  const std::string name = entry.filename().string();
  constexpr std::string_view k_prefix = "vbd-";
  const auto dash = name.rfind('-');
  if (!name.starts_with(k_prefix) || dash < k_prefix.size()) return std::nullopt;
  const auto domain = parse_domain(std::string_view(name).substr(k_prefix.size(), dash - k_prefix.size()));
  if (!domain) return std::nullopt;
  BlockBackend backend{.kind = "vbd", .domain = *domain, .number = name.substr(dash + 1)};
  backend.device = backend.number;
  if (const auto physical = read_file((entry / "physical_device").string(), k_longest_attribute)) backend.physical = parse_physical(physical.value());
  return backend;
}

}  // namespace

Result<std::vector<BlockBackend>> read_block_backends(Store& store, const std::string& kernel_backends, DomainId wanted_domain, const Volume& volume) {
  const Wanted wanted(wanted_domain, volume);
  std::vector<BlockBackend> backends;
  TRY(const auto there, store.directory(k_backends));
  for (const std::string kind : k_kinds) {
    if (std::find(there.begin(), there.end(), kind) == there.end()) continue;
    const std::string folder = k_backends + "/" + kind;
    TRY(const auto domains, store.directory(folder));
    for (const std::string& domain : domains) {
      const auto id = parse_domain(domain);
      if (!id) continue;
      TRY(const auto numbers, store.directory(folder + "/" + domain));
      for (const std::string& number : numbers) {
        TRY(auto backend, read_backend(store, kind, *id, number, wanted));
        if (backend) backends.push_back(std::move(*backend));
      }
    }
  }
  std::error_code error;
  for (std::filesystem::directory_iterator entry(kernel_backends, error), end; !error && entry != end; entry.increment(error)) {
    auto backend = kernel_backend(entry->path());
    const bool is_new = backend && wanted.has(*backend) && std::none_of(backends.begin(), backends.end(), [&](const BlockBackend& known) {
      return known.kind == backend->kind && known.domain == backend->domain && known.number == backend->number;
    });
    if (is_new) backends.push_back(std::move(*backend));
  }
  return backends;
}

bool serves(const BlockBackend& backend, const Volume& volume) {
  if (backend.target == volume.path) return true;
  const auto wanted = identity_of(volume.path);
  if (!wanted) return false;
  const auto is_wanted = [&](const std::optional<Identity>& identity) { return identity && identity->key() == wanted->key(); };
  if (backend.physical && is_wanted(identity_of_block_device(*backend.physical))) return true;
  return !backend.target.empty() && is_wanted(identity_of(backend.target));
}

bool is_block_device(const std::string& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
}

}  // namespace zynclone::broker::xen
