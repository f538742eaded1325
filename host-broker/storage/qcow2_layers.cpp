#include "host-broker/storage/qcow2_layers.hpp"

#include <algorithm>
#include <filesystem>

#include "host-broker/storage/copy_name.hpp"
#include "host-broker/storage/file_use.hpp"
#include "protocol/names.hpp"
#include "system/log.hpp"

namespace zynclone::broker::storage {
namespace {

constexpr unsigned k_most_bases = 64;               // of one name; see base_number
constexpr std::uint64_t k_layer_bytes = 2 << 20;    // an empty layer takes less
constexpr std::size_t k_longest_file_name = 255;    // NAME_MAX of Linux's file systems

// A writer still at the base while nobody has the new top layer open: QEMU has not been told of it yet.
bool awaits_switch(const std::string& source, const std::string& base) { return file_use(base).written && !file_use(source).open; }

}  // namespace

Result<unsigned> count_layers(const Qcow2Header& top) {
  unsigned count = 0;
  std::string below = top.backing;
  while (!below.empty() && count <= k_most_layers) {
    ++count;
    auto header = read_qcow2_header(below);
    if (!header && header.error().code == Errc::storage) break;  // a raw file ends the chain
    if (!header) return with_context(header.error(), "cannot follow the layers");
    below = header.value().backing;
  }
  return count;
}

Result<Qcow2Layers> Qcow2Layers::create(const SnapshotRequest& request, const std::string& copy_folder) {
  TRY(check_copy_name(request.name));
  TRY(check_path(request.source.path));
  Qcow2Layers layers;
  layers.use_ = request.use;
  // The name in a VM's configuration may be a link; it is the file itself that gets a new top.
  std::error_code missing;
  const auto resolved = std::filesystem::canonical(request.source.path, missing);
  layers.source_ = missing ? request.source.path : resolved.string();
  const std::string folder = folder_of(layers.source_);
  layers.copy_ = (copy_folder.empty() ? folder : copy_folder) + "/" + request.name;
  layers.part_ = layers.copy_ + ".part";
  layers.top_ = folder + "/" + request.name + ".top";
  layers.base_ = folder + "/" + request.name + ".base";
  if (file_name_of(layers.base_).size() + 3 > k_longest_file_name)
    return fail(Errc::invalid_argument, "cannot make copy '" + request.name + "': its name is too long");
  return layers;
}

std::string Qcow2Layers::base_number(unsigned number) const {
  const std::string first = top_.substr(0, top_.size() - std::string_view(".top").size()) + ".base";
  return number == 1 ? first : first + "." + std::to_string(number);
}

bool Qcow2Layers::is_our_base(const std::string& path) const {
  for (unsigned number = 1; number <= k_most_bases; ++number)
    if (path == base_number(number)) return true;
  return false;
}

// A copy that was copied in turn stands on its own copies' bases first.
std::optional<std::string> Qcow2Layers::our_base_under(const Qcow2Header& copy) const {
  std::string below = copy.backing;
  for (unsigned layers = 0; !below.empty() && layers <= k_most_layers; ++layers) {
    if (is_our_base(below)) return below;
    auto header = read_qcow2_header(below);
    if (!header) break;
    below = header.value().backing;
  }
  return std::nullopt;
}

Snapshot Qcow2Layers::describe(std::uint64_t size, const std::string& base) const {
  Snapshot snapshot{.volume = {VolumeFormat::qcow2, copy_}, .kind = "overlay", .size = size};
  snapshot.source_needs_switch = use_ == SourceUse::in_use && awaits_switch(source_, base);
  return snapshot;
}

Result<std::optional<Snapshot>> Qcow2Layers::find() const {
  auto copy = read_qcow2_header(copy_);
  if (!copy && copy.error().code == Errc::not_found) return std::optional<Snapshot>();
  if (!copy) return copy.error();
  const auto base = our_base_under(copy.value());
  if (!base)
    return fail(Errc::storage, "cannot use '" + copy_ + "' as the copy of '" + source_ + "': a file of this name is there already, on '" +
                                   printable(copy.value().backing) + "'");
  TRY(auto base_file, look_at_file(*base));
  TRY(auto source_file, look_at_file(source_));
  if (!base_file) return fail(Errc::storage, "cannot use copy '" + copy_ + "': '" + *base + "', on which it stands, is not there");
  if (same_file(base_file, source_file)) return std::optional<Snapshot>();
  return std::optional<Snapshot>(describe(copy.value().size, *base));
}

Result<void> Qcow2Layers::check_source(const Qcow2Header& header) const {
  const std::string failed = "cannot copy '" + source_ + "': ";
  if (header.encrypted) return fail(Errc::storage, failed + "it is encrypted, and so cannot be had as a layer without its key");
  if (header.corrupt) return fail(Errc::storage, failed + "QEMU has marked it as corrupt; see 'qemu-img check'");
  TRY(const unsigned layers, count_layers(header));
  if (layers >= k_most_layers)
    return fail(Errc::storage, failed + "it stands on " + std::to_string(layers) + " layers, and " + std::to_string(k_most_layers) +
                                   " are allowed; shut the VM down and put them together with 'qemu-img convert'");
  if (use_ == SourceUse::idle && file_use(source_).written)
    return fail(Errc::conflict, failed + "a program has it open for writing, although its VM does not run");
  return outcome::success();
}

Result<Qcow2Header> Qcow2Layers::prepare(const Share& reserve) {
  TRY(auto source_file, check_image_file(source_));
  TRY(auto header, read_qcow2_header(source_));
  TRY(check_source(header));
  TRY(check_free(folder_of(source_), k_layer_bytes, reserve));
  TRY(check_free(folder_of(copy_), k_layer_bytes, reserve));
  TRY(remove_image(copy_));
  TRY(remove_image(part_));
  TRY(remove_image(top_));
  for (unsigned number = 1; number <= k_most_bases; ++number) {
    base_ = base_number(number);
    TRY(auto base_file, look_at_file(base_));
    if (same_file(base_file, source_file)) {
      TRY(remove_image(base_));
      return header;
    }
    if (!base_file) return header;
  }
  return fail(Errc::storage, "cannot copy '" + source_ + "': '" + base_number(1) + "' to '" + base_ + "' are all in use");
}

Result<Snapshot> Qcow2Layers::put_in_place() {
  TRY(auto source_file, check_image_file(source_));
  TRY(auto header, read_qcow2_header(top_));
  std::error_code error;
  if (!std::filesystem::copy_file(top_, part_, error)) return file_failure("write", part_, error.value());
  TRY(own_like(top_, source_file));
  TRY(own_like(part_, source_file));
  TRY(link_image(source_, base_));
  TRY(rename_image(part_, copy_));
  TRY(rename_image(top_, source_));
  return describe(header.size, base_);
}

Result<bool> Qcow2Layers::is_needed_by_others(const std::string& base) const {
  for (const std::string& folder : {folder_of(source_), folder_of(copy_)}) {
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
      const std::string path = entry->path().string();
      std::error_code unknown;
      if (path == source_ || !entry->is_regular_file(unknown)) continue;
      const auto header = read_qcow2_header(path);
      if (header && header.value().backing == base) return true;
    }
    if (error) return fail(Errc::storage, "cannot look through '" + folder + "': " + error.message());
  }
  return false;
}

