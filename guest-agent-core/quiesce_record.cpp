#include "guest-agent-core/quiesce_record.hpp"

namespace zynclone::agent {
namespace {

constexpr std::string_view k_token_line = "token=";
constexpr std::string_view k_mount_line = "mount=";

}  // namespace

// One mount point a line; a mount point with a line break in it is refused when the agent's configuration is read.
std::string encode_quiesce_record(const QuiesceRecord& record) {
  std::string text = std::string(k_token_line) + record.token.text() + "\n";
  for (const std::string& mount : record.mounts) text += std::string(k_mount_line) + mount + "\n";
  return text;
}

Result<QuiesceRecord> decode_quiesce_record(std::string_view text) {
  QuiesceRecord record;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return fail(Errc::malformed, "cannot read the quiesce record: its last line is cut off");
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (line.starts_with(k_token_line)) {
      TRY(record.token, OperationId::parse(line.substr(k_token_line.size())));
    } else if (line.starts_with(k_mount_line)) {
      record.mounts.emplace_back(line.substr(k_mount_line.size()));
    } else {
      return fail(Errc::malformed, "cannot read the quiesce record: unknown line '" + printable(line) + "'");
    }
  }
  if (record.token.text().empty()) return fail(Errc::malformed, "cannot read the quiesce record: it has no token");
  return record;
}

}  // namespace zynclone::agent
