#include "host-broker/xen/xl_config.hpp"

extern "C" {
#include <libxl.h>
#include <libxlutil.h>
}

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace zynclone::broker::xen {
namespace {

constexpr std::size_t k_longest_config = 1 << 20;  // bytes
constexpr int k_most_devices = 256;                // of one kind

// What libxlutil writes about mistakes.
class Report {
 public:
  Report() : file_(::open_memstream(&text_, &size_)) {}
  Report(const Report&) = delete;
  Report& operator=(const Report&) = delete;
  ~Report() {
    if (file_ != nullptr) std::fclose(file_);
    std::free(text_);
  }
  FILE* file() { return file_; }
  std::string text() {
    std::fflush(file_);
    std::string result(text_, size_);
    while (!result.empty() && result.back() == '\n') result.pop_back();
    std::replace(result.begin(), result.end(), '\n', ';');
    return printable(result);
  }

 private:
  char* text_ = nullptr;
  std::size_t size_ = 0;
  FILE* file_;
};

struct DestroyConfig {
  void operator()(XLU_Config* config) const { xlu_cfg_destroy(config); }
};

class Parser {
 public:
  explicit Parser(const std::string& file)
      : file_(file), config_(report_.file() != nullptr ? xlu_cfg_init(report_.file(), file.c_str()) : nullptr) {}

  Result<XlConfig> parse(const std::string& text) {
    if (!config_) return broken("no memory is left");
    if (xlu_cfg_readdata(config_.get(), text.data(), static_cast<int>(text.size())) != 0) return broken(report_.text());
    XlConfig result;
    result.name = text_of("name");
    result.uuid = text_of("uuid");
    result.serial = text_of("serial");
    for (const std::string_view key : k_noticed_keys)
      if (is_there(std::string(key))) result.keys.emplace(key);
    result.usb_devices = texts_of("usbdevice");
    result.passed_pci = texts_of("pci");
    result.passed_usb = texts_of("usbdev");
    result.usb_controllers = texts_of("usbctrl");
    const std::string kind = text_of("type");
    result.is_hvm = kind == "hvm" || (kind.empty() && text_of("builder") == "hvm");
    result.is_pvh = kind == "pvh";
    result.has_bootloader = is_there("bootloader");
    result.passthrough = text_of("passthrough");
    result.has_spice = result.is_hvm && number_of("spice") != 0;
    TRY(result.spice_port, port_of("spiceport"));
    TRY(result.spice_tls_port, port_of("spicetls_port"));
    TRY(auto framebuffers, list_of("vfb"));
    result.framebuffers = std::move(framebuffers);
    TRY(auto disks, list_of("disk"));
    for (const std::string& entry : disks) {
      TRY(auto disk, parse_disk(entry));
      result.disks.push_back(std::move(disk));
    }
    TRY(auto vifs, list_of("vif"));
    for (const std::string& entry : vifs) {
      TRY(auto vif, parse_vif(entry, static_cast<unsigned>(result.vifs.size())));
      result.vifs.push_back(std::move(vif));
    }
    return result;
  }

 private:
  Error broken(const std::string& cause) const {
    return Error{Errc::configuration, "cannot read '" + printable(file_) + "' as the configuration of a domain: " + cause, printable(file_)};
  }

  std::string text_of(const char* key) const {
    const char* value = nullptr;
    return xlu_cfg_get_string(config_.get(), key, &value, 1) == 0 && value != nullptr ? value : "";
  }

  long number_of(const char* key) const {
    long value = 0;
    return xlu_cfg_get_long(config_.get(), key, &value, 1) == 0 ? value : 0;
  }

  Result<unsigned> port_of(const char* key) const {
    const long value = number_of(key);
    if (value < 0 || value > 65535) return broken("'" + std::string(key) + "' is no port from 1 to 65535");
    return static_cast<unsigned>(value);
  }

  bool is_there(const std::string& key) const {
    const char* value = nullptr;
    return xlu_cfg_get_string(config_.get(), key.c_str(), &value, 1) == 0 ||
           xlu_cfg_get_list(config_.get(), key.c_str(), nullptr, nullptr, 1) == 0;
  }

  // Where xl takes one text or a list of them.
  std::vector<std::string> texts_of(const char* key) const {
    if (std::string text = text_of(key); !text.empty()) return {text};
    auto list = list_of(key);
    return list ? std::move(list).value() : std::vector<std::string>();
  }

  Result<std::vector<std::string>> list_of(const char* key) const {
    std::vector<std::string> entries;
    if (!is_there(key)) return entries;
    XLU_ConfigList* list = nullptr;
    int count = 0;
    if (xlu_cfg_get_list(config_.get(), key, &list, &count, 1) != 0)
      return broken("'" + std::string(key) + "' is no list, as [ \"…\" ]");
    if (count > k_most_devices) return broken("'" + std::string(key) + "' has more than " + std::to_string(k_most_devices) + " entries");
    for (int i = 0; i < count; ++i) {
      const char* entry = xlu_cfg_get_listitem(list, i);
      if (entry == nullptr) return broken("entry " + std::to_string(i) + " of '" + key + "' is no text");
      entries.emplace_back(entry);
    }
    return entries;
  }

  Result<XlDisk> parse_disk(const std::string& entry) {
    libxl_device_disk disk;
    libxl_device_disk_init(&disk);
    const std::unique_ptr<libxl_device_disk, void (*)(libxl_device_disk*)> owner(&disk, libxl_device_disk_dispose);
    const char* specification = entry.c_str();
    if (xlu_disk_parse(config_.get(), 1, &specification, &disk) != 0) return broken(report_.text());
    const auto text = [](const char* value) { return std::string(value != nullptr ? value : ""); };
    XlDisk result;
    result.device = text(disk.vdev);
    result.path = text(disk.pdev_path);
    result.format = disk.format == LIBXL_DISK_FORMAT_UNKNOWN ? "raw" : libxl_disk_format_to_string(disk.format);
    if (disk.backend != LIBXL_DISK_BACKEND_UNKNOWN) result.backend_type = libxl_disk_backend_to_string(disk.backend);
    result.backend_domain = text(disk.backend_domname);
    result.script = text(disk.script);
    // Xen's block script (expand_dev) takes a path without a slash in front for one in /dev.
    if (!result.path.empty() && result.path[0] != '/' && result.script.empty() && result.format == "raw") result.path.insert(0, "/dev/");
    if (disk.specification != LIBXL_DISK_SPECIFICATION_UNKNOWN)
      result.specification = libxl_disk_specification_to_string(disk.specification);
    if (!libxl_defbool_is_default(disk.discard_enable)) result.discard = libxl_defbool_val(disk.discard_enable);
    result.direct_io_safe = disk.direct_io_safe;
    result.cdrom = disk.is_cdrom != 0;
    result.writable = disk.readwrite != 0;
    if (result.device.empty()) return broken("disk '" + printable(entry) + "' has no virtual device, such as xvda");
    return result;
  }

  // As xl itself does it (parse_nic_config in tools/xl/xl_parse.c): parts between commas, each key=value.
  Result<XlVif> parse_vif(const std::string& entry, unsigned position) const {
    XlVif vif{.index = position};
    for (std::size_t begin = 0; begin < entry.size();) {
      const auto end = std::min(entry.find(',', begin), entry.size());
      std::string part = entry.substr(begin, end - begin);
      begin = end + 1;
      part.erase(0, std::min(part.find_first_not_of(" \t"), part.size()));
      if (part.empty()) continue;
      const auto equals = part.find('=');
      if (equals == std::string::npos) return broken("'" + printable(part) + "' in vif '" + printable(entry) + "' is not key=value");
      std::string key = part.substr(0, equals);
      std::string value = part.substr(equals + 1);
      if (key == "devid") {
        const auto [stop, error] = std::from_chars(value.data(), value.data() + value.size(), vif.index);
        if (error != std::errc() || stop != value.data() + value.size()) return broken("devid '" + printable(value) + "' is no number");
      } else {
        vif.options.emplace_back(std::move(key), std::move(value));
      }
    }
    return vif;
  }

  std::string file_;
  Report report_;
  std::unique_ptr<XLU_Config, DestroyConfig> config_;
};

bool is_dom0(const std::string& domain) { return domain.empty() || domain == "0" || domain == "Domain-0"; }

// Every device node is taken for a thin volume here; storage asks LVM, and refuses what is none with the reason.
Result<Volume> volume_of(const XlDisk& disk) {
  const auto refuse = [&](const std::string& cause) { return fail(Errc::configuration, "cannot copy disk '" + printable(disk.device) + "': " + cause); };
  if (!disk.script.empty()) return refuse("it is attached by script '" + printable(disk.script) + "', and what that does is not known");
  if (!is_dom0(disk.backend_domain)) return refuse("its backend is domain '" + printable(disk.backend_domain) + "', and not this one");
  if (!disk.path.starts_with('/')) return refuse("its path '" + printable(disk.path) + "' is not absolute");
  if (disk.format == "qcow2") return Volume{VolumeFormat::qcow2, disk.path};
  if (disk.format != "raw") return refuse("its format is " + disk.format + ", and raw and qcow2 are known");
  const bool device = disk.path.starts_with("/dev/");
  return Volume{device ? VolumeFormat::lvm_thin : VolumeFormat::raw, disk.path};
}

// A name that the administrator chose, so that its rules are there before the interface is, as for a clone's. Others are known once they are there.
std::string own_name_of(const XlVif& vif) {
  constexpr std::size_t k_longest = 15;  // IFNAMSIZ without its NUL
  const auto name = parse_checked_name(vif.get("vifname"), "interface name", k_longest);
  return name && !name.value().ends_with("-emu") ? name.value() : std::string();  // that end is the emulated twin's
}

}  // namespace

std::string XlVif::get(std::string_view key) const {
  const auto found = std::find_if(options.begin(), options.end(), [&](const auto& option) { return option.first == key; });
  return found == options.end() ? std::string() : found->second;
}

Result<XlConfig> parse_xl_config(const std::string& text, const std::string& file) {
  if (text.size() > k_longest_config)
    return fail(Errc::configuration, "cannot read '" + printable(file) + "': it is longer than " + std::to_string(k_longest_config) + " bytes");
  if (text.find('\0') != std::string::npos) return fail(Errc::configuration, "cannot read '" + printable(file) + "': it holds a NUL");
  return Parser(file).parse(text);
}

Result<VmConfig> to_vm_config(const XlConfig& config, const VmName& vm, const std::string& file) {
  const auto wrong = [&](const Error& error) {
    return Error{Errc::configuration, "cannot use '" + printable(file) + "' for VM '" + vm.text() + "': " + error.message, printable(file)};
  };
  if (config.name != vm.text()) return wrong({Errc::configuration, "it says name '" + printable(config.name) + "'"});
  VmConfig result{.name = vm, .file = file};
  if (!config.uuid.empty()) {
    auto uuid = Uuid::parse(config.uuid);
    if (!uuid) return wrong(uuid.error());
    result.uuid = uuid.value();
  }
  for (const XlDisk& disk : config.disks) {
    if (disk.path.empty()) continue;  // a drive without a medium
    auto volume = volume_of(disk);
    if (!volume && disk.writable) return wrong(volume.error());
    // What is only read needs no copy and is named for the clone as it is for the original.
    result.disks.push_back({.device = disk.device,
                            .volume = volume ? volume.value() : Volume{VolumeFormat::raw, disk.path},
                            .writable = disk.writable});
  }
  for (const XlVif& vif : config.vifs) {
    const std::string backend = vif.get("backend");
    result.vifs.push_back({.index = vif.index, .mac = vif.get("mac"), .bridge = vif.get("bridge"), .backend = is_dom0(backend) ? "0" : backend, .interface = own_name_of(vif)});
  }
  return result;
}

}  // namespace zynclone::broker::xen
