// What the way of a request costs at the least: a line goes over a Unix socket through PROCESSES processes, of which the last answers,
// and back; blocking reads and writes, nothing parsed, nothing checked. One connection, then the end.
//   bench_relay SOCKET PROCESSES

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string>

#include "bench/programs/line_client.hpp"

namespace {

using zynclone::bench::give_up;

constexpr std::string_view k_answer = "{\"return\": {}}\n";

int accept_one(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) give_up("use '" + path + "', whose path is too long,");
  std::copy(path.begin(), path.end(), address.sun_path);
  const int listener = ::socket(AF_UNIX, SOCK_STREAM, 0);
  if (listener < 0 || ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || ::listen(listener, 1) != 0)
    give_up("listen on '" + path + "'");
  const int connection = ::accept(listener, nullptr, nullptr);
  if (connection < 0) give_up("accept a connection");
  return connection;
}

// Each block is a whole line, as there is never more than one on its way. False at the end.
bool pass_on(int from, int to) {
  std::array<char, 4096> block;
  const ssize_t size = ::read(from, block.data(), block.size());
  return size > 0 && ::write(to, block.data(), static_cast<std::size_t>(size)) == size;
}

void answer(int up) {
  std::array<char, 4096> block;
  while (::read(up, block.data(), block.size()) > 0)
    if (::write(up, k_answer.data(), k_answer.size()) < 0) return;
}

void serve(int up, int processes) {
  if (processes <= 1) return answer(up);
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0) give_up("make a socket pair");
  const pid_t child = ::fork();
  if (child < 0) give_up("make a process");
  if (child == 0) {
    ::close(up);
    ::close(pair[0]);
    return serve(pair[1], processes - 1);
  }
  ::close(pair[1]);
  while (pass_on(up, pair[0]) && pass_on(pair[0], up)) continue;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  serve(accept_one(arguments[1]), std::atoi(arguments[2]));
  return 0;
}
