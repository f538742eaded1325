#include "host-broker/xen/talking_program.hpp"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/names.hpp"
#include "system/descriptor.hpp"
#include "system/spawn_setup.hpp"

namespace zynclone::broker::xen {

Result<TalkingProgram> start_talking(asio::any_io_executor executor, const std::vector<std::string>& arguments, StandardError errors) {
  const std::string& program = arguments.front();
  const auto failed = [&](int error) { return fail(Errc::system, "cannot start '" + printable(program) + "': " + std::strerror(error)); };
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return failed(errno);
  Descriptor ours(ends[0]);
  const Descriptor theirs(ends[1]);
  const SpawnSetup setup({theirs.get(), theirs.get(), errors == StandardError::ours ? STDERR_FILENO : theirs.get()}, "/");
  pid_t id = 0;
  const int error = setup.spawn(id, program, arguments, {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"});
  if (error != 0) return failed(error);
  TRY(auto process, WatchedChild::adopt(executor, id, program));
  asio::local::stream_protocol::socket socket(executor, asio::local::stream_protocol(), ours.release());
  return TalkingProgram{std::move(process), std::move(socket)};
}

}  // namespace zynclone::broker::xen
