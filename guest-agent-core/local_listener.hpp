#pragma once
// Where local callers come from: a Unix socket, on Windows a pipe. Real: agent::linux UnixLocalListener. Tests: FakeLocalListener.

#include <functional>
#include <memory>
#include <string>

#include "protocol/channel/channel.hpp"
#include "system/async.hpp"

namespace zynclone::agent {

enum class Rights {
  read,    // anyone
  change,  // the group zynclone, and whom the agent runs as
};

// Who called, as the operating system says.
struct LocalCaller {
  std::string user;                // for messages and for counting: "uid 1000"
  std::string group;               // for messages: the group that one must be in to change something
  std::function<Rights()> rights;  // as of now; asked when something is to be changed
};

struct LocalConnection {
  std::unique_ptr<channel::Channel> channel;
  LocalCaller caller;
};

class LocalListener {
 public:
  virtual ~LocalListener() = default;
  // Starts to listen; called once, before accept. Errors: already_exists when another agent does; system.
  virtual Result<void> open() = 0;
  // The next caller. Errors: unavailable once closed; system, after which it may be called again.
  virtual asio::awaitable<Result<LocalConnection>> accept() = 0;
  virtual void close() = 0;
};

}  // namespace zynclone::agent
