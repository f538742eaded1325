#pragma once
// One zynclone-save at work (host-broker/app/zynclone-save): it copies a domain's memory, and holds the domain for as long as this object keeps its
// input open. Also finds those that a broker before this one has left. Owned by XlMemories; one thread.

#include <boost/asio/streambuf.hpp>

#include <functional>
#include <memory>
#include <string>

#include "host-broker/xen/talking_program.hpp"
#include "protocol/names.hpp"

namespace zynclone::broker::xen {

class SaveProcess {
 public:
  using Progress = std::function<void(unsigned percent)>;

  // `reserve`: bytes that stay free on the file's file system. Errors: system.
  static Result<std::unique_ptr<SaveProcess>> start(asio::any_io_executor executor, const std::string& program, DomainId domain, const std::string& file,
                                                    std::uint64_t reserve);
  // When this goes, the domain is let go, without waiting for it.
  SaveProcess(const SaveProcess&) = delete;
  SaveProcess& operator=(const SaveProcess&) = delete;

  // Waits until the domain stands still, and gives for how long it has. Errors: xen with the program's cause; no_space; timed_out.
  asio::awaitable<Result<Deadline>> suspended(Progress progress, Deadline limit);
  // Waits until the image is whole, and the domain is only paused. Errors: as above.
  asio::awaitable<Result<void>> held(Progress progress, Deadline limit);
  bool is_holding() const { return is_holding_; }

  // Has it let the domain go, and waits until it has ended; kills it after the limit. Errors: timed_out, when it had to be killed.
  asio::awaitable<Result<void>> end(Deadline limit);

 private:
  explicit SaveProcess(TalkingProgram started);
  asio::awaitable<Result<Deadline>> read_until_suspended(Progress progress);
  asio::awaitable<Result<void>> read_until_held(Progress progress);
  asio::awaitable<Result<std::string>> read_line();

  WatchedChild process_;
  asio::local::stream_protocol::socket socket_;
  asio::streambuf buffer_;
  bool is_holding_ = false;
};

// Waits until no zynclone-save of another process works on the domain: those that have lost their broker give up by themselves, and are killed after the
// limit. Errors: system.
asio::awaitable<Result<void>> wait_for_other_saves(DomainId domain, Deadline limit);

}  // namespace zynclone::broker::xen
