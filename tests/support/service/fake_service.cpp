#include "tests/support/service/fake_service.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace zynclone::tests {
namespace {

constexpr int k_patience = 10'000;  // ms

void check(bool right, const char* what) {
  if (right) return;
  std::perror(what);
  std::abort();
}

}  // namespace

Conversation::Conversation(Descriptor socket)
    : socket_(std::move(socket)), reader_(channel::Framing::line, 16 * protocol::k_longest_message) {}

std::string Conversation::read_line() {
  for (;;) {
    auto message = reader_.next();
    if (!message) return {};
    if (message.value()) return *message.value();
    pollfd ready{.fd = socket_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, k_patience) <= 0) return {};
    std::array<char, 4096> bytes;
    const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
    if (count <= 0) return {};
    if (!reader_.feed(std::string_view(bytes.data(), static_cast<std::size_t>(count)))) return {};
  }
}

protocol::Request Conversation::read_request() {
  const std::string line = read_line();
  auto request = protocol::decode_request(line, protocol::Sender::administrator);
  if (!request) {
    std::fprintf(stderr, "the fake service got no request but '%s': %s\n", line.c_str(), request.error().message.c_str());
    std::abort();
  }
  return std::move(request).value();
}

void Conversation::send_line(std::string_view line) {
  send_bytes(std::string(line) + '\n');
}

void Conversation::send_bytes(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0) return;  // the client is gone: its part to notice
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Conversation::wait_closed() {
  while (!read_line().empty()) {
  }
}

FakeService::FakeService(std::string path, std::vector<Script> scripts)
    : path_(std::move(path)), scripts_(scripts.begin(), scripts.end()), stop_(::eventfd(0, EFD_CLOEXEC)) {
  listen();
  thread_ = std::thread([this] { serve(); });
}

FakeService::~FakeService() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  check(::eventfd_write(stop_.get(), 1) == 0, "eventfd_write");
  thread_.join();
  ::unlink(path_.c_str());
}

void FakeService::add(Script script) {
  const std::lock_guard lock(mutex_);
  scripts_.push_back(std::move(script));
}

void FakeService::listen() {
  Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  check(path_.size() < sizeof(address.sun_path), "path too long");
  path_.copy(address.sun_path, path_.size());
  check(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0, "bind");
  check(::listen(socket.get(), 8) == 0, "listen");
  listener_ = std::move(socket);
}

void FakeService::go_away() {
  const std::lock_guard lock(mutex_);
  ::unlink(path_.c_str());
  // Who connected and was not accepted yet is hung up on.
  listener_.reset();
}

void FakeService::come_back() {
  {
    const std::lock_guard lock(mutex_);
    listen();
  }
  changed_.notify_all();
}

void FakeService::wait_idle() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !running_; });
}

std::size_t FakeService::connections() const {
  const std::lock_guard lock(mutex_);
  return connections_;
}

void FakeService::serve() {
  for (;;) {
    Descriptor connection;
    Script script;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || listener_; });
      if (stopping_) return;
      // A script runs on this thread, so only the test can close the listener meanwhile; it is polled for short spans then.
      std::array<pollfd, 2> ready{{{.fd = listener_.get(), .events = POLLIN, .revents = 0}, {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
      lock.unlock();
      (void)::poll(ready.data(), ready.size(), 100);
      lock.lock();
      if (stopping_) return;
      if (!listener_ || (ready[0].revents & POLLIN) == 0) continue;
      connection.reset(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!connection) continue;
      ++connections_;
      if (!scripts_.empty()) {
        script = std::move(scripts_.front());
        scripts_.pop_front();
        running_ = true;
      }
    }
    if (!script) continue;
    {
      Conversation conversation(std::move(connection));
      script(conversation);
    }
    {
      const std::lock_guard lock(mutex_);
      running_ = false;
    }
    changed_.notify_all();
  }
}

}  // namespace zynclone::tests
