#include "bench/programs/line_client.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace zynclone::bench {

void give_up(const std::string& what) {
  std::fprintf(stderr, "cannot %s: %s\n", what.c_str(), errno != 0 ? std::strerror(errno) : "no more is known");
  std::exit(1);
}

LineClient::LineClient(const std::string& socket) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket.size() >= sizeof address.sun_path) give_up("use '" + socket + "', whose path is too long,");
  std::copy(socket.begin(), socket.end(), address.sun_path);
  descriptor_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor_ < 0 || ::connect(descriptor_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    give_up("connect to '" + socket + "'");
}

LineClient::~LineClient() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void LineClient::send(std::string_view line) {
  std::string text(line);
  text += '\n';
  for (std::size_t sent = 0; sent < text.size();) {
    const ssize_t now = ::write(descriptor_, text.data() + sent, text.size() - sent);
    if (now <= 0) give_up("send a request");
    sent += static_cast<std::size_t>(now);
  }
}

std::string LineClient::receive() {
  for (std::size_t searched = 0;;) {
    if (const auto end = unread_.find('\n', searched); end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    searched = unread_.size();
    char block[4096];
    errno = 0;
    const ssize_t now = ::read(descriptor_, block, sizeof block);
    if (now <= 0) give_up("receive an answer");
    unread_.append(block, static_cast<std::size_t>(now));
  }
}

double LineClient::round_trip(std::string_view line, std::string_view expected) {
  const auto begun = Clock::now();
  send(line);
  const std::string answer = receive();
  const auto ended = Clock::now();
  errno = 0;
  if (answer.find(expected) == std::string::npos) give_up("use the answer '" + answer + "'");
  return std::chrono::duration<double, std::micro>(ended - begun).count();
}

double percentile(std::vector<double> values, double part) {
  if (values.empty()) return std::nan("");
  const auto rank = static_cast<std::size_t>(std::ceil(part * static_cast<double>(values.size())));
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace zynclone::bench
