#include "host-broker/xen/render.hpp"

#include <algorithm>

#include "host-broker/ports/family.hpp"
#include "host-broker/xen/block_backends.hpp"

namespace zynclone::broker::xen {
namespace {

constexpr std::size_t k_longest_domain_name = 127;
constexpr std::size_t k_longest_interface_name = 15;  // IFNAMSIZ without its NUL

Error bad_value(std::string_view what, const std::string& value) {
  return Error{Errc::configuration, "cannot render " + std::string(what) + " '" + printable(value) +
                                        "': printable ASCII without quotes and backslashes is allowed"};
}

// In the text between two quotes. xl.cfg knows no way to write a quote there that all its versions read alike, so there is none.
Result<void> check_text(std::string_view what, const std::string& value) {
  const bool safe = std::all_of(value.begin(), value.end(),
                                [](char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\'' && c != '\\'; });
  if (!safe) return bad_value(what, value);
  return outcome::success();
}

// In a list of key=value between commas.
Result<void> check_option(std::string_view what, const std::string& value) {
  TRY(check_text(what, value));
  if (value.find_first_of(", \t=") != std::string::npos)
    return fail(Errc::configuration, "cannot render " + std::string(what) + " '" + value + "': no comma, space or '=' is allowed in it");
  return outcome::success();
}

class Options {
 public:
  Result<void> add(std::string_view key, const std::string& value) {
    TRY(check_option(key, value));
    text_ += (text_.empty() ? "" : ",") + std::string(key) + "=" + value;
    return outcome::success();
  }
  Result<void> add_if(bool wanted, std::string_view key, const std::string& value) {
    return wanted ? add(key, value) : Result<void>(outcome::success());
  }
  // Takes the rest of the entry, commas and all (xl-disk-configuration(5)): the last one.
  Result<void> add_target(const std::string& path) {
    TRY(check_text("disk path", path));
    text_ += ",target=" + path;
    return outcome::success();
  }
  // An option as its own word, such as "discard".
  void add_word(std::string_view word) { text_ += "," + std::string(word); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string_view format_of(const VmDisk& disk) { return disk.volume.format == VolumeFormat::qcow2 ? "qcow2" : "raw"; }

Result<std::string> render_disk(const VmDisk& disk, const XlConfig& original, const std::string& block_script) {
  const auto found = std::find_if(original.disks.begin(), original.disks.end(), [&](const XlDisk& other) { return other.device == disk.device; });
  // A live clone's copy of a shared volume, which is in no configuration; only what a clone writes to is its own for certain.
  if (found == original.disks.end() && disk.writable) return broker::xen::render_disk(disk, block_script);
  if (found == original.disks.end())
    return fail(Errc::configuration, "cannot render disk '" + printable(disk.device) + "': the original has none of this name");
  const bool moved = disk.volume.path != found->path;  // a copy, and so of a format and place of its own
  Options options;
  TRY(options.add("format", moved ? std::string(format_of(disk)) : found->format));
  TRY(options.add("vdev", disk.device));
  TRY(options.add("access", disk.writable ? "rw" : "ro"));
  TRY(options.add_if(found->cdrom, "devtype", "cdrom"));
  TRY(options.add_if(!found->backend_type.empty(), "backendtype", found->backend_type));
  TRY(options.add_if(!found->backend_domain.empty(), "backend", found->backend_domain));
  TRY(options.add_if(!found->specification.empty(), "specification", found->specification));
  const std::string& script = moved ? block_script : found->script;
  const bool is_kernels = (found->backend_type.empty() || found->backend_type == "phy") && found->specification != "virtio";
  const bool has_script = !moved || (disk.volume.format == VolumeFormat::lvm_thin && is_kernels);
  TRY(options.add_if(has_script && !script.empty(), "script", script));
  if (found->discard) options.add_word(*found->discard ? "discard" : "no-discard");
  if (found->direct_io_safe) options.add_word("direct-io-safe");
  TRY(options.add_target(disk.volume.path));
  return options.text();
}

// Options of the original's interface that say what the hardware is, and not who it is.
bool is_kept(const std::string& key) {
  constexpr std::string_view kept[] = {"type", "model", "rate", "script", "gatewaydev", "mtu", "trusted", "accel"};
  return std::find(std::begin(kept), std::end(kept), key) != std::end(kept);
}

Result<std::string> render_vif(const CloneDomain::Vif& vif, const XlConfig& original) {
  Options options;
  TRY(options.add("devid", std::to_string(vif.index)));
  TRY(const auto mac, MacAddress::parse(vif.mac));
  TRY(options.add("mac", mac.text()));
  TRY(options.add_if(!vif.bridge.empty(), "bridge", vif.bridge));
  TRY(options.add("backend", vif.backend));
  TRY(parse_checked_name(vif.interface, "interface name", k_longest_interface_name));
  TRY(options.add("vifname", vif.interface));
  const auto found = std::find_if(original.vifs.begin(), original.vifs.end(), [&](const XlVif& other) { return other.index == vif.index; });
  if (found == original.vifs.end()) return options.text();
  // The family's own bridge is Linux's: a script for another kind of network has nothing to do there.
  const bool is_apart = is_isolated_bridge(vif.bridge);
  for (const auto& [key, value] : found->options) {
    TRY(options.add_if(is_kept(key) && !(is_apart && (key == "script" || key == "gatewaydev")), key, value));
  }
  return options.text();
}

// A frame buffer whose VNC display is the next free one from the original's on.
Result<std::string> render_framebuffer(const std::string& entry) {
  std::string text;
  for (std::size_t begin = 0; begin < entry.size();) {
    const auto end = std::min(entry.find(',', begin), entry.size());
    const std::string part = entry.substr(begin, end - begin);
    begin = end + 1;
    if (part.find("vncunused") == std::string::npos && !part.empty()) text += part + ",";
  }
  text += "vncunused=1";
  TRY(check_text("frame buffer", text));
  return text;
}

std::string quoted(const std::string& text) { return '"' + text + '"'; }

std::string list_assignment(std::string_view key, const std::vector<std::string>& entries) {
  if (entries.empty()) return std::string(key) + " = []\n";
  std::string text = std::string(key) + " = [\n";
  for (const std::string& entry : entries) text += "  " + quoted(entry) + ",\n";
  return text + "]\n";
}

template <class Item, class Render>
Result<std::vector<std::string>> render_all(const std::vector<Item>& items, Render render) {
  std::vector<std::string> entries;
  for (const Item& item : items) {
    TRY(auto entry, render(item));
    entries.push_back(std::move(entry));
  }
  return entries;
}

// What only one domain can have at a time. USB controllers are virtual, and stay: what is plugged into them is another matter (usbdev).
std::string exclusive_settings(const XlConfig& original, const std::optional<SpicePorts>& spice) {
  std::string text;
  for (const char* key : {"pci", "usbdev", "vtpm", "dtdev", "p9", "channel", "vdispl", "vsnd", "vkb", "iomem", "irqs", "ioports"})
    if (original.keys.contains(key)) text += std::string(key) + " = []\n";
  std::vector<std::string> emulated;
  for (const std::string& device : original.usb_devices)
    if (device == "tablet" || device == "mouse" || device == "keyboard") emulated.push_back(device);
  if (original.keys.contains("usbdevice")) text += list_assignment("usbdevice", emulated);
  if (original.keys.contains("gfx_passthru")) text += "gfx_passthru = 0\n";
  if (original.keys.contains("serial") && original.serial != "pty") text += "serial = \"pty\"\n";
  if (original.has_spice && !spice) text += "spice = 0\n";
  if (spice && original.spice_port != 0) text += "spiceport = " + std::to_string(spice->plain) + "\n";
  if (spice && original.spice_tls_port != 0) text += "spicetls_port = " + std::to_string(spice->tls) + "\n";
  if (original.keys.contains("vncunused")) text += "vncunused = 1\n";
  // A generation id that stays the same would tell Windows that nothing has happened.
  if (original.keys.contains("ms_vm_genid")) text += "ms_vm_genid = \"generate\"\n";
  return text;
}

}  // namespace

Result<std::string> render_disk(const VmDisk& disk, const std::string& block_script) {
  Options options;
  TRY(options.add("format", std::string(format_of(disk))));
  TRY(options.add("vdev", disk.device));
  TRY(options.add("access", disk.writable ? "rw" : "ro"));
  const bool is_block = disk.volume.format != VolumeFormat::qcow2 && is_block_device(disk.volume.path);
  TRY(options.add_if(is_block, "backendtype", "phy"));
  TRY(options.add_if(is_block && !block_script.empty(), "script", block_script));
  TRY(options.add_target(disk.volume.path));
  return options.text();
}

Result<std::string> render_clone(const std::string& original_text, const XlConfig& original, const CloneDomain& clone,
                                 const HostParts& host) {
  TRY(parse_checked_name(clone.name, "domain name", k_longest_domain_name));
  TRY(const auto uuid, Uuid::parse(clone.uuid.text()));
  const std::string block_script = original.is_hvm || original.has_bootloader ? std::string() : host.block_script;
  TRY(const auto disks, render_all(clone.disks, [&](const VmDisk& disk) { return render_disk(disk, original, block_script); }));
  TRY(const auto vifs, render_all(clone.vifs, [&](const CloneDomain::Vif& vif) { return render_vif(vif, original); }));
  TRY(const auto framebuffers, render_all(original.framebuffers, render_framebuffer));

  std::string text = original_text;
  if (!text.empty() && text.back() != '\n') text += '\n';
  text += "\n# From here on it is about the clone; a later line replaces an earlier one of the same name.\n";
  text += "name = " + quoted(clone.name) + "\n";
  text += "uuid = " + quoted(uuid.text()) + "\n";
  text += list_assignment("disk", disks);
  text += list_assignment("vif", vifs);
  if (!framebuffers.empty()) text += list_assignment("vfb", framebuffers);
  return text + exclusive_settings(original, host.spice);
}

}  // namespace zynclone::broker::xen
