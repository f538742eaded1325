#include "guest-agent-core/volume_record.hpp"

#include <charconv>

namespace zynclone::agent {
namespace {

template <class T>
Result<T> number_of(std::string_view text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return fail(Errc::malformed, "'" + printable(text) + "' is no number");
}

Result<bool> truth_of(std::string_view text) {
  if (text == "yes" || text == "no") return text == "yes";
  return fail(Errc::malformed, "'" + printable(text) + "' is neither yes nor no");
}

Result<VolumeChange> change_of(std::string_view text) {
  for (const VolumeChange change : {VolumeChange::release, VolumeChange::acquire}) {
    if (text == to_string(change)) return change;
  }
  return fail(Errc::malformed, "'" + printable(text) + "' is neither release nor acquire");
}

Result<void> read_line(VolumeRecord& record, std::string_view key, std::string_view value) {
  if (key == "token") {
    TRY(record.token, number_of<std::uint64_t>(value));
  } else if (key == "change") {
    TRY(record.change, change_of(value));
  } else if (key == "done") {
    TRY(record.is_done, truth_of(value));
  } else if (key == "device") {
    TRY(record.device, parse_checked_name(value, "device", 63));
  } else if (key == "hooks") {
    TRY(record.hooks, number_of<unsigned>(value));
  } else if (key == "was_mounted") {
    TRY(record.was_mounted, truth_of(value));
  } else {
    return fail(Errc::malformed, "unknown line '" + printable(key) + "'");
  }
  return outcome::success();
}

std::string_view word_of(bool truth) { return truth ? "yes" : "no"; }

}  // namespace

std::string_view to_string(VolumeChange change) { return change == VolumeChange::release ? "release" : "acquire"; }

std::string encode_volume_record(const VolumeRecord& record) {
  std::string text = "token=" + std::to_string(record.token) + "\nchange=" + std::string(to_string(record.change));
  text += "\ndone=" + std::string(word_of(record.is_done)) + "\ndevice=" + record.device;
  text += "\nhooks=" + std::to_string(record.hooks) + "\nwas_mounted=" + std::string(word_of(record.was_mounted)) + "\n";
  return text;
}

Result<VolumeRecord> decode_volume_record(std::string_view text) {
  constexpr std::string_view k_cannot = "cannot read the volume record: ";
  VolumeRecord record;
  unsigned lines = 0;
  for (; !text.empty(); ++lines) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return fail(Errc::malformed, std::string(k_cannot) + "its last line is cut off");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    const std::size_t equals = line.find('=');
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : line.substr(equals + 1);
    if (auto read = read_line(record, line.substr(0, equals), value); !read)
      return fail(Errc::malformed, std::string(k_cannot) + read.error().message);
  }
  if (lines == 0 || record.device.empty()) return fail(Errc::malformed, std::string(k_cannot) + "it is not whole");
  return record;
}

}  // namespace zynclone::agent
