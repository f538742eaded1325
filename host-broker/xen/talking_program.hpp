#pragma once
// The start of a program of ours that the broker talks with (zynclone-save, zynclone-disk): its standard input and output are a socket to this process,
// so that it notices when this process dies.

#include <boost/asio/local/stream_protocol.hpp>

#include <chrono>
#include <string>
#include <vector>

#include "system/watched_child.hpp"

namespace zynclone::broker::xen {

// Of such a program, from SIGKILL to its end.
inline constexpr std::chrono::seconds k_death{5};

struct TalkingProgram {
  WatchedChild process;
  asio::local::stream_protocol::socket socket;
};

enum class StandardError { ours, the_socket };

// The first argument is the program's path. Errors: system.
Result<TalkingProgram> start_talking(asio::any_io_executor executor, const std::vector<std::string>& arguments, StandardError errors);

}  // namespace zynclone::broker::xen
