#include "host-broker/monitors/folder_watcher.hpp"

#include <sys/inotify.h>

#include <array>
#include <cerrno>
#include <cstring>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "system/descriptor.hpp"
#include "system/log.hpp"

namespace zynclone::broker::monitors {
namespace {

constexpr std::chrono::seconds k_look_again_after{1};
constexpr std::uint32_t k_events = IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

Error system_error(const std::string& folder) { return {Errc::system, "cannot watch folder '" + folder + "': " + std::strerror(errno)}; }

// Rings for each event in a buffer, and gives all masks. No part of a coroutine, in whose frame an inotify_event does not fit.
std::uint32_t ring_for(const char* data, std::size_t size, Doorbell& doorbell) {
  std::uint32_t masks = 0;
  for (std::size_t at = 0; at + sizeof(inotify_event) <= size;) {
    inotify_event event;
    std::memcpy(&event, data + at, sizeof event);
    const char* const name = data + at + sizeof event;  // padded with NULs
    doorbell.ring(event.len == 0 ? "" : "file:" + std::string(name, ::strnlen(name, event.len)));
    masks |= event.mask;
    at += sizeof event + event.len;
  }
  return masks;
}

// Rings at every event until the folder itself is gone.
asio::awaitable<Result<void>> watch_once(std::filesystem::path folder, Doorbell& doorbell) {
  Descriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify) co_return system_error(folder.string());
  if (::inotify_add_watch(inotify.get(), folder.c_str(), k_events) < 0) co_return system_error(folder.string());
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor events(executor, inotify.release());
  doorbell.ring();  // what was there before
  std::array<char, 4096> buffer;
  for (;;) {
    const auto [error, size] = co_await events.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
    if (error) co_return fail(Errc::system, "cannot watch folder '" + folder.string() + "': " + error.message());
    if ((ring_for(buffer.data(), size, doorbell) & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0) co_return fail(Errc::not_found, "folder '" + folder.string() + "' was taken away");
  }
}

}  // namespace

asio::awaitable<void> watch_folder(std::filesystem::path folder, Doorbell& doorbell) {
  std::string last_error;
  for (;;) {
    const auto lost = co_await watch_once(folder, doorbell);
    if (lost.error().message != last_error) log_warning(lost.error().message);
    last_error = lost.error().message;
    co_await sleep_for(k_look_again_after);
  }
}

}  // namespace zynclone::broker::monitors
