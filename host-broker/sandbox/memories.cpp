#include "host-broker/sandbox/memories.hpp"

#include <charconv>
#include <chrono>

#include "system/file.hpp"

namespace zynclone::sandbox {
namespace {

constexpr std::uint64_t k_memory = 1 << 20;  // bytes that a pretended domain is said to have
constexpr std::string_view k_head = "pretended memory of domain ";

}  // namespace

Result<DomainId> read_pretended_image(const std::string& file) {
  TRY(const std::string text, read_file(file, 256));
  DomainId domain;
  const char* const end = text.data() + text.size();
  const bool is_image = text.starts_with(k_head) && std::from_chars(text.data() + k_head.size(), end, domain.value).ptr == end;
  if (!is_image) return fail(Errc::malformed, "cannot restore from '" + printable(file) + "': it is no image of the sandbox's");
  return domain;
}

asio::awaitable<Result<void>> SandboxMemories::check_room(DomainId) { co_return folder_.check_room(k_memory); }

asio::awaitable<Result<Deadline>> SandboxMemories::begin_save(DomainId domain, std::string image, Progress progress) {
  CO_TRY(folder_.check_room(k_memory));
  CO_TRY(co_await toolstack_.pause(domain));
  const auto since = std::chrono::steady_clock::now();
  if (progress) progress(100);
  const std::string text = std::string(k_head) + std::to_string(domain.value);
  auto written = write_file_whole(folder_.file_of(image), text, 0600);
  if (!written) {
    (void)co_await let_go(domain);
    co_return outcome::failure(std::move(written).error());
  }
  co_return std::chrono::steady_clock::now() - since;
}

asio::awaitable<Result<broker::SavedMemory>> SandboxMemories::finish_save(DomainId) {
  co_return broker::SavedMemory{.size = k_memory, .kind = "pretended: no process's memory is copied"};
}

asio::awaitable<Result<void>> SandboxMemories::let_go(DomainId domain) {
  auto gone = co_await toolstack_.unpause(domain);
  if (!gone && gone.error().code == Errc::not_found) co_return outcome::success();
  co_return gone;
}

}  // namespace zynclone::sandbox