Result<void> Qcow2Layers::remove_base(const std::string& base) const {
  TRY(auto base_file, look_at_file(base));
  if (!base_file) return outcome::success();
  TRY(auto source_file, look_at_file(source_));
  if (same_file(base_file, source_file)) return remove_image(base);
  const auto source = read_qcow2_header(source_);
  const bool on_top = source && source.value().backing == base;
  TRY(const bool needed, is_needed_by_others(base));
  if (on_top && !needed && source.value().nothing_written && !file_use(source_).open) return rename_image(base, source_);
  log_info("'" + base + "' is kept, as " + (on_top ? "'" + source_ + "'" : std::string("another layer")) + " stands on it");
  return outcome::success();
}

Result<void> Qcow2Layers::remove() const {
  auto copy = read_qcow2_header(copy_);
  if (copy || copy.error().code != Errc::not_found) {
    if (!copy) return copy.error();
    const auto base = our_base_under(copy.value());
    if (!base) return fail(Errc::storage, "cannot remove '" + copy_ + "': it is no copy of '" + source_ + "'");
    TRY(remove_image(copy_));
  }
  TRY(remove_image(part_));
  TRY(remove_image(top_));
  for (unsigned number = 1; number <= k_most_bases; ++number) {
    TRY(remove_base(base_number(number)));
  }
  return outcome::success();
}

}  // namespace zynclone::broker::storage
