#include "guest-agent-linux/file_wait.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>

#include <cerrno>
#include <cstring>
#include <sys/inotify.h>

#include "guest-agent-core/either.hpp"
#include "protocol/names.hpp"
#include "system/descriptor.hpp"

namespace zynclone::agent {
namespace {

using asio::posix::stream_descriptor;

// Which of them it was does not matter: the file itself is asked.
void drain(stream_descriptor& events) {
  char buffer[4096];
  boost::system::error_code error;
  while (!error) events.read_some(asio::buffer(buffer), error);
}

// Its parameters outlive it: they are the caller's, which waits for it.
asio::awaitable<void> until_ready(stream_descriptor& events, const std::string& file, const std::function<bool(const std::string&)>& is_ready) {
  while (!is_ready(file)) {
    boost::system::error_code error;
    co_await events.async_wait(stream_descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    drain(events);
  }
}

}  // namespace

asio::awaitable<Result<void>> wait_for_file(std::filesystem::path file, std::function<bool(const std::string&)> is_ready, Deadline limit) {
  const std::string path = file.string();
  const std::string folder = file.parent_path().string();
  if (is_ready(path)) co_return outcome::success();
  Descriptor watch(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!watch) co_return fail(Errc::system, "cannot wait for '" + printable(path) + "': " + std::strerror(errno));
  if (::inotify_add_watch(watch.get(), folder.c_str(), IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE) < 0)
    co_return fail(Errc::system, "cannot watch '" + printable(folder) + "': " + std::strerror(errno));
  stream_descriptor events(co_await asio::this_coro::executor, watch.release());
  events.non_blocking(true);
  co_await either(until_ready(events, path, is_ready), sleep_for(limit));
  if (is_ready(path)) co_return outcome::success();
  co_return took_too_long("waiting for '" + printable(path) + "'", limit);
}

}  // namespace zynclone::agent
