#pragma once
// A program that is started before it is needed, and waits for its arguments on its standard input, each ended by a NUL: loading it may take longer than
// its work. It ends by itself when its input ends before they come, as when this process dies. One thread.

#include <memory>
#include <string>
#include <vector>

#include "host-broker/xen/talking_program.hpp"
#include "system/process.hpp"

namespace zynclone::broker::xen {

class ReadyProgram {
 public:
  // Errors: system.
  static Result<std::unique_ptr<ReadyProgram>> start(asio::any_io_executor executor, const std::string& program);
  ReadyProgram(const ReadyProgram&) = delete;
  ReadyProgram& operator=(const ReadyProgram&) = delete;

  // It may have died meanwhile.
  bool is_there() { return !process_.status(); }
  // Once: has it do its work, and waits for its end. `errors` of the output is what it wrote, 64 KiB at most. After the limit it is killed with its children.
  // Errors: system, timed_out.
  asio::awaitable<Result<ProcessOutput>> run(std::vector<std::string> arguments, Deadline limit);

 private:
  ReadyProgram(std::string program, TalkingProgram started);
  asio::awaitable<Result<std::string>> ask(std::string input, Deadline limit);
  asio::awaitable<void> read_all(std::string& output);

  std::string program_;
  WatchedChild process_;
  asio::local::stream_protocol::socket socket_;
};

// Some of one program, kept ready. One thread.
class ReadyPrograms {
 public:
  // `rest`: they are started so long after the last work, so that they do not slow it down.
  ReadyPrograms(std::string program, std::size_t most, Deadline rest);

  // A ready one, else one that is started now. Errors: system.
  Result<std::unique_ptr<ReadyProgram>> take(asio::any_io_executor executor);
  // To be called at each piece of work.
  void make_later(asio::any_io_executor executor);
  std::size_t ready() const;

 private:
  struct State;
  static asio::awaitable<void> make(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;  // shared with who waits to make more
};

}  // namespace zynclone::broker::xen
