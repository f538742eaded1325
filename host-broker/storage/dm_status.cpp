#include "host-broker/storage/dm_status.hpp"

#include <array>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <vector>

#include "system/descriptor.hpp"

namespace zynclone::broker::storage {
namespace {

constexpr std::uint64_t k_sector = 512;
constexpr std::uint64_t k_metadata_block = 4096;  // fixed by the kernel's format

enum class Question { table, status };

struct Target {
  std::string type;
  std::string parameters;
  std::uint64_t sectors = 0;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return parts;
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "330/3072"
std::optional<std::pair<std::uint64_t, std::uint64_t>> parse_fraction(std::string_view text) {
  const auto parts = split(text, '/');
  if (parts.size() != 2) return std::nullopt;
  const auto used = parse_number(parts[0]);
  const auto all = parse_number(parts[1]);
  if (!used || !all || *used > *all) return std::nullopt;
  return std::pair(*used, *all);
}

// The device's one target. A device of several, as LVM makes of split volumes, is no thin volume.
std::optional<Target> ask(int control, const std::string& name, dev_t device, Question question) {
  alignas(dm_ioctl) std::array<char, 4096> buffer{};
  dm_ioctl request{};
  request.version[0] = DM_VERSION_MAJOR;
  request.data_size = buffer.size();
  request.data_start = sizeof request;
  request.dev = device;  // zero: by name
  // Not flushed: a thin pool would commit its metadata first, and the figures of its last commit are as good.
  request.flags = DM_NOFLUSH_FLAG | (question == Question::table ? DM_STATUS_TABLE_FLAG : 0);
  if (name.size() >= sizeof request.name) return std::nullopt;
  std::memcpy(request.name, name.data(), name.size());
  std::memcpy(buffer.data(), &request, sizeof request);
  if (::ioctl(control, DM_TABLE_STATUS, buffer.data()) != 0) return std::nullopt;
  std::memcpy(&request, buffer.data(), sizeof request);
  dm_target_spec specification{};
  if ((request.flags & DM_BUFFER_FULL_FLAG) != 0 || request.target_count != 1 ||
      request.data_start > buffer.size() - sizeof specification - 1)
    return std::nullopt;
  std::memcpy(&specification, buffer.data() + request.data_start, sizeof specification);
  buffer.back() = '\0';
  return Target{std::string(specification.target_type, ::strnlen(specification.target_type, sizeof specification.target_type)),
                buffer.data() + request.data_start + sizeof specification, specification.length};
}

}  // namespace

std::optional<dev_t> parse_thin_table(std::string_view parameters) {
  const auto words = split(parameters, ' ');
  if (words.size() < 2) return std::nullopt;
  const auto numbers = split(words[0], ':');
  if (numbers.size() != 2) return std::nullopt;
  const auto major_number = parse_number(numbers[0]);
  const auto minor_number = parse_number(numbers[1]);
  if (!major_number || !minor_number || *major_number > 0xfff || *minor_number > 0xfffff) return std::nullopt;
  return makedev(static_cast<unsigned>(*major_number), static_cast<unsigned>(*minor_number));
}

std::optional<std::uint64_t> parse_thin_pool_table(std::string_view parameters) {
  const auto words = split(parameters, ' ');
  const auto sectors = words.size() < 3 ? std::nullopt : parse_number(words[2]);
  if (!sectors || *sectors == 0 || *sectors > (1u << 21)) return std::nullopt;  // at most 1 GiB a block, by the kernel
  return *sectors * k_sector;
}

std::optional<PoolUse> parse_thin_pool_status(std::string_view parameters, std::uint64_t data_block) {
  const auto words = split(parameters, ' ');
  if (words.size() < 5) return std::nullopt;  // "Fail", "Error"
  const auto metadata = parse_fraction(words[1]);
  const auto data = parse_fraction(words[2]);
  if (!metadata || !data) return std::nullopt;
  return PoolUse{.data_size = data->second * data_block,
                 .data_used = data->first * data_block,
                 .metadata_size = metadata->second * k_metadata_block,
                 .metadata_used = metadata->first * k_metadata_block,
                 .mode = std::string(words[4])};
}

std::optional<ThinVolumeStatus> ask_thin_volume(const std::string& mapper_name) {
  Descriptor control(::open("/dev/mapper/control", O_RDWR | O_CLOEXEC));
  if (!control) return std::nullopt;
  const auto volume = ask(control.get(), mapper_name, 0, Question::table);
  if (!volume || volume->type != "thin") return std::nullopt;
  const auto pool = parse_thin_table(volume->parameters);
  if (!pool) return std::nullopt;
  const auto table = ask(control.get(), {}, *pool, Question::table);
  const auto status = ask(control.get(), {}, *pool, Question::status);
  if (!table || !status || table->type != "thin-pool") return std::nullopt;
  const auto block = parse_thin_pool_table(table->parameters);
  if (!block) return std::nullopt;
  auto use = parse_thin_pool_status(status->parameters, *block);
  if (!use) return std::nullopt;
  return ThinVolumeStatus{.size = volume->sectors * k_sector, .pool = std::move(*use)};
}

}  // namespace zynclone::broker::storage
