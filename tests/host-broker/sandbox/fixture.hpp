#pragma once
// A sandbox's host on this test's own io_context, in a folder of its own, and a FIFO on which its programs say what they do.

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host-broker/sandbox/host.hpp"
#include "host-broker/sandbox/toolstack.hpp"
#include "system/descriptor.hpp"
#include "system/file.hpp"
#include "tests/support/result_matchers.hpp"
#include "tests/support/run.hpp"
#include "tests/support/temporary_folder.hpp"

namespace zynclone::sandbox {

inline const std::string k_test_program = std::string(TEST_BINARY_DIR) + "/bin/sandbox_test_program";

// What programs said, line by line, in the order of their words.
class Heard {
 public:
  explicit Heard(std::string path) : path_(std::move(path)) {
    ::mkfifo(path_.c_str(), 0600);
    fifo_ = Descriptor(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK));
  }
  const std::string& path() const { return path_; }

  // The next word and who said it; runs `context` meanwhile. Ten seconds at most.
  std::pair<std::string, pid_t> next(asio::io_context& context) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (text_.find('\n') == std::string::npos) {
      if (std::chrono::steady_clock::now() > until) {
        ADD_FAILURE() << "no program said anything";
        return {"nothing", 0};
      }
      context.restart();
      context.poll();
      pollfd waiting{fifo_.get(), POLLIN, 0};
      char bytes[256];
      if (::poll(&waiting, 1, 5) == 1)
        if (const auto count = ::read(fifo_.get(), bytes, sizeof(bytes)); count > 0) text_.append(bytes, static_cast<std::size_t>(count));
    }
    const std::string line = text_.substr(0, text_.find('\n'));
    text_.erase(0, line.size() + 1);
    const auto space = line.rfind(' ');
    return {line.substr(0, space), std::stoi(line.substr(space + 1))};
  }

 private:
  std::string path_;
  Descriptor fifo_;
  std::string text_;
};

// As in /proc/<pid>/stat: R, S, T (stopped), Z, or 0 when there is no such process.
inline char state_of(pid_t pid) {
  const auto text = read_file("/proc/" + std::to_string(pid) + "/stat", 4096);
  if (!text) return '0';
  const auto end = text.value().rfind(") ");
  return end == std::string::npos ? '0' : text.value()[end + 2];
}

inline bool is_gone(pid_t pid) {
  const char state = state_of(pid);
  return state == '0' || state == 'Z' || state == 'X';
}

class SandboxTest : public ::testing::Test {
 protected:
  SandboxTest() : layout(Layout::of(folder.path()).value()), toolstack(layout), heard((folder.path() / "fifo").string()) {}

  void SetUp() override {
    auto opened = Host::open(context.get_executor(), layout);
    ASSERT_OK(opened);
    host = std::move(opened.value());
  }

  void TearDown() override {
    if (!host) return;
    host->request_stop();
    run_void(host->run());
    host.reset();
  }

  template <class T>
  T run(asio::awaitable<T> task) {
    return tests::run_on(context, std::move(task));
  }
  void run_void(asio::awaitable<void> task) {
    run([](asio::awaitable<void> inner) -> asio::awaitable<bool> {
      co_await std::move(inner);
      co_return true;
    }(std::move(task)));
  }

  // Runs the host until `condition` holds, `limit` at most.
  template <class Condition>
  bool run_until(Condition condition, Deadline limit = std::chrono::seconds(10)) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      context.restart();
      context.run_one_for(std::chrono::milliseconds(20));
    }
    return true;
  }

  // The file of an original that runs the test program and no agent.
  std::string vm_file(const std::string& vm, const std::string& what = "wait", const std::string& more = "") {
    const auto uuid = Uuid::derived(vm).text();
    const auto path = layout.vm_file(VmName::parse(vm).value()).string();
    EXPECT_OK(write_file_whole(path, "uuid = " + uuid + "\nagent = no\nrun0 = " + k_test_program + " " + what + " " + heard.path() + "\n" + more));
    return path;
  }

  std::string disk(const std::string& name) {
    const auto path = (layout.images() / name).string();
    EXPECT_OK(write_file_whole(path, "disk"));
    return path;
  }

  asio::io_context context{1};
  tests::TemporaryFolder folder;
  Layout layout;
  SandboxToolstack toolstack;
  Heard heard;
  std::unique_ptr<Host> host;
};

}  // namespace zynclone::sandbox
