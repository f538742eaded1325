#pragma once
// An agent or broker on a Unix socket that says what the test wrote down: one script for each connection, in order, on a thread of its own.
// It can go away and come back, as a service that is restarted. After its last script it hangs up on everybody.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "protocol/channel/frame.hpp"
#include "protocol/codec.hpp"
#include "system/descriptor.hpp"

namespace zynclone::tests {

// One connection, as its script sees it.
class Conversation {
 public:
  explicit Conversation(Descriptor socket);

  // The next line; empty when the client is gone, or says nothing for ten seconds.
  std::string read_line();
  // The next request, as an administrator's (which may name a VM). One that cannot be read aborts the test.
  protocol::Request read_request();
  void send_line(std::string_view line);
  void send_bytes(std::string_view bytes);
  // Until the client hangs up.
  void wait_closed();

  template <class R>
  void answer(const protocol::Request& request, const R& result) {
    send_line(protocol::encode_response(*request.id, result));
  }
  void fail(const protocol::Request& request, const Error& error) { send_line(protocol::encode_error(request.id, error)); }
  void notify(const protocol::OperationView& operation) {
    send_line(protocol::encode_request({.method = protocol::OperationChanged{operation}}));
  }

 private:
  Descriptor socket_;
  channel::FrameReader reader_;
};

class FakeService {
 public:
  using Script = std::function<void(Conversation&)>;

  explicit FakeService(std::string path, std::vector<Script> scripts = {});
  ~FakeService();
  FakeService(const FakeService&) = delete;

  const std::string& path() const { return path_; }
  void add(Script script);

  // No socket any more; the running script goes on. May be called by a script.
  void go_away();
  void come_back();

  std::size_t connections() const;  // that were accepted
  // Until the running script has ended: what it wrote down may be read then.
  void wait_idle();

 private:
  void listen();
  void serve();

  std::string path_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Script> scripts_;
  Descriptor listener_;
  Descriptor stop_;
  std::size_t connections_ = 0;
  bool running_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace zynclone::tests
